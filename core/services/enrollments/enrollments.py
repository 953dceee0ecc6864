"""Giving students access, moving its end, and ending it. The changes are sent to Thinkific through the
outbox.

A student can have a course in several ways at the same time: by a grant of the course itself, and through
bundles. Access lasts as long as the longest of them.
"""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction
from django.utils import timezone

from core import moments
from core.errors import Refusal
from core.models import Enrollment, Product, Seat, SiteSettings, User
from core.models.fields.settings_checks import MOST_DAYS
from core.services import outbox
from core.services.enrollments.changes import Change, locked
from core.services.enrollments.grants import HeldBundles, Moment, bundle_ends, latest
from core.services.history import signed

LAST_DAY = moments.LAST_DAY
TOO_FAR = "Choose a day before the year 2200, or none: then access does not end."


def just_ended(now: datetime) -> datetime:
    """Returns the end date that ends access at once: yesterday 23:59:59 UTC. Thinkific cannot delete an
    enrollment, and end dates close to now have caused errors there."""
    return datetime.combine(now.astimezone(UTC).date(), time(), UTC) - timedelta(seconds=1)


@transaction.atomic
def enroll_unchecked(
    *,
    student: User,
    products: Iterable[Product],
    expiry_date: Moment = None,
    by: User | None = None,
    seats: Mapping[int, Seat] | None = None,
) -> list[Enrollment]:
    """Give a student access to courses and bundles without checking seats. Access that the student had before
    is opened again with the new end; progress is kept. Raises Refusal, and then writes nothing.

    `seats` are the seats that give the access, by product (primary key); other products are given directly.
    """
    given = {(student.pk, product): seat for product, seat in (seats or {}).items()}
    return enroll_each([student], products, expiry_date=expiry_date, by=by, seats=given)


def enroll_each(
    students: Collection[User],
    products: Iterable[Product],
    *,
    expiry_date: Moment,
    by: User | None,
    seats: Mapping[tuple[int, int], Seat],
    ends: Mapping[tuple[int, int], Moment] | None = None,
    origin: str = Enrollment.Origin.DASHBOARD,
) -> list[Enrollment]:
    """`enroll_unchecked` for several students, in the caller's transaction. `seats` are by student and
    product (primary keys), and so are `ends`, the ends of access that differ from `expiry_date`. `origin` is
    that of new enrollments."""
    # Thinkific stores whole seconds. With fractions every pull would find a difference.
    now = timezone.now().replace(microsecond=0)
    expiry_date = expiry_date and expiry_date.replace(microsecond=0)
    wanted = sorted({product.pk: product for product in products}.values(), key=lambda product: product.pk)
    for student in students:
        check_can_be_enrolled(student, wanted, expiry_date, now)
    change, enrollments = Change(reason="enrolled", by=by), []
    for student, product in itertools.product(students, wanted):
        enrollment = Enrollment.objects.select_for_update().filter(user=student, product=product).first()
        enrollment = enrollment or Enrollment(user=student, product=product, origin=origin)
        end = (ends or {}).get((student.pk, product.pk), expiry_date)
        enrollment.granted, enrollment.granted_until = True, end
        enrollment.last_seat = seats.get((student.pk, product.pk))
        enrollment.removed_at = None
        until = end if product.is_bundle else latest([end, *bundle_ends(enrollment)])
        change.set(enrollment, activated_at=now, expiry_date=until)
        change.write()
        enrollments.append(enrollment)
    change.follow()
    without = [student for student in students if student.thinkific_id is None]
    outbox.mark_stale(without, reason="needs a Thinkific account to be enrolled", requested_by=by)
    change.send(enrollments)
    return enrollments


def usual_last_day() -> date | None:
    """Returns the last day of access that begins today, by the settings; None when access does not end."""
    settings = SiteSettings.load()
    days, kind = settings.default_enrollment_days, settings.default_expiry_kind
    if kind == SiteSettings.ExpiryKind.DATE:
        return settings.default_expiry_date
    if kind == SiteSettings.ExpiryKind.NEVER or days == 0:
        return None
    today = timezone.localdate()
    return min(today + timedelta(days=min(days, MOST_DAYS)), LAST_DAY)


