"""Giving students access, moving its end, and ending it. Thinkific follows through the outbox.

A student may hold a course in several ways at once: by a grant of its own and through bundles. Access lasts
as long as the longest of them.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from core import moments
from core.errors import Refusal
from core.models import BundleItem, Enrollment, Product, Seat, SiteSettings, User
from core.models.site import MOST_DAYS
from core.services import outbox
from core.services.history import signed
from core.services.mirror.bundles import total_up_students
from core.services.mirror.enrollments import SAME_DAY

Moment = datetime | None  # None: no end
# Later ones are typing errors, and the last days of the calendar are in no year of another time zone.
LAST_DAY = date(2199, 12, 31)
TOO_FAR = "Choose a day before the year 2200, or none: then access does not end."


def just_ended(now: datetime) -> datetime:
    """The date that ends access at once: yesterday 23:59:59 UTC. Thinkific has no way to delete an
    enrollment, and dates near now were seen to give trouble."""
    return datetime.combine(now.astimezone(UTC).date(), time(), UTC) - timedelta(seconds=1)


@transaction.atomic
def enroll_unchecked(
    *,
    student: User,
    products: Iterable[Product],
    expiry_date: Moment = None,
    by: User | None = None,
    origin: str = Enrollment.Origin.DASHBOARD,
    seats: Mapping[int, Seat] | None = None,
) -> list[Enrollment]:
    """Give a student access to courses and bundles, whatever the seats say; where they had some before, it is
    opened again with the new end and the progress that was. Raises Refusal, and then nothing is written.

    `seats` are the seats that give it, by product (primary key); a product without one is given directly.
    """
    # Thinkific keeps whole seconds of what it is sent; so do we, or every pull would find a difference.
    now = timezone.now().replace(microsecond=0)
    expiry_date = expiry_date and expiry_date.replace(microsecond=0)
    wanted = sorted({product.pk: product for product in products}.values(), key=lambda product: product.pk)
    _check(student, wanted, expiry_date, now)
    change, enrollments = _Change(reason="enrolled", by=by), []
    for product in wanted:
        enrollment = Enrollment.objects.select_for_update().filter(user=student, product=product).first()
        enrollment = enrollment or Enrollment(user=student, product=product, origin=origin)
        enrollment.granted, enrollment.granted_until = True, expiry_date
        enrollment.last_seat = (seats or {}).get(product.pk)
        enrollment.removed_at = None
        until = expiry_date if product.is_bundle else _latest([expiry_date, *_bundle_ends(enrollment)])
        change.set(enrollment, activated_at=now, expiry_date=until)
        enrollments.append(enrollment)
    change.follow()
    if student.thinkific_id is None:
        outbox.mark_stale([student], reason="needs a Thinkific account to be enrolled", requested_by=by)
    change.send()
    return enrollments


def usual_last_day() -> date | None:
    """The last day of access that begins today, by the settings; None where it does not end."""
    days = SiteSettings.load().default_enrollment_days
    if days == 0:
        return None
    today = timezone.localdate()
    return min(today + timedelta(days=min(days, MOST_DAYS)), LAST_DAY)


def _check_not_too_far(expiry_date: Moment) -> None:
    if expiry_date is not None and moments.local(expiry_date).date() > LAST_DAY:
        raise Refusal(f"The end of access, {moments.day(expiry_date)}, is too far ahead. {TOO_FAR}")


def _check(student: User, products: Sequence[Product], expiry_date: Moment, now: datetime) -> None:
    if expiry_date is not None and expiry_date <= now:
        raise Refusal(f"The end of access, {moments.day(expiry_date)}, is in the past. Choose a later date.")
    _check_not_too_far(expiry_date)
    if not student.is_active:
        raise Refusal(f"{student}'s account is switched off. Switch it on before enrolling.")
    if student.removed_at is not None:
        raise Refusal(f"{student} is no longer in Thinkific. Create a Thinkific account again first.")
    if gone := [product for product in products if product.removed_at is not None]:
        raise Refusal(f"{gone[0]} is no longer in Thinkific. Choose another product.")


def shortened(*, student: User, products: Iterable[Product], end: Moment) -> list[tuple[Product, Moment]]:
    """Those of these products to which enrolling the student until `end` would shorten their access, each
    with when it ends now."""
    if end is None:
        return []
    rows = Enrollment.objects.filter(user=student, product__in=list(products)).select_related("product")
    found = []
    for enrollment in rows.giving_access().order_by("pk"):
        until = end if enrollment.product.is_bundle else _latest([end, *_bundle_ends(enrollment)])
        if until is not None and (enrollment.expiry_date is None or enrollment.expiry_date > until):
            found.append((enrollment.product, enrollment.expiry_date))
    return found


def kept_by(course: Enrollment) -> Enrollment | None:
    """The bundle enrollment through which the student holds this course for as long as they have it: ending
    the course alone would change nothing."""
    bundles = held_through(course).select_related("product").order_by("pk")
    own = course.expiry_date
    return next((b for b in bundles if b.expiry_date is None or (own and b.expiry_date >= own)), None)


@transaction.atomic
def change_expiry(enrollments: Iterable[Enrollment], *, expiry_date: Moment, by: User | None = None) -> int:
    """Move the end of access, `None` for no end; an ended enrollment opens again. Courses that came through a
    bundle follow it. Answers how many enrollments changed."""
    _check_not_too_far(expiry_date)
    expiry_date = expiry_date and expiry_date.replace(microsecond=0)
    return len(_give_until(_locked(enrollments), expiry_date, reason="end date changed", by=by))


@transaction.atomic
def expire(enrollments: Iterable[Enrollment], *, by: User | None = None) -> int:
    """End access now. Progress is kept, so a later enroll resumes it. What a student still holds in another
    way stays open (see `held_through`). Answers how many enrollments ended."""
    now = timezone.now()
    running = [e for e in _locked(enrollments) if e.expiry_date is None or e.expiry_date > now]
    changed = _give_until(running, just_ended(now), reason="access ended", by=by)
    return sum(e.expiry_date is not None and e.expiry_date <= now for e in changed)


def held_through(course: Enrollment) -> QuerySet[Enrollment]:
    """The bundle enrollments by which the student holds this course too, and which still run."""
    return _bundles_with(course).giving_access()


def access_until(course: Enrollment) -> Moment:
    """When a student's access to a course ends by all grants together: the latest of the course's own and
    of every bundle that contains it; None where one of them has no end."""
    ends = _bundle_ends(course) + ([course.granted_until] if course.granted else [])
    return _latest(ends) if ends else course.expiry_date


def comes_through(course: Enrollment) -> int | None:
    """The bundle enrollment (primary key) that gives the course the longest; of equal ones its own. So a
    bundle's end, which is told by its courses, is never that of another bundle."""
    rows = _bundles_with(course).values_list("expiry_date", "pk")
    far = datetime.max.replace(tzinfo=UTC)
    ends = [(end or far, pk == course.via_bundle_id, pk) for end, pk in rows]
    return max(ends)[2] if ends else course.via_bundle_id


