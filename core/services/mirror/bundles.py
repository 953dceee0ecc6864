"""Bundle enrollments, which Thinkific does not have: one per student and bundle, derived from the student's
enrollments in the bundle's courses."""

from collections import defaultdict
from collections.abc import Collection, Container, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import Avg, Count, Max, Min, Q

from core.models import BundleItem, Enrollment, Product
from core.services.history import record_initial_state
from core.services.mirror.enrollments import ENROLLMENTS, forget_seats
from core.services.mirror.outcome import Applied
from core.services.mirror.source import Source
from core.services.mirror.table import Table, Values, compare, note_history, write
from core.services.storage import bulk

Held = tuple[int, int]  # Thinkific's ids of a user and of a course


def possible_bundles(fresh: Collection[Held]) -> dict[Product, list[int]]:
    """Returns the bundles that these new course enrollments may belong to, each with the students (Thinkific
    ids) to ask Thinkific about: they have all courses of the bundle now and no bundle enrollment here. Most
    students who buy a course buy no bundle, so most need no request.
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
    """Returns the enrollments without those that we gave or that are known to belong to a bundle."""
    rows = Enrollment.objects.filter(bulk.among("user__thinkific_id", {user for user, _ in fresh})).order_by()
    known = rows.filter(Q(granted=True) | Q(via_bundle__isnull=False))
    known = known.filter(product__productable_type=Product.Type.COURSE)
    return set(fresh) - set(known.values_list("user__thinkific_id", "product__productable_id"))


def _bundles_with(courses: Collection[int]) -> dict[Product, set[int]]:
    """Returns the bundles that contain at least one of these courses (course ids), each with all its
    courses."""
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
    bundle: Product, thinkific_ids: list[int], *, source: Source, now: datetime, since: datetime | None = None
) -> tuple[dict[int, int], list[int]]:
    """Record the students of a bundle, from the Thinkific ids of the course enrollments that came through it.

    Makes missing bundle enrollments and points the course enrollments to them. `since` is when the pull
    began: course enrollments made since then count as new (`point_to_bundles`). Returns the course
    enrollments (`Thinkific id -> primary key`) and the primary keys of the bundle enrollments.
    """
    rows = Enrollment.objects.filter(bulk.among("thinkific_id", thinkific_ids)).order_by()
    rows = rows.annotate(new=Q(created_at__gte=since or now))
    courses = list(rows.values_list("thinkific_id", "pk", "user_id", "via_bundle_id", "new"))
    users = {user for _, _, user, *_ in courses}
    held = Enrollment.objects.filter(bulk.among("user_id", users), product=bundle).order_by()
    holders = dict(held.values_list("user_id", "pk"))
    missing = sorted(users - set(holders))
    if missing:
        fields = ["user_id", "product_id", "origin", "created_at"]
        made = bulk.insert(
            Enrollment, fields, [(user, bundle.pk, Enrollment.Origin.THINKIFIC, now) for user in missing]
        )
        holders |= dict(zip(missing, made, strict=True))
    # A course in two bundles of one student stays with the bundle that it was recorded with first.
    pointed = {pk: holders[user] for _, pk, user, through, _ in courses if through is None}
    new = {pk for _, pk, *_, is_new in courses if is_new}
    point_to_bundles(pointed, source=source, new=new)
    return {number or 0: pk for number, pk, *_ in courses}, list(holders.values())


def point_to_bundles(
    bundles: Mapping[int, int | None], *, source: Source, new: Container[int] = frozenset()
) -> None:
    """Record the bundle enrollment that each course enrollment (primary key) came through; None: none any
    more. Writes no history for the `new` ones, for which it is part of being made."""
    if not bundles:
        return
    pks = [pk for pk in bundles if pk not in new]
    record_initial_state(Enrollment, pks)
    bulk.update(Enrollment, ["via_bundle_id"], list(bundles.items()))
    note_history(Enrollment, pks, source)


BUNDLE_FIELDS = (
    "percentage_completed",
    "activated_at",
    "started_at",
    "completed_at",
    "expiry_date",
    "removed_at",
)


def total_up_bundles(pks: list[int], *, source: Source) -> Applied:
    """Derive bundle enrollments (primary keys) from their course enrollments: progress is the mean, the end
    is the latest end, and the bundle is completed when every course is. A course with a grant of its own does
    not count for the bundle's start and end, because it may stay open after the bundle has ended.
    """
    applied = Applied()
    table = Table(Enrollment, BUNDLE_FIELDS, key="pk", tracked=ENROLLMENTS.tracked & set(BUNDLE_FIELDS))
    stored = table.stored(bulk.among("pk", pks))
    there, only_through = Q(removed_at__isnull=True), Q(granted=False)
    totals = (
        Enrollment.objects.filter(there, bulk.among("via_bundle_id", pks))
        .order_by()
        .values("via_bundle")
        .annotate(
            progress=Avg("percentage_completed"),
            activated=Min("activated_at", filter=only_through),
            started=Min("started_at"),
            completed=Max("completed_at"),
            expiry=Max("expiry_date", filter=only_through),
            forever=Count("pk", filter=only_through & Q(expiry_date__isnull=True)),
            through=Count("pk", filter=only_through),
            unfinished=Count("pk", filter=Q(completed_at__isnull=True)),
        )
    )
    pairs = [
        (_bundle_values(dict(total), stored[total["via_bundle"]][1]), stored[total["via_bundle"]])
        for total in totals
    ]
    # The first values are part of making the bundle enrollment, so they get no history row.
    first = [pair for pair in pairs if pair[1][1]["activated_at"] is None]
    again = [pair for pair in pairs if pair[1][1]["activated_at"] is not None]
    write(compare(replace(table, tracked=frozenset()), first, applied), applied, source=source)
    changes = compare(table, again, applied)
    forget_seats(changes)
    write(changes, applied, source=source)
    return applied


def _bundle_values(total: dict[str, Any], stored: Values) -> Values:
    end = None if total["forever"] else total["expiry"]
    return {
        "percentage_completed": round(total["progress"], 4),
        "activated_at": total["activated"] or stored["activated_at"],
        "started_at": total["started"],
        "completed_at": None if total["unfinished"] else total["completed"],
        "expiry_date": end if total["through"] else stored["expiry_date"],
        "removed_at": None,
    }


def total_up_students(users: Collection[int], *, source: Source) -> None:
    """Derive all bundle enrollments of these students (primary keys) again, as a course may have moved from
    one bundle to another. Removed bundle enrollments stay as they are."""
    held = Enrollment.objects.filter(bulk.among("user_id", users), removed_at=None).order_by()
    bundles = held.filter(product__productable_type=Product.Type.BUNDLE)
    if pks := list(bundles.values_list("pk", flat=True)):
        total_up_bundles(pks, source=source)


def total_up_students_of(thinkific_ids: Collection[int], *, source: Source) -> None:
    """`total_up_students` for the students of these course enrollments (Thinkific ids)."""
    rows = Enrollment.objects.filter(bulk.among("thinkific_id", thinkific_ids)).order_by()
    total_up_students(set(rows.values_list("user_id", flat=True)), source=source)
