"""Bundle enrollments, which Thinkific does not have: one per student and bundle, made of the enrollments in
the bundle's courses."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import Q

from core.models import BundleItem, Enrollment, Product
from core.services import bulk
from core.services.mirror.enrollments import ENROLLMENTS
from core.services.mirror.outcome import Applied
from core.services.mirror.table import Table, Values, compare, write

Held = tuple[int, int]  # Thinkific's ids of a person and of a course


def perhaps_held(fresh: Collection[Held]) -> dict[Product, list[int]]:
    """The bundles that these new course enrollments may have come with, and whose (Thinkific ids): the
    student has all of the bundle's courses now, and is not known to hold it. Most who buy a course buy no
    bundle, and cost no request.
    """
    if not fresh:
        return {}
    bought = _without_grants_of_ours(fresh)
    contents = _bundles_with({course for _, course in bought})
    people, courses = {user for user, _ in bought}, set().union(*contents.values()) if contents else set()
    rows = Enrollment.objects.filter(bulk.among("user__thinkific_id", people), removed_at=None).order_by()
    there = rows.filter(product__productable_type=Product.Type.COURSE)
    there = there.filter(bulk.among("product__productable_id", courses))
    have = bought | set(there.values_list("user__thinkific_id", "product__productable_id"))
    holders = set(
        rows.filter(product__in=[b.pk for b in contents]).values_list("user__thinkific_id", "product")
    )
    found: dict[Product, list[int]] = defaultdict(list)
    for bundle, inside in contents.items():
        for user in sorted({user for user, course in bought if course in inside}):
            if (user, bundle.pk) not in holders and all((user, course) in have for course in inside):
                found[bundle].append(user)
    return found


def _without_grants_of_ours(fresh: Collection[Held]) -> set[Held]:
    """Without those that we gave, or that are known to have come with a bundle: of these nothing is asked."""
    rows = Enrollment.objects.filter(bulk.among("user__thinkific_id", {user for user, _ in fresh})).order_by()
    known = rows.filter(Q(granted=True) | Q(via_bundle__isnull=False))
    known = known.filter(product__productable_type=Product.Type.COURSE)
    return set(fresh) - set(known.values_list("user__thinkific_id", "product__productable_id"))


def _bundles_with(courses: Collection[int]) -> dict[Product, set[int]]:
    """The bundles that contain any of these courses (course ids), each with all of its courses."""
    live = BundleItem.objects.filter(removed_at=None, bundle__removed_at=None).order_by()
    some = live.filter(
        bulk.among("course__productable_id", courses), course__productable_type=Product.Type.COURSE
    )
    items = live.filter(bundle__in=some.values("bundle")).select_related("bundle", "course")
    contents: dict[Product, set[int]] = defaultdict(set)
    for item in items:
        contents[item.bundle].add(item.course.productable_id)
    return contents


def apply_bundle_rows(
    bundle: Product, thinkific_ids: list[int], *, now: datetime
) -> tuple[list[int], list[int]]:
    """Record who holds a bundle, from the Thinkific ids of the course enrollments that came through it.

    Makes the bundle enrollment where it is missing and points the course enrollments to it. Answers the
    primary keys of the course enrollments and of the bundle enrollments met.
    """
    courses = dict(
        Enrollment.objects.filter(bulk.among("thinkific_id", thinkific_ids))
        .order_by()
        .values_list("pk", "user_id")
    )
    users = set(courses.values())
    held = Enrollment.objects.filter(bulk.among("user_id", users), product=bundle).order_by()
    holders = dict(held.values_list("user_id", "pk"))
    missing = sorted(users - set(holders))
    if missing:
        fields = ["user_id", "product_id", "origin", "created_at"]
        bulk.insert(
            Enrollment, fields, [(user, bundle.pk, Enrollment.Origin.THINKIFIC, now) for user in missing]
        )
        holders = dict(held.all().values_list("user_id", "pk"))
    # A course that is in two bundles of a person stays with the first.
    loose = Enrollment.objects.filter(bulk.among("pk", courses), via_bundle__isnull=True).order_by()
    bulk.update(
        Enrollment,
        ["via_bundle_id"],
        [(pk, holders[user]) for pk, user in loose.values_list("pk", "user_id")],
    )
    return list(courses), list(holders.values())


def leave_bundle(pks: list[int]) -> None:
    """Record that these course enrollments no longer come through a bundle."""
    bulk.update(Enrollment, ["via_bundle_id"], [(pk, None) for pk in pks])


BUNDLE_FIELDS = (
    "percentage_completed",
    "activated_at",
    "started_at",
    "completed_at",
    "expiry_date",
    "removed_at",
)
# What of a course enrollment tells about its bundle's.
TOLD = ("percentage_completed", "granted", "activated_at", "started_at", "completed_at", "expiry_date")
Course = dict[str, Any]  # an enrollment's values by name


def total_up_bundles(pks: list[int], *, source: str) -> Applied:
    """Derive bundle enrollments from the student's enrollments in the bundle's courses. Progress is the mean
    of them, and the bundle is completed when every one is, whichever way they came. Access lasts as long as
    the longest of those that came through it: a course that was given on its own too may stay open when the
    bundle has ended, and says nothing about the bundle's start and end.
    """
    applied = Applied()
    table = Table(Enrollment, BUNDLE_FIELDS, key="pk", tracked=ENROLLMENTS.tracked)
    stored = table.stored(bulk.among("pk", pks))
    totals = {pk: _total(pk, courses, stored[pk][1]) for pk, courses in _courses(pks).items() if courses}
    # Who holds a bundle no longer keeps it as it was, whatever becomes of its courses.
    pairs = [(total, stored[pk]) for pk, total in totals.items() if total["removed_at"] is None]
    # The first totals are part of its coming into being, which is no history.
    first = [pair for pair in pairs if pair[1][1]["activated_at"] is None]
    again = [pair for pair in pairs if pair[1][1]["activated_at"] is not None]
    write(compare(replace(table, tracked=frozenset()), first, applied), applied, source=source)
    write(compare(table, again, applied), applied, source=source)
    return applied


def _courses(pks: list[int]) -> dict[int, list[Course]]:
    """By bundle enrollment: what the student has of its courses. Put together here, because a join of
    enrollments with enrollments may take minutes where PostgreSQL has not counted the rows yet."""
    rows = Enrollment.objects.filter(bulk.among("pk", pks)).order_by()
    bundles = list(rows.values_list("pk", "user_id", "product_id"))
    items = BundleItem.objects.filter(bulk.among("bundle_id", {bundle for _, _, bundle in bundles}))
    inside: dict[int, set[int]] = defaultdict(set)
    for bundle, course in items.filter(removed_at=None).order_by().values_list("bundle_id", "course_id"):
        inside[bundle].add(course)
    held: dict[int, list[Course]] = defaultdict(list)
    rows = Enrollment.objects.filter(bulk.among("user_id", {user for _, user, _ in bundles})).order_by()
    for row in rows.filter(removed_at=None).values("user_id", "product_id", "via_bundle_id", *TOLD):
        held[row["user_id"]].append(row)
    return {
        pk: [row for row in held[user] if row["via_bundle_id"] == pk or row["product_id"] in inside[bundle]]
        for pk, user, bundle in bundles
    }


def _total(bundle: int, courses: list[Course], stored: Values) -> Values:
    came = [course for course in courses if course["via_bundle_id"] == bundle]
    only_through = [course for course in came if not course["granted"]]
    activated, ends = _known(only_through, "activated_at"), _known(only_through, "expiry_date")
    started, completed = _known(courses, "started_at"), _known(courses, "completed_at")
    end = max(ends) if len(ends) == len(only_through) > 0 else None
    return {
        "percentage_completed": round(sum(c["percentage_completed"] for c in courses) / len(courses), 4),
        "activated_at": min(activated, default=stored["activated_at"]),
        "started_at": min(started, default=None),
        "completed_at": max(completed) if len(completed) == len(courses) else None,
        "expiry_date": end if only_through else stored["expiry_date"],
        "removed_at": None if came else stored["removed_at"],
    }


def _known(courses: list[Course], name: str) -> list[datetime]:
    return [course[name] for course in courses if course[name] is not None]


def total_up_bundles_of(thinkific_ids: Collection[int], *, source: str) -> None:
    """Derive again every bundle enrollment of the students whose course enrollments these are: a course
    counts in each bundle that contains it."""
    students = Enrollment.objects.filter(bulk.among("thinkific_id", thinkific_ids)).order_by().values("user")
    bundles = Enrollment.objects.filter(product__productable_type=Product.Type.BUNDLE, user__in=students)
    if pks := list(bundles.order_by("pk").values_list("pk", flat=True)):
        total_up_bundles(pks, source=source)
