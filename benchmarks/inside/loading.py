"""Two ways of storing the same pages: by the mirror, and with `save()` for each row. Needs Django."""

from collections.abc import Iterator

import requests
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from core.models import Enrollment, User
from core.services.mirror.catalog import ensure_courses
from integrations.thinkific.cleaning import Notes
from integrations.thinkific.client import schemas
from integrations.thinkific.mapping import enrollment_row, user_row
from integrations.thinkific.pull import enrollments as pull_enrollments
from integrations.thinkific.pull import people as pull_people
from integrations.thinkific.runs.pages import RawPage, RawRow, decode_row, read_page

SOURCE = "benchmark"


def pages(path: str) -> list[bytes]:
    """Returns all pages of a list, as bytes."""
    session, bodies, number = requests.Session(), [], 1
    session.headers["X-Auth-API-Key"] = settings.THINKIFIC_API_KEY
    session.headers["X-Auth-Subdomain"] = settings.THINKIFIC_SUBDOMAIN
    while True:
        answer = session.get(
            f"{settings.THINKIFIC_API_URL}/api/public/v1{path}", params={"page": number, "limit": 250}
        )
        answer.raise_for_status()
        bodies.append(answer.content)
        if number >= answer.json()["meta"]["pagination"]["total_pages"]:
            return bodies
        number += 1


def mirror_catalog() -> None:
    """Store the courses, which must exist before both ways are measured."""
    names = {}
    for body in pages("/courses"):
        for row in read_page(body, number=1, what="courses").items:
            course = decode_row(row, schemas.Course)
            names[row.id] = getattr(course, "name", "") or ""
    ensure_courses(names)


def mirror(users: list[bytes], enrollments: list[bytes], at_once: int) -> int:
    """Store pages as a pull does, `at_once` pages in each transaction. Returns the number of rows."""
    rows = 0
    for batch in _batches(users, at_once):
        with transaction.atomic():
            applied = pull_people.apply_pages(batch, source=SOURCE, now=timezone.now())
        rows += applied.created
    for batch in _batches(enrollments, at_once):
        with transaction.atomic():
            applied = pull_enrollments.apply_pages(batch, source=SOURCE, now=timezone.now())
        rows += applied.created
    return rows


def save_each(users: list[bytes], enrollments: list[bytes], at_once: int) -> int:
    now, notes, rows = timezone.now(), Notes(), 0
    with transaction.atomic():
        for row in _rows(users):
            user = decode_row(row, schemas.User)
            User(**user_row(user, notes, digest=row.digest, now=now)).save()  # type: ignore[arg-type]
            rows += 1
    people, courses = dict(User.objects.values_list("thinkific_id", "pk")), ensure_courses({})
    with transaction.atomic():
        for row in _rows(enrollments):
            told = decode_row(row, schemas.Enrollment)
            assert isinstance(told, schemas.Enrollment) and told.course_id
            if told.course_id not in courses:
                courses |= ensure_courses({told.course_id: told.course_name or ""})
            values = enrollment_row(
                told,
                user_id=people[told.user_id],
                product_id=courses[told.course_id],
                digest=row.digest,
                now=now,
            )
            Enrollment(**values).save()
            rows += 1
    return rows


def _batches(bodies: list[bytes], size: int) -> Iterator[list[RawPage]]:
    for start in range(0, len(bodies), size):
        yield [
            read_page(body, number=start + place, what="the list")
            for place, body in enumerate(bodies[start : start + size], start=1)
        ]


def _rows(bodies: list[bytes]) -> Iterator[RawRow]:
    for body in bodies:
        yield from read_page(body, number=1, what="the list").items
