"""Giving students access, moving its end, and ending it. The changes are sent to Thinkific through the
outbox.

A student can have a course in several ways at the same time: by a grant of the course itself, and through
bundles. Access lasts as long as the longest of them.
"""

import itertools
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from core import moments
from core.errors import Refusal
from core.models import BundleItem, Enrollment, Product, Seat, SiteSettings, User
from core.models.fields.settings_checks import MOST_DAYS
from core.services import outbox, webhooks
from core.services.enrollments.grants import (
    Moment,
    access_until,
    bundle_ends,
    bundles_with,
    comes_through,
    is_later,
    is_open,
    latest,
)
from core.services.history import record_initial_states, signed
from core.services.mirror.bundles import total_up_students
from core.services.mirror.source import Source

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
    change, enrollments = _Change(reason="enrolled", by=by), []
    for student, product in itertools.product(students, wanted):
        enrollment = Enrollment.objects.select_for_update().filter(user=student, product=product).first()
        enrollment = enrollment or Enrollment(user=student, product=product, origin=origin)
        end = (ends or {}).get((student.pk, product.pk), expiry_date)
        enrollment.granted, enrollment.granted_until = True, end
        enrollment.last_seat = seats.get((student.pk, product.pk))
        enrollment.removed_at = None
        until = end if product.is_bundle else latest([end, *bundle_ends(enrollment)])
        change.set(enrollment, activated_at=now, expiry_date=until)
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
    return len(_give_until(_locked(enrollments), expiry_date, reason="end date changed", by=by))


@transaction.atomic
def expire(enrollments: Iterable[Enrollment], *, by: User | None = None) -> int:
    """End access now. Progress is kept, so a later enrollment resumes it. A course that the student also has
    through a bundle stays open (see `grants.held_through`). Returns how many enrollments ended."""
    now = timezone.now()
    running = [e for e in _locked(enrollments) if e.expiry_date is None or e.expiry_date > now]
    changed = _give_until(running, just_ended(now), reason="access ended", by=by)
    return sum(e.expiry_date is not None and e.expiry_date <= now for e in changed)


@transaction.atomic
def given_in_thinkific(ends: Mapping[int, Moment], *, reason: str) -> None:
    """Record grants that were made in Thinkific and that we learn of only now, as ends by enrollment (primary
    key). As with all grants, the longest one counts. Marks nothing stale: the push that calls this sends the
    ends."""
    for course in _locked(Enrollment.objects.filter(pk__in=list(ends))):
        known = [course.granted_until] if course.granted else []
        course.granted, course.granted_until = True, latest([ends[course.pk], *known])
        course.expiry_date = latest([course.granted_until, *bundle_ends(course)])
        course.last_seat = None  # this access did not come from a seat
        fields = ["granted", "granted_until", "expiry_date", "last_seat"]
        signed(course, by=None, reason=reason).save(update_fields=fields)


def courses_in(bundles: Iterable[Enrollment]) -> list[Enrollment]:
    """Returns the enrollments of the same students in the courses of these bundle enrollments."""
    found: dict[int, Enrollment] = {}
    for bundle in bundles:
        items = BundleItem.objects.filter(bundle=bundle.product_id, removed_at__isnull=True)
        rows = Enrollment.objects.select_related("product")
        rows = rows.filter(user=bundle.user_id, product__in=items.values("course"), removed_at__isnull=True)
        found |= {course.pk: course for course in rows.order_by("pk")}
    return list(found.values())


def _locked(enrollments: Iterable[Enrollment]) -> list[Enrollment]:
    """Returns the enrollments as stored now, locked in the order of their primary keys."""
    rows = Enrollment.objects.select_for_update(of=("self",)).select_related("product", "user")
    return list(rows.filter(pk__in=[enrollment.pk for enrollment in enrollments]).order_by("pk"))


def _give_until(
    enrollments: list[Enrollment], end: Moment, *, reason: str, by: User | None
) -> list[Enrollment]:
    change = _Change(reason=reason, by=by)
    # The grants of these change in any case, so their present values are recorded with one query.
    record_initial_states([e for e in enrollments if (e.granted, e.granted_until) != (True, end)])
    for enrollment in enrollments:
        enrollment.granted, enrollment.granted_until = True, end
        until = end if enrollment.product.is_bundle else latest([end, *bundle_ends(enrollment)])
        change.set(enrollment, expiry_date=until)
    change.follow()
    return change.send(enrollments)


