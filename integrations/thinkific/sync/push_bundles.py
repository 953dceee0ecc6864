"""Telling Thinkific about bundle enrollments: there they are only enrollments in the bundle's courses."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from core.models import Enrollment, OutboxEntry
from core.services import enrollments
from core.services.mirror.bundles import apply_bundle_rows, total_up_bundles, total_up_students
from core.services.mirror.catalog import ensure_courses
from core.services.mirror.enrollments import apply_enrollments
from core.services.mirror.pushes import SOURCE
from integrations.thinkific import schemas
from integrations.thinkific.client import ThinkificClient
from integrations.thinkific.decoding import Page
from integrations.thinkific.errors import NotFound, Rejected, RetryLater
from integrations.thinkific.mapping import enrollment_row
from integrations.thinkific.mending import Notes
from integrations.thinkific.rest import all_pages
from integrations.thinkific.sync.needs import Impossible

ACCEPTED = "Thinkific has accepted the bundle enrollment and is still making it."
LATER = 20.0  # seconds until it is asked whether it has, growing with every look
LOOKS = 6  # before it is asked to make it once more


def push_bundle(enrollment: Enrollment, user_id: int, entry: OutboxEntry, client: ThinkificClient) -> None:
    """Enroll in a bundle, or send the dates; courses that are held in another way keep their own."""
    bundle_id = enrollment.product.productable_id
    known = enrollment.course_enrollments.filter(removed_at__isnull=True).exists()
    ended = enrollment.expiry_date is not None and enrollment.expiry_date <= timezone.now()
    if not known and (entry.uncertain or entry.attempts > 1 or ended):
        known = bool(_rows(client, bundle_id, user_id))
    if known:
        known = _send_dates(enrollment, user_id, entry, client)
    if not known and ended:
        return  # it ended before Thinkific heard of it
    if not known and (entry.error != ACCEPTED or entry.attempts > LOOKS):
        _create(enrollment, user_id, client)
    rows = _rows(client, bundle_id, user_id)
    if not rows:
        raise RetryLater(ACCEPTED, after=LATER * entry.attempts)
    rows = _restore_other_grants(enrollment, rows, client)
    _store(enrollment, rows, timezone.now())


def _send_dates(enrollment: Enrollment, user_id: int, entry: OutboxEntry, client: ThinkificClient) -> bool:
    """False when Thinkific does not know that the person holds the bundle.

    What we did not change is not sent: it would become that of every course.
    """
    started = not entry.last_seen or "activated_at" in entry.last_seen
    try:
        client.update_bundle_enrollment(
            enrollment.product.productable_id,
            user_id=user_id,
            activated_at=enrollment.activated_at if started else None,
            expiry_date=enrollment.expiry_date,
            clear_expiry=enrollment.expiry_date is None,
        )
    except Rejected:
        return False
    return True


def _create(enrollment: Enrollment, user_id: int, client: ThinkificClient) -> None:
    try:
        client.create_bundle_enrollment(
            enrollment.product.productable_id,
            user_id=user_id,
            activated_at=enrollment.activated_at or timezone.now(),
            expiry_date=enrollment.expiry_date,
        )
    except NotFound:
        raise Impossible(
            f"Thinkific does not know the bundle {enrollment.product}. Sync the products to see whether it "
            "was deleted."
        ) from None


def _rows(client: ThinkificClient, bundle_id: int, user_id: int) -> list[schemas.Enrollment]:
    def ask(number: int) -> Page[schemas.Enrollment]:
        return client.bundle_enrollments_page(bundle_id, number, user_id=user_id)

    try:
        found = list(all_pages(ask, f"/bundles/{bundle_id}/enrollments"))
    except NotFound:
        return []
    return [row for row in found if row.user_id == user_id]


def _restore_other_grants(
    bundle: Enrollment, rows: list[schemas.Enrollment], client: ThinkificClient
) -> list[schemas.Enrollment]:
    """Thinkific gives the bundle's dates to all of its courses. What the student holds on its own too, or
    through another bundle, gets its start back, and the end that all grants together give it."""
    held = {
        course.product.productable_id: course
        for course in enrollments.courses_in([bundle])
        if course.granted or course.via_bundle_id != bundle.pk
    }
    restored = []
    for row in rows:
        course = held.get(row.course_id or 0)
        until = enrollments.access_until(course) if course is not None else row.expiry_date
        start = course.activated_at if course is not None else row.activated_at
        moved = start is not None and not _same(start, row.activated_at)
        if moved or not _same(until, row.expiry_date):
            client.update_enrollment(
                row.id,
                activated_at=start if moved else None,
                expiry_date=until,
                clear_expiry=until is None,
            )
            row = client.get_enrollment(row.id)
        restored.append(row)
    return restored


def _same(one: datetime | None, other: datetime | None) -> bool:
    """Thinkific keeps whole seconds of what it is sent."""
    if one is None or other is None:
        return one is other
    return one.replace(microsecond=0) == other.replace(microsecond=0)


def _store(enrollment: Enrollment, rows: list[schemas.Enrollment], now: datetime) -> None:
    """The course enrollments that the bundle has become."""
    with transaction.atomic():
        names = {row.course_id: Notes().text(row.course_name, 500, "", "") for row in rows if row.course_id}
        courses = ensure_courses(names)
        told = [
            enrollment_row(
                row,
                user_id=enrollment.user_id,
                product_id=courses[row.course_id],
                digest=None,
                now=now,
            )
            for row in rows
            if row.course_id
        ]
        apply_enrollments(told, source=SOURCE)
        _, holders = apply_bundle_rows(enrollment.product, [row.id for row in rows], now=now)
        for course in enrollments.courses_in([enrollment]):
            if course.via_bundle_id != enrollment.pk == enrollments.comes_through(course):
                Enrollment.objects.filter(pk=course.pk).update(via_bundle=enrollment)
        total_up_bundles(holders, source=SOURCE)
        total_up_students([enrollment.user_id], source=SOURCE)  # courses that are in other ones, too
