"""Giving students access, moving its end, and ending it. Thinkific follows through the outbox."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

from django.db import transaction
from django.utils import timezone

from core.errors import Refusal
from core.models import BundleItem, Enrollment, Product, User
from core.services import outbox

DATES = ("activated_at", "expiry_date")


class AlreadyEnrolled(Refusal):
    status = 409


def just_ended(now: datetime) -> datetime:
    """The date that ends access at once: yesterday 23:59:59 UTC. Thinkific has no way to delete an
    enrollment, and dates near now were seen to give trouble."""
    return datetime.combine(now.astimezone(UTC).date(), time(), UTC) - timedelta(seconds=1)


@transaction.atomic
def enroll_unchecked(
    *,
    student: User,
    products: Iterable[Product],
    expiry_date: datetime | None = None,
    by: User | None = None,
    origin: str = Enrollment.Origin.DASHBOARD,
) -> list[Enrollment]:
    """Give a student access to courses and bundles, whatever the seats say; where they had some before, it is
    opened again with the new end and the progress that was. Raises Refusal, and then nothing is written.
    """
    # Thinkific keeps whole seconds of what it is sent; so do we, or every pull would find a difference.
    now = timezone.now().replace(microsecond=0)
    expiry_date = expiry_date and expiry_date.replace(microsecond=0)
    if expiry_date is not None and expiry_date <= now:
        raise Refusal(f"The end of access, {expiry_date:%d %b %Y}, is in the past. Choose a later date.")
    if not student.is_active:
        raise Refusal(f"{student}'s account is switched off. Switch it on before enrolling.")
    enrollments: list[Enrollment] = []
    last_seen: dict[int, dict[str, object]] = {}
    for product in products:
        if product.removed_at is not None:
            raise Refusal(f"{product} is no longer in Thinkific. Choose another product.")
        enrollment = Enrollment.objects.select_for_update().filter(user=student, product=product).first()
        if enrollment is None:
            enrollment = Enrollment(user=student, product=product, origin=origin)
        else:
            last_seen[enrollment.pk] = {name: getattr(enrollment, name) for name in DATES}
        enrollment.activated_at, enrollment.expiry_date = now, expiry_date
        enrollment.granted, enrollment.granted_until = True, expiry_date
        enrollment.removed_at, enrollment.remote_digest = None, None
        enrollment.push_state = Enrollment.PushState.PENDING
        enrollment.save()
        enrollments.append(enrollment)
    if student.thinkific_id is None:
        outbox.mark_stale([student], reason="needs a Thinkific account to be enrolled", requested_by=by)
    outbox.mark_stale(enrollments, reason="enrolled", last_seen=last_seen, requested_by=by)
    return enrollments


@transaction.atomic
def change_expiry(
    enrollments: Iterable[Enrollment], *, expiry_date: datetime | None, by: User | None = None
) -> int:
    """Move the end of access, `None` for no end; an ended enrollment opens again. Courses that came through a
    bundle follow it. Answers how many enrollments changed."""
    expiry_date = expiry_date and expiry_date.replace(microsecond=0)
    return _set_dates(list(enrollments), {"expiry_date": expiry_date}, reason="end date changed", by=by)


@transaction.atomic
def expire(enrollments: Iterable[Enrollment], *, by: User | None = None) -> int:
    """End access now. Progress is kept, so a later enroll resumes it. What a student still holds through
    another grant stays open. Answers how many enrollments ended."""
    now = timezone.now()
    running = [e for e in enrollments if e.expiry_date is None or e.expiry_date > now]
    return _set_dates(running, {"expiry_date": just_ended(now)}, reason="access ended", by=by)


def _set_dates(
    enrollments: list[Enrollment], dates: dict[str, datetime | None], *, reason: str, by: User | None
) -> int:
    changed: list[Enrollment] = []
    last_seen: dict[int, dict[str, object]] = {}
    for enrollment in enrollments:
        wanted = dates | {"granted_until": dates["expiry_date"]}
        if _apply(enrollment, wanted, last_seen):
            changed.append(enrollment)
    followers = _followers([e for e in changed if e.product.is_bundle])
    for course in followers:
        if _apply(course, {"expiry_date": access_until(course)}, last_seen):
            changed.append(course)
    outbox.mark_stale(changed, reason=reason, last_seen=last_seen, requested_by=by)
    return len(changed)


def _apply(
    enrollment: Enrollment, wanted: dict[str, datetime | None], last_seen: dict[int, dict[str, object]]
) -> bool:
    if enrollment.expiry_date == wanted["expiry_date"]:
        return False
    last_seen[enrollment.pk] = {"expiry_date": enrollment.expiry_date}
    for name, value in wanted.items():
        setattr(enrollment, name, value)
    enrollment.push_state, enrollment.remote_digest = Enrollment.PushState.PENDING, None
    enrollment.save(update_fields=[*wanted, "push_state", "remote_digest"])
    return True


def _followers(bundles: list[Enrollment]) -> list[Enrollment]:
    """The course enrollments that hang on these bundle enrollments."""
    return list(Enrollment.objects.select_related("product").filter(via_bundle__in=bundles))


def access_until(course: Enrollment) -> datetime | None:
    """When a student's access to a course ends by all our grants together: the latest of the course's own and
    of every bundle that contains it; None where one of them has no end."""
    bundles = BundleItem.objects.filter(course=course.product_id, removed_at__isnull=True).values("bundle")
    held = Enrollment.objects.filter(user=course.user_id, product__in=bundles, removed_at__isnull=True)
    ends = [e.expiry_date for e in held]
    if course.granted:
        ends.append(course.granted_until)
    if None in ends or not ends:
        return None if ends else course.expiry_date
    return max(end for end in ends if end is not None)
