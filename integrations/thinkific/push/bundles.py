"""Pushing bundle enrollments. Thinkific stores them only as enrollments in the courses of the bundle."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from core.models import Enrollment, OutboxEntry
from core.services.enrollments import changes, grants
from core.services.mirror.bundles import (
    apply_bundle_rows,
    point_to_bundles,
    total_up_bundles,
    total_up_students,
)
from core.services.mirror.catalog import ensure_courses
from core.services.mirror.enrollments import apply_enrollments
from core.services.outbox.outcomes import SOURCE
from integrations.thinkific.cleaning import Notes
from integrations.thinkific.client import schemas
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.decoding import Page
from integrations.thinkific.client.errors import NotFound, Rejected, RetryLater
from integrations.thinkific.client.rest import all_pages
from integrations.thinkific.mapping import enrollment_row
from integrations.thinkific.push import look_before_creating
from integrations.thinkific.push.enrollment_dates import far_expiry_date, refused_null, send_dates
from integrations.thinkific.push.prerequisites import Impossible

ACCEPTED = "Thinkific has accepted the bundle enrollment and is still making it."
LATER = 1.0  # seconds until Thinkific is asked whether it has made it; doubled after each look
SLOWEST = 300  # LATER is multiplied by this at most
LOOKS = 9  # looks before the bundle enrollment is created again: more than eight minutes


def push_bundle(enrollment: Enrollment, user_id: int, entry: OutboxEntry, client: ThinkificClient) -> None:
    """Enroll the student in a bundle, or send its dates, and store the course enrollments that result.

    Courses that the student also has in another way keep their own dates. Raises RetryLater while Thinkific
    is still making the enrollments.
    """
    bundle_id = enrollment.product.productable_id
    known = enrollment.course_enrollments.filter(removed_at__isnull=True).exists()
    ended = enrollment.expiry_date is not None and enrollment.expiry_date <= timezone.now()
    if not known and (entry.uncertain or entry.attempts > 1 or ended):
        known = bool(_rows(client, bundle_id, user_id))
    elif not known and look_before_creating.may_have_more(enrollment.user, client):
        # Thinkific gives the bundle's dates to every course that the student has, also to those that were
        # not pulled yet. So they are read first.
        look_before_creating.look(enrollment.user, client, within=_numbers(enrollment))
    if known:
        known = _send_dates(enrollment, user_id, entry, client)
    if not known and ended:
        return  # it has ended before it was sent
    if not known and (entry.error != ACCEPTED or entry.attempts == LOOKS + 1):
        _create(enrollment, user_id, client)
    rows = _rows(client, bundle_id, user_id)
    if not rows:
        raise RetryLater(ACCEPTED, after=LATER * min(2 ** (entry.attempts - 1), SLOWEST))
    if known and _kept_an_expiry_date(enrollment, rows):
        client.rest.update_bundle_enrollment(bundle_id, user_id=user_id, expiry_date=far_expiry_date())
        rows = _rows(client, bundle_id, user_id)
    rows = _restore_other_grants(enrollment, rows, client)
    _store(enrollment, rows, timezone.now())


def _numbers(enrollment: Enrollment) -> set[int]:
    """Returns the Thinkific course ids of the bundle."""
    items = enrollment.product.bundle_items.filter(removed_at__isnull=True)
    return set(items.values_list("course__productable_id", flat=True))


def _send_dates(enrollment: Enrollment, user_id: int, entry: OutboxEntry, client: ThinkificClient) -> bool:
    """Send the dates of a bundle enrollment.

    Returns False if the student does not have the bundle in Thinkific. A start date that we did not change is
    not sent, because every course would get it.
    """
    started = not entry.last_seen or "activated_at" in entry.last_seen
    ends = [enrollment.expiry_date] if enrollment.expiry_date else [None, far_expiry_date()]
    for number, end in enumerate(ends, start=1):
        try:
            client.rest.update_bundle_enrollment(
                enrollment.product.productable_id,
                user_id=user_id,
                activated_at=enrollment.activated_at if started else None,
                expiry_date=end,
            )
        except Rejected as error:
            if number < len(ends) and refused_null(error, end):
                continue
            if _rows(client, enrollment.product.productable_id, user_id):
                raise  # refused for another reason: creating it again would make a second enrollment
            return False
        return True
    return False


def _kept_an_expiry_date(enrollment: Enrollment, rows: list[schemas.Enrollment]) -> bool:
    """Returns whether Thinkific accepted "no expiry date" but kept an expiry date."""
    if enrollment.expiry_date is not None:
        return False
    others = _with_other_grants(enrollment)
    return any(row.expiry_date is not None for row in rows if row.course_id not in others)


def _create(enrollment: Enrollment, user_id: int, client: ThinkificClient) -> None:
    try:
        client.rest.create_bundle_enrollment(
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
        return client.rest.bundle_enrollments_page(bundle_id, number, user_id=user_id)

    try:
        found = list(all_pages(ask, f"/bundles/{bundle_id}/enrollments"))
    except NotFound:
        return []
    return [row for row in found if row.user_id == user_id]


def _restore_other_grants(
    bundle: Enrollment, rows: list[schemas.Enrollment], client: ThinkificClient
) -> list[schemas.Enrollment]:
    """Correct the dates of courses that the student also has alone or through another bundle.

    Thinkific has given them the dates of this bundle. They get their own start date back, and the latest
    expiry date of all grants. Returns the rows as Thinkific has them then.
    """
    held = _with_other_grants(bundle)
    restored = []
    for row in rows:
        course = held.get(row.course_id or 0)
        until = grants.access_until(course) if course is not None else row.expiry_date
        start = course.activated_at if course is not None else row.activated_at
        moved = start is not None and not _same(start, row.activated_at)
        if moved or not _same(until, row.expiry_date):
            row = send_dates(client, row.id, activated_at=start if moved else None, expiry_date=until)
        restored.append(row)
    return restored


def _with_other_grants(bundle: Enrollment) -> dict[int, Enrollment]:
    """Returns the courses that the student also has alone or through another bundle, by Thinkific id."""
    return {
        course.product.productable_id: course
        for course in changes.courses_in([bundle])
        if course.granted or course.via_bundle_id != bundle.pk
    }


def _same(one: datetime | None, other: datetime | None) -> bool:
    """Compare whole seconds, because Thinkific does not store fractions."""
    if one is None or other is None:
        return one is other
    return one.replace(microsecond=0) == other.replace(microsecond=0)


def _store(enrollment: Enrollment, rows: list[schemas.Enrollment], now: datetime) -> None:
    """Store the course enrollments that Thinkific has made for the bundle."""
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
        _, holders = apply_bundle_rows(enrollment.product, [row.id for row in rows], source=SOURCE, now=now)
        longest = [
            course.pk
            for course in changes.courses_in([enrollment])
            if course.via_bundle_id != enrollment.pk == grants.comes_through(course)
        ]
        point_to_bundles(dict.fromkeys(longest, enrollment.pk), source=SOURCE)
        total_up_bundles(holders, source=SOURCE)
        total_up_students([enrollment.user_id], source=SOURCE)  # their courses may be in other bundles too
