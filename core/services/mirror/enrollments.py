"""Enrollments as Thinkific has them: one per student and course, and one per student and bundle."""

from collections.abc import Container
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import Avg, Count, Max, Min, Q

from core.models import Enrollment, Product
from core.services import bulk
from core.services.mirror.outcome import Applied
from core.services.mirror.table import Table, Values, compare, mark_removed, remember, write

ENROLLMENTS = Table(
    model=Enrollment,
    fields=(
        "user_id",
        "product_id",
        "percentage_completed",
        "is_free_trial",
        "activated_at",
        "started_at",
        "completed_at",
        "expiry_date",
        "remote_updated_at",
        "thinkific_created_at",
        "removed_at",
    ),
    tracked=frozenset({"activated_at", "expiry_date", "removed_at"}),
    stamp=("thinkific_id", "remote_digest"),
)


def apply_enrollments(
    rows: list[Values], *, source: str, known: Container[int | None] | None = None
) -> Applied:
    """Store course enrollments. Each row has the fields of ENROLLMENTS, `thinkific_id` and `remote_digest`;
    `known` are the Thinkific ids among them that are stored, where that is known already.

    An older `remote_updated_at` than the stored one is news from before, and changes nothing. Where Thinkific
    has two rows for one student and course, the one touched last is kept and the other reported.
    """
    applied = Applied()
    rows = list({row["thinkific_id"]: row for row in rows}.values())
    by_id = ENROLLMENTS.stored_of(rows, known)
    by_pair = stored_pairs([row for row in rows if row["thinkific_id"] not in by_id])
    best = _best_of_each_pair(rows)

    pairs: list[tuple[Values, tuple[int, Values] | None]] = []
    links: dict[int, int] = {}
    for row in rows:
        pair = (row["user_id"], row["product_id"])
        have = by_id.get(row["thinkific_id"])
        if best[pair] is not row:
            _report_second(row, have, applied)
            continue
        if have is None and pair in by_pair:
            pk, thinkific_id, values = by_pair[pair]
            if thinkific_id is not None and not _newer(row, values):
                _report_second(row, (pk, values), applied)
                continue
            have = (pk, values)
            links[pk] = row["thinkific_id"]
        if have is not None and _is_older(row, have[1]):
            applied.met.append(have[0])
            applied.unchanged += 1
            continue
        pairs.append((row, have))

    changes = compare(ENROLLMENTS, pairs, applied)
    write(changes, applied, source=source, extra=("origin", "created_at"))
    remember(changes, applied, links)
    return applied


def stored_pairs(rows: list[Values]) -> dict[tuple[int, int], tuple[int, int | None, Values]]:
    """Stored enrollments of the same students in the same products, under whatever Thinkific id."""
    if not rows:
        return {}
    pairs = {(row["user_id"], row["product_id"]) for row in rows}
    found = Enrollment.objects.filter(bulk.Among("user_id", "product_id", rows=pairs)).order_by()
    return {
        (row[2], row[3]): (row[0], row[1], dict(zip(ENROLLMENTS.fields, row[2:], strict=True)))
        for row in found.values_list("pk", "thinkific_id", *ENROLLMENTS.fields)
    }


def _best_of_each_pair(rows: list[Values]) -> dict[tuple[int, int], Values]:
    best: dict[tuple[int, int], Values] = {}
    for row in rows:
        pair = (row["user_id"], row["product_id"])
        if pair not in best or _newer(row, best[pair]):
            best[pair] = row
    return best


def _newer(row: Values, other: Values) -> bool:
    mine, theirs = row["remote_updated_at"], other["remote_updated_at"]
    return mine is not None and (theirs is None or mine > theirs)


def _is_older(row: Values, stored: Values) -> bool:
    mine, theirs = row["remote_updated_at"], stored["remote_updated_at"]
    return mine is not None and theirs is not None and mine < theirs


def _report_second(row: Values, have: tuple[int, Values] | None, applied: Applied) -> None:
    if have is not None:
        applied.met.append(have[0])  # it is the other row's, so this one still left no trace
    applied.skip(
        f"Enrollment {row['thinkific_id']}",
        "Thinkific has a second enrollment of this student in this course; the one changed last is shown.",
    )


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


def total_up_bundles(pks: list[int], *, source: str) -> Applied:
    """Derive bundle enrollments from their course enrollments: progress is the mean, access lasts as long
    as the longest, the bundle is completed when every course is. A course that was given on its own too may
    stay open when the bundle has ended, and says nothing about the bundle's end.
    """
    applied = Applied()
    table = Table(Enrollment, BUNDLE_FIELDS, key="pk", tracked=ENROLLMENTS.tracked)
    stored = table.stored(bulk.among("pk", pks))
    there, only_through = Q(removed_at__isnull=True), Q(granted=False)
    totals = (
        Enrollment.objects.filter(there, bulk.among("via_bundle_id", pks))
        .order_by()
        .values("via_bundle")
        .annotate(
            progress=Avg("percentage_completed"),
            activated=Min("activated_at"),
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
    # The first totals are part of its coming into being, which is no history.
    first = [pair for pair in pairs if pair[1][1]["activated_at"] is None]
    again = [pair for pair in pairs if pair[1][1]["activated_at"] is not None]
    write(compare(replace(table, tracked=frozenset()), first, applied), applied, source=source)
    write(compare(table, again, applied), applied, source=source)
    return applied


def _bundle_values(total: dict[str, Any], stored: Values) -> Values:
    end = None if total["forever"] else total["expiry"]
    return {
        "percentage_completed": round(total["progress"], 4),
        "activated_at": total["activated"],
        "started_at": total["started"],
        "completed_at": None if total["unfinished"] else total["completed"],
        "expiry_date": end if total["through"] else stored["expiry_date"],
        "removed_at": None,
    }


def remove_enrollments(pks: list[int], *, source: str, now: datetime) -> int:
    """Mark enrollments as gone from Thinkific."""
    return mark_removed(Enrollment, pks, source=source, now=now)