def _note_own_grants(
    courses: Iterable[Enrollment], before: Mapping[int, Moment], new: Container[int]
) -> None:
    """Set a grant on courses with access that no known grant explains: it was bought, or given in Thinkific,
    and a bundle must not end it. Changes the objects and does not save them.

    `before` are the former ends of bundle enrollments (primary keys) that were just changed, and `new` are
    the bundle enrollments that gave no access before.
    """
    for course in courses:
        if course.is_free_trial:
            continue  # a free trial shows the first chapters only and does not count as access
        if course.via_bundle_id is None and not course.granted:
            course.granted, course.granted_until = True, course.expiry_date
            continue
        ends = [course.granted_until] if course.granted else []
        for pk, end in bundles_with(course).exclude(pk__in=new).values_list("pk", "expiry_date"):
            ends.append(_told_by_others(course, pk, before.get(pk, end)))
        if not ends or is_later(course.expiry_date, latest(ends)):
            course.granted, course.granted_until = True, course.expiry_date


def _told_by_others(course: Enrollment, bundle: int, end: Moment) -> Moment:
    """Returns the end that a bundle (primary key) gives a course. The bundle's own end is derived from its
    courses and may come from this very course, so the other courses of the bundle decide."""
    if course.via_bundle_id != bundle or course.granted:
        return end
    others = Enrollment.objects.filter(via_bundle=bundle, granted=False, removed_at__isnull=True)
    ends = list(others.exclude(pk=course.pk).values_list("expiry_date", flat=True))
    return latest(ends) if ends else end


class _Change:
    """Collects enrollments whose dates change together. Each gets one history row and one outbox entry."""

    def __init__(self, *, reason: str, by: User | None) -> None:
        self.reason = reason
        self.by = by
        self.changed: dict[int, Enrollment] = {}
        self.granted: dict[int, Enrollment] = {}  # `changed`, and those with new grants but the same dates
        self.last_seen: dict[int, dict[str, Any]] = {}
        self.before: dict[int, Moment] = {}  # ends of access
        self.new: set[int] = set()  # gave no access before
        self.touched: set[int] = set()  # students

    def set(self, enrollment: Enrollment, **dates: Moment) -> None:
        """Save an enrollment with these dates and its present grants, if something differs from the
        database."""
        before = Enrollment.objects.filter(pk=enrollment.pk).first() if enrollment.pk else None
        gave_access = before is not None and before.removed_at is None
        if before is not None and gave_access:
            self.before.setdefault(before.pk, before.expiry_date)
        told = ("granted", "granted_until", "last_seat_id", "removed_at", "via_bundle_id")
        if before is not None and all(getattr(before, name) == dates[name] for name in dates):
            if any(getattr(before, name) != getattr(enrollment, name) for name in told):
                signed(enrollment, by=self.by, reason=self.reason).save(update_fields=[*told])
                self.granted[enrollment.pk] = enrollment
                self.new.update([] if gave_access else [enrollment.pk])
                self.touched.add(enrollment.user_id)
            return
        for name, value in dates.items():
            setattr(enrollment, name, value)
        enrollment.push_state, enrollment.remote_digest = Enrollment.PushState.PENDING, None
        signed(enrollment, by=self.by, reason=self.reason).save()
        self.changed[enrollment.pk] = self.granted[enrollment.pk] = enrollment
        self.new.update([] if gave_access else [enrollment.pk])
        self.touched.add(enrollment.user_id)
        if before is not None:
            self.last_seen.setdefault(enrollment.pk, {name: getattr(before, name) for name in dates})

    def follow(self) -> None:
        """Change the courses of the changed bundles too: each ends when the last grant of it ends. A bundle
        that somebody bought has the end of its last course, and keeps the other courses open as long."""
        bundles = [e for e in self.granted.values() if e.product.is_bundle]
        courses = _locked(courses_in(bundles))
        _note_own_grants(courses, self.before, self.new)
        for course in courses:
            if course.via_bundle_id is not None:
                course.via_bundle_id = comes_through(course)
            self.set(course, expiry_date=access_until(course))

    def send(self, given: Sequence[Enrollment]) -> list[Enrollment]:
        """`given` are those that somebody enrolled or ended; webhooks tell of these, and not of the courses
        that followed a bundle."""
        changed = list(self.changed.values())
        outbox.mark_stale(changed, reason=self.reason, last_seen=self.last_seen, requested_by=self.by)
        # A bundle's dates are derived from the courses that came through it and have no grant of their own.
        # These may be other courses now. The next pull would derive the same, so it finds no difference.
        total_up_students(self.touched, source=Source(self.reason))
        now = timezone.now()
        had = {pk for pk, end in self.before.items() if is_open(end, now)}
        has = {enrollment.pk for enrollment in given if is_open(enrollment.expiry_date, now)}
        webhooks.emit("enrollment.created", [e for e in given if e.pk in has - had])
        webhooks.emit("enrollment.deleted", [e for e in given if e.pk in had - has])
        return changed
