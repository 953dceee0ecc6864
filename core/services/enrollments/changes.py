"""Enrollments whose dates change together: they are compared, written and sent, with the courses of bundles
that follow. The number of statements hardly depends on how many there are."""

import copy
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from typing import Any

from django.utils import timezone

from core.models import BundleItem, Enrollment, User
from core.services import outbox, webhooks
from core.services.enrollments.grants import (
    HeldBundles,
    Moment,
    access_until,
    comes_through,
    is_later,
    is_open,
    latest,
)
from core.services.history import record_initial_state, signed
from core.services.mirror.bundles import total_up_students
from core.services.mirror.source import Source
from core.services.storage import bulk

GRANTS = ("granted", "granted_until", "last_seat_id", "removed_at", "via_bundle_id")
WRITTEN = (*GRANTS, "activated_at", "expiry_date", "push_state", "remote_digest")


def courses_in(bundles: Collection[Enrollment]) -> list[Enrollment]:
    """Returns the enrollments of the same students in the courses of these bundle enrollments."""
    contents: dict[int, list[int]] = {}
    items = BundleItem.objects.filter(bundle__in={bundle.product_id for bundle in bundles})
    for bundle, course in items.filter(removed_at__isnull=True).values_list("bundle", "course"):
        contents.setdefault(bundle, []).append(course)
    pairs = {(one.user_id, course) for one in bundles for course in contents.get(one.product_id, ())}
    if not pairs:
        return []
    rows = Enrollment.objects.select_related("product").filter(removed_at__isnull=True)
    return list(rows.filter(bulk.Among("user_id", "product_id", rows=sorted(pairs))).order_by("pk"))


def locked(enrollments: Iterable[Enrollment]) -> list[Enrollment]:
    """Returns the enrollments as stored now, locked in the order of their primary keys."""
    rows = Enrollment.objects.select_for_update(of=("self",)).select_related("product", "user")
    return list(rows.filter(bulk.among("pk", [one.pk for one in enrollments])).order_by("pk"))


def _note_own_grants(
    courses: Iterable[Enrollment], before: Mapping[int, Moment], new: Container[int]
) -> None:
    """Set a grant on courses with access that no known grant explains: it was bought, or given in Thinkific,
    and a bundle must not end it. Changes the objects and does not save them.

    `before` are the former ends of bundle enrollments (primary keys) that were just changed, and `new` are
    the bundle enrollments that gave no access before.
    """
    courses = list(courses)
    held, others = HeldBundles(courses), _OtherCourses(courses)
    for course in courses:
        if course.is_free_trial:
            continue  # a free trial shows the first chapters only and does not count as access
        if course.via_bundle_id is None and not course.granted:
            course.granted, course.granted_until = True, course.expiry_date
            continue
        ends = [course.granted_until] if course.granted else []
        for pk, end in held.of(course):
            if pk not in new:
                ends.append(others.tell(course, pk, before.get(pk, end)))
        if not ends or is_later(course.expiry_date, latest(ends)):
            course.granted, course.granted_until = True, course.expiry_date


class _OtherCourses:
    """What the other courses of a bundle say about its end: it is derived from all of them, and may come from
    the very course that is asked about."""

    def __init__(self, courses: Collection[Enrollment]) -> None:
        bundles = {course.via_bundle_id for course in courses if course.via_bundle_id is not None}
        rows = Enrollment.objects.filter(bulk.among("via_bundle_id", bundles))
        rows = rows.filter(granted=False, removed_at__isnull=True).order_by()
        self.ends: dict[int, dict[int, Moment]] = {}
        for bundle, course, end in rows.values_list("via_bundle", "pk", "expiry_date"):
            assert bundle is not None
            self.ends.setdefault(bundle, {})[course] = end

    def tell(self, course: Enrollment, bundle: int, end: Moment) -> Moment:
        """Returns the end that a bundle (primary key), which ends at `end`, gives a course."""
        if course.via_bundle_id != bundle or course.granted:
            return end
        ends = [end for pk, end in self.ends.get(bundle, {}).items() if pk != course.pk]
        return latest(ends) if ends else end


class Change:
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
        self.stored: dict[int, Enrollment] = {}  # as in the database
        self.unwritten: dict[int, Enrollment] = {}

    def know(self, enrollments: Iterable[Enrollment]) -> None:
        """Remember how these locked enrollments are stored, before the caller changes the objects."""
        self.stored |= {one.pk: copy.copy(one) for one in enrollments}

    def set(self, enrollment: Enrollment, **dates: Moment) -> None:
        """Note an enrollment with these dates and its present grants, if something differs from the database.
        A new one is stored at once, the others by `write`."""
        if (before := self._stored(enrollment)) is None:
            vars(enrollment).update(dates)
            enrollment.push_state, enrollment.remote_digest = Enrollment.PushState.PENDING, None
            signed(enrollment, by=self.by, reason=self.reason).save()
            self._note(enrollment, gave_access=False, dates=True)
            return
        gave_access = before.removed_at is None
        if gave_access:
            self.before.setdefault(before.pk, before.expiry_date)
        moved = any(getattr(before, name) != dates[name] for name in dates)
        if not moved and all(getattr(before, name) == getattr(enrollment, name) for name in GRANTS):
            return
        if moved:
            vars(enrollment).update(dates)
            enrollment.push_state, enrollment.remote_digest = Enrollment.PushState.PENDING, None
            self.last_seen.setdefault(enrollment.pk, {name: getattr(before, name) for name in dates})
        self.unwritten[enrollment.pk] = enrollment
        self._note(enrollment, gave_access=gave_access, dates=moved)

    def _stored(self, enrollment: Enrollment) -> Enrollment | None:
        if enrollment.pk and enrollment.pk not in self.stored:
            self.know(Enrollment.objects.filter(pk=enrollment.pk))
        return self.stored.get(enrollment.pk)

    def _note(self, enrollment: Enrollment, *, gave_access: bool, dates: bool) -> None:
        if dates:
            self.changed[enrollment.pk] = enrollment
        self.granted[enrollment.pk] = enrollment
        self.new.update([] if gave_access else [enrollment.pk])
        self.touched.add(enrollment.user_id)

    def write(self) -> None:
        """Store what was noted, with its history."""
        rows = [self.unwritten[pk] for pk in sorted(self.unwritten)]
        if not rows:
            return
        record_initial_state(Enrollment, [row.pk for row in rows])
        bulk.update(Enrollment, WRITTEN, [(row.pk, *(getattr(row, n) for n in WRITTEN)) for row in rows])
        Enrollment.history.bulk_history_create(
            rows, update=True, default_user=self.by, default_change_reason=self.reason
        )
        self.know(rows)
        self.unwritten = {}

    def follow(self) -> None:
        """Change the courses of the changed bundles too: each ends when the last grant of it ends. A bundle
        that somebody bought has the end of its last course, and keeps the other courses open as long."""
        self.write()
        bundles = [e for e in self.granted.values() if e.product.is_bundle]
        courses = locked(courses_in(bundles))
        self.know(courses)
        _note_own_grants(courses, self.before, self.new)
        held = HeldBundles(courses)
        for course in courses:
            if course.via_bundle_id is not None:
                course.via_bundle_id = comes_through(course, held)
            self.set(course, expiry_date=access_until(course, held))
        self.write()

    def send(self, given: Sequence[Enrollment]) -> list[Enrollment]:
        """`given` are those that somebody enrolled or ended; webhooks tell of these, and not of the courses
        that followed a bundle."""
        self.write()
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