def _check_not_too_far(expiry_date: Moment) -> None:
    if expiry_date is not None and moments.local(expiry_date).date() > LAST_DAY:
        raise Refusal(f"The end of access, {moments.day(expiry_date)}, is too far ahead. {TOO_FAR}")


def check_can_be_enrolled(
    student: User, products: Sequence[Product], expiry_date: Moment, now: datetime
) -> None:
    """Raises Refusal when the student, one of the products or the end date does not allow enrolling."""
    if expiry_date is not None and expiry_date <= now:
        raise Refusal(f"The end of access, {moments.day(expiry_date)}, is in the past. Choose a later date.")
    _check_not_too_far(expiry_date)
    if not student.is_active:
        raise Refusal(f"{student}'s account is switched off. Switch it on before enrolling.")
    if student.removed_at is not None:
        raise Refusal(f"{student} is no longer in Thinkific. Create a Thinkific account again first.")
    if gone := [product for product in products if product.removed_at is not None]:
        raise Refusal(f"{gone[0]} is no longer in Thinkific. Choose another product.")


@transaction.atomic
def change_expiry(enrollments: Iterable[Enrollment], *, expiry_date: Moment, by: User | None = None) -> int:
    """Move the end of access (None: no end). Ended enrollments open again, and courses that came through a
    bundle get the bundle's end. Returns how many enrollments changed."""
    _check_not_too_far(expiry_date)
    expiry_date = expiry_date and expiry_date.replace(microsecond=0)
    return len(_give_until(locked(enrollments), expiry_date, reason="end date changed", by=by))


@transaction.atomic
def expire(enrollments: Iterable[Enrollment], *, by: User | None = None) -> int:
    """End access now. Progress is kept, so a later enrollment resumes it. A course that the student also has
    through a bundle stays open (see `grants.held_through`). Returns how many enrollments ended."""
    now = timezone.now()
    running = [e for e in locked(enrollments) if e.expiry_date is None or e.expiry_date > now]
    changed = _give_until(running, just_ended(now), reason="access ended", by=by)
    return sum(e.expiry_date is not None and e.expiry_date <= now for e in changed)


@transaction.atomic
def given_in_thinkific(ends: Mapping[int, Moment], *, reason: str) -> None:
    """Record grants that were made in Thinkific and that we learn of only now, as ends by enrollment (primary
    key). As with all grants, the longest one counts. Marks nothing stale: the push that calls this sends the
    ends."""
    for course in locked(Enrollment.objects.filter(pk__in=list(ends))):
        known = [course.granted_until] if course.granted else []
        course.granted, course.granted_until = True, latest([ends[course.pk], *known])
        course.expiry_date = latest([course.granted_until, *bundle_ends(course)])
        course.last_seat = None  # this access did not come from a seat
        fields = ["granted", "granted_until", "expiry_date", "last_seat"]
        signed(course, by=None, reason=reason).save(update_fields=fields)


def _give_until(
    enrollments: list[Enrollment], end: Moment, *, reason: str, by: User | None
) -> list[Enrollment]:
    change = Change(reason=reason, by=by)
    change.know(enrollments)
    bundles = [enrollment for enrollment in enrollments if enrollment.product.is_bundle]
    courses = [enrollment for enrollment in enrollments if not enrollment.product.is_bundle]
    for bundle in bundles:
        bundle.granted, bundle.granted_until = True, end
        change.set(bundle, expiry_date=end)
    change.write()
    held = HeldBundles(courses)
    for course in courses:
        course.granted, course.granted_until = True, end
        change.set(course, expiry_date=latest([end, *bundle_ends(course, held)]))
    change.follow()
    return change.send(enrollments)
