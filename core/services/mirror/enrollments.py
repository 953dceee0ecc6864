"""Stores course enrollments as Thinkific has them, one per student and course. See bundles.py for bundles."""

from collections.abc import Container
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import IntegrityError, transaction

from core.models import Enrollment
from core.services.history import record_initial_state
from core.services.mirror.outcome import Applied
from core.services.mirror.source import Source
from core.services.mirror.table import (
    Changes,
    Table,
    Values,
    compare,
    mark_removed,
    remember,
    write,
)
from core.services.storage import bulk
from core.services.webhooks import facts

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
    tracked=frozenset({"user_id", "product_id", "activated_at", "expiry_date", "removed_at"}),
    stamp=("thinkific_id", "remote_digest"),
    as_of="remote_updated_at",
    untold=(("percentage_completed", Decimal(0)),),
)


# An end that moves by hours may be the same day in another time zone; it does not mean that access was
# bought.
SAME_DAY = timedelta(days=1)


def apply_enrollments(
    rows: list[Values],
    *,
    source: Source,
    known: Container[int | None] | None = None,
    listed_since: datetime | None = None,
) -> Applied:
    """Store course enrollments. Each row has the fields of ENROLLMENTS, `thinkific_id` and `remote_digest`.
    With a `percentage_completed` of None the progress stays as it is. `known` are the Thinkific ids among the
    rows that are stored, if the caller knows them.

    A row with an older `remote_updated_at` than the stored one changes nothing, unless it is from a complete
    list that was begun (`listed_since`) after the stored one. Where Thinkific has two enrollments of one
    student in one course, the one that was updated last is kept and the other is reported.
    """
    table = replace(ENROLLMENTS, listed_since=listed_since)
    rows = list({row["thinkific_id"]: row for row in rows}.values())
    by_id = table.stored_of(rows, known)
    if rows and not by_id and not source.row_by_row:
        # A first load. Nearly always there is nothing that they could be but new, and the database says so
        # when it takes them: looking first costs as much as an index of the table.
        with suppress(IntegrityError), transaction.atomic():
            return _apply(table, rows, {}, {}, source=source)
    by_pair = stored_pairs([row for row in rows if row["thinkific_id"] not in by_id])
    return _apply(table, rows, by_id, by_pair, source=source)


def _apply(
    table: Table,
    rows: list[Values],
    by_id: dict[int, tuple[int, Values]],
    by_pair: dict[tuple[int, int], tuple[int, int | None, Values]],
    *,
    source: Source,
) -> Applied:
    applied = Applied()
    best = _best_of_each_pair(rows)

    pairs: list[tuple[Values, tuple[int, Values] | None]] = []
    links: dict[int, int] = {}
    if not by_id and not by_pair and len(best) == len(rows):
        pairs, rows = [(row, None) for row in rows], []
    for row in rows:
        pair = (row["user_id"], row["product_id"])
        have = by_id.get(row["thinkific_id"])
        if best[pair] is not row:
            _report_second(row, have, applied)
            continue
        if have is None and pair in by_pair:
            pk, thinkific_id, values = by_pair[pair]
            if thinkific_id is not None and not _newer(row, values) and not _is_over(table, row, values):
                _report_second(row, None, applied)
                continue
            have = (pk, values)
            links[pk] = row["thinkific_id"]
            applied.replaced += [] if thinkific_id is None else [(pk, thinkific_id)]
        if have is not None and table.is_older(row, have[1]):
            applied.met.append(have[0])
            applied.unchanged += 1
            continue
        pairs.append((row, have))

    changes = compare(table, pairs, applied)
    forget_seats(changes)
    write(changes, applied, source=source, extra=("origin", "created_at"), links=links)
    remember(changes, applied, links, source=source)
    if not source.first_load:
        _tell_of_completed(changes)
    return applied


def _tell_of_completed(changes: Changes) -> None:
    completed = [row for row in changes.new if row["completed_at"] is not None]
    completed += [
        after for _, before, after in changes.changed if after["completed_at"] and not before["completed_at"]
    ]
    found = [(row["thinkific_id"], row["completed_at"]) for row in completed]
    facts.tell("enrollment.completed", Enrollment, found, key="thinkific_id", first_load=False)


def forget_seats(changes: Changes) -> None:
    """Clear `last_seat` of enrollments that Thinkific made longer: the student bought access, or somebody
    gave it there, so the seat's team may no longer end it. Call it before the changes are written."""
    longer = [pk for pk, before, after in changes.changed if _ends_later(after, before)]
    given = Enrollment.objects.filter(last_seat__isnull=False)
    if longer and (pks := list(given.filter(bulk.among("pk", longer)).values_list("pk", flat=True))):
        record_initial_state(Enrollment, pks)
        bulk.update(Enrollment, ["last_seat_id"], [(pk, None) for pk in pks])


def _ends_later(after: Values, before: Values) -> bool:
    new, old = after["expiry_date"], before["expiry_date"]
    return old is not None and (new is None or new > old + SAME_DAY)


def stored_pairs(rows: list[Values]) -> dict[tuple[int, int], tuple[int, int | None, Values]]:
    """Returns the stored enrollments of the same students and products, whatever their Thinkific id, as
    `(user, product) -> (primary key, Thinkific id, values)`."""
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


def _is_over(table: Table, row: Values, stored: Values) -> bool:
    """Whether Thinkific no longer has the stored one of two enrollments, so that this row takes its place."""
    return stored["removed_at"] is not None and not table.is_older(row, stored)


def _newer(row: Values, other: Values) -> bool:
    mine, theirs = row["remote_updated_at"], other["remote_updated_at"]
    return mine is not None and (theirs is None or mine > theirs)


def _report_second(row: Values, have: tuple[int, Values] | None, applied: Applied) -> None:
    if have is not None:
        applied.met.append(have[0])  # the stored enrollment becomes that of the other row
    applied.skip(
        f"Enrollment {row['thinkific_id']}",
        "Thinkific has a second enrollment of this student in this course; the one changed last is shown.",
        number=row["thinkific_id"],
    )


def remove_enrollments(pks: list[int], *, source: Source, now: datetime) -> int:
    """Mark enrollments (primary keys) as removed from Thinkific. Returns how many."""
    return mark_removed(Enrollment, pks, source=source, now=now)