@transaction.atomic
def given_in_thinkific(ends: Mapping[int, Moment], *, reason: str) -> None:
    """Thinkific has given these courses (primary keys) until then, of which we have only just heard: a grant
    like any other, and the longest holds. It marks nothing stale: call it in the push that sends the ends."""
    for course in _locked(Enrollment.objects.filter(pk__in=list(ends))):
        known = [course.granted_until] if course.granted else []
        course.granted, course.granted_until = True, _latest([ends[course.pk], *known])
        course.expiry_date = _latest([course.granted_until, *_bundle_ends(course)])
        course.last_seat = None  # it is not what a seat gave
        fields = ["granted", "granted_until", "expiry_date", "last_seat"]
        signed(course, by=None, reason=reason).save(update_fields=fields)


def courses_in(bundles: Iterable[Enrollment]) -> list[Enrollment]:
    """The enrollments that the students of these bundle enrollments have in the bundles' courses."""
    found: dict[int, Enrollment] = {}
    for bundle in bundles:
        items = BundleItem.objects.filter(bundle=bundle.product_id, removed_at__isnull=True)
        rows = Enrollment.objects.select_related("product")
        rows = rows.filter(user=bundle.user_id, product__in=items.values("course"), removed_at__isnull=True)
        found |= {course.pk: course for course in rows.order_by("pk")}
    return list(found.values())


def _locked(enrollments: Iterable[Enrollment]) -> list[Enrollment]:
    """As they are now, always locked in the same order."""
    rows = Enrollment.objects.select_for_update(of=("self",)).select_related("product", "user")
    return list(rows.filter(pk__in=[enrollment.pk for enrollment in enrollments]).order_by("pk"))


def _give_until(
    enrollments: list[Enrollment], end: Moment, *, reason: str, by: User | None
) -> list[Enrollment]:
    change = _Change(reason=reason, by=by)
    for enrollment in enrollments:
        enrollment.granted, enrollment.granted_until = True, end
        until = end if enrollment.product.is_bundle else _latest([end, *_bundle_ends(enrollment)])
        change.set(enrollment, expiry_date=until)
    change.follow()
    return change.send()


def _bundles_with(course: Enrollment) -> Any:
    items = BundleItem.objects.filter(course=course.product_id, removed_at__isnull=True)
    return Enrollment.objects.filter(
        user=course.user_id, product__in=items.values("bundle"), removed_at__isnull=True
    )


def _bundle_ends(course: Enrollment) -> list[Moment]:
    return list(_bundles_with(course).values_list("expiry_date", flat=True))


def _latest(ends: Sequence[Moment]) -> Moment:
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None


def is_later(one: Moment, other: Moment) -> bool:
    """Whether one end of access is later than another, by more than what courses of one bundle differ by."""
    return other is not None and (one is None or one > other + SAME_DAY)


def _note_own_grants(
    courses: Iterable[Enrollment], before: Mapping[int, Moment], new: Container[int]
) -> None:
    """Access that no grant known here explains was bought, or given in Thinkific: no bundle must end it.

    `before` are the ends of bundle enrollments (primary keys) that have just been changed, and `new` those
    that gave nothing before. What is noted is not saved.
    """
    for course in courses:
        if course.is_free_trial:
            continue  # a look at the first chapters is no access
        if course.via_bundle_id is None and not course.granted:
            course.granted, course.granted_until = True, course.expiry_date
            continue
        ends = [course.granted_until] if course.granted else []
        for pk, end in _bundles_with(course).exclude(pk__in=new).values_list("pk", "expiry_date"):
            ends.append(_told_by_others(course, pk, before.get(pk, end)))
        if not ends or is_later(course.expiry_date, _latest(ends)):
            course.granted, course.granted_until = True, course.expiry_date


def _told_by_others(course: Enrollment, bundle: int, end: Moment) -> Moment:
    """The end that a bundle gives a course: its own end may be none but that of this course, which was given
    longer than the others."""
    if course.via_bundle_id != bundle or course.granted:
        return end
    others = Enrollment.objects.filter(via_bundle=bundle, granted=False, removed_at__isnull=True)
    ends = list(others.exclude(pk=course.pk).values_list("expiry_date", flat=True))
    return _latest(ends) if ends else end


class _Change:
    """Enrollments whose dates change together: one history row, one outbox entry each."""

    def __init__(self, *, reason: str, by: User | None) -> None:
        self.reason = reason
        self.by = by
        self.changed: dict[int, Enrollment] = {}
        self.granted: dict[int, Enrollment] = {}  # those, and what was given for as long as it lasted anyway
        self.last_seen: dict[int, dict[str, Any]] = {}
        self.before: dict[int, Moment] = {}  # ends of access
        self.new: set[int] = set()  # gave no access before
        self.touched: set[int] = set()  # students

    def set(self, enrollment: Enrollment, **dates: Moment) -> None:
        """Give an enrollment these dates and its grants, if that is anything new."""
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
        """The courses of the bundles that changed end when the last of what gives them ends. A bundle that
        somebody bought ends with the last of its courses: given as long, it keeps the others open, too."""
        bundles = [e for e in self.granted.values() if e.product.is_bundle]
        courses = _locked(courses_in(bundles))
        _note_own_grants(courses, self.before, self.new)
        for course in courses:
            if course.via_bundle_id is not None:
                course.via_bundle_id = comes_through(course)
            self.set(course, expiry_date=access_until(course))

    def send(self) -> list[Enrollment]:
        changed = list(self.changed.values())
        outbox.mark_stale(changed, reason=self.reason, last_seen=self.last_seen, requested_by=self.by)
        # A bundle is told by the courses that came through it and have no grant of their own, which may be
        # others now. As they are told by the next pull, so that it finds nothing new.
        total_up_students(self.touched, source=self.reason)
        return changed
