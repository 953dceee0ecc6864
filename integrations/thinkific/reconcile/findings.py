"""Compares rows of Thinkific with stored rows, in the same way as the mirror. Nothing here writes."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from core import moments
from core.models import OutboxEntry
from core.services.mirror.outcome import Applied, Issue
from core.services.mirror.table import Table, Values, compare
from core.services.storage import bulk
from integrations.models import Drift

Sort = Drift.Sort
Pair = tuple[Values, tuple[int, Values] | None]  # Thinkific's row; primary key and values of the stored one
Difference = dict[str, str]  # field, ours, theirs

# Fields about the row itself: when it was created and changed, and where it was read.
NOT_COMPARED = frozenset({"remote_updated_at", "thinkific_created_at", "source"})
LONGEST = 2000  # characters of a value that are kept


class Finding(NamedTuple):
    """One object that differs between the dashboard and Thinkific."""

    sort: str
    label: str = ""  # empty: the label of the stored row
    object_id: int | None = None
    thinkific_id: int | None = None
    differences: tuple[Difference, ...] = ()
    pointers: dict[str, Any] = {}

    @property
    def key(self) -> str:
        if self.object_id is not None:
            return f"ours:{self.object_id}"
        return f"theirs:{self.pointers.get('theirs', self.thinkific_id)}"


@dataclass
class Look:
    """The outcome of comparing some rows. `met` are the primary keys of their stored rows; `new` are the
    Thinkific ids of those that have no stored row."""

    in_step: int = 0
    waiting: int = 0
    new: set[int] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    met: list[int] = field(default_factory=list)
    unreadable: list[Issue] = field(default_factory=list)

    def fail(self, object: str, message: str, *, pk: int | None = None, number: int | None = None) -> None:
        """Note a row that cannot be compared. `pk` is its stored row, `number` its Thinkific id."""
        self.unreadable.append(Issue(object, message))
        if pk is not None:
            self.met.append(pk)
        elif number is not None:
            self.new.add(number)


def nothing_passed(pk: int) -> bool:
    return False


def sort_out(
    table: Table,
    pairs: Iterable[Pair],
    look: Look,
    *,
    passed: Callable[[int], bool] = nothing_passed,
    more: dict[int, list[Difference]] | None = None,
    describe: Callable[[Values], Finding],
) -> None:
    """Sort rows into in step, waiting and findings, and add them to `look`.

    Stored rows for whose primary key `passed` returns True are left out. `more` are differences beyond the
    fields of the table, by primary key. `describe` makes a finding of a row that has no stored row.
    """
    applied, numbers = Applied(), {}
    pairs = list(pairs)
    for row, have in pairs:
        if have is not None:
            numbers[have[0]] = row.get("thinkific_id")
    changes = compare(table, pairs, applied, lock=False)
    differences = {pk: differing(table.fields, before, after) for pk, before, after in changes.changed}
    for pk, found in (more or {}).items():
        differences[pk] = found + differences.get(pk, [])
    look.met += applied.met
    sort_keys(table.entity, applied.met, differences, look, numbers=numbers, passed=passed)
    for row in changes.new:
        look.findings.append(describe(row))
        look.new |= {row["thinkific_id"]} if row.get("thinkific_id") else set()


def sort_keys(
    entity: str,
    pks: Iterable[int],
    differences: dict[int, list[Difference]],
    look: Look,
    *,
    numbers: dict[int, int | None],
    passed: Callable[[int], bool] = nothing_passed,
) -> None:
    """Sort stored rows that Thinkific has as well: in step, waiting to be sent, or different."""
    fresh = [pk for pk in dict.fromkeys(pks) if not passed(pk)]
    unsent = with_unsent_change(entity, fresh)
    for pk in fresh:
        if pk in unsent:
            look.waiting += 1
        elif differences.get(pk):
            # A row that is marked as removed here but exists in Thinkific counts as missing here.
            missing = any(one["field"] == "removed_at" for one in differences[pk])
            look.findings.append(
                Finding(
                    Sort.ONLY_THERE if missing else Sort.DIFFERS,
                    object_id=pk,
                    thinkific_id=numbers.get(pk),
                    differences=tuple(differences[pk]),
                )
            )
        else:
            look.in_step += 1


def differing(fields: Iterable[str], before: Values, after: Values) -> list[Difference]:
    return [
        difference(name, before[name], after[name])
        for name in fields
        if name not in NOT_COMPARED and not _same(before[name], after[name])
    ]


def _same(ours: Any, theirs: Any) -> bool:
    """Returns whether two values are the same. Fractions of seconds are ignored: Thinkific drops them from
    what it is sent, and REST and GraphQL show them differently."""
    if isinstance(ours, datetime) and isinstance(theirs, datetime):
        return ours.replace(microsecond=0) == theirs.replace(microsecond=0)
    return bool(ours == theirs)


def difference(name: str, ours: Any, theirs: Any) -> Difference:
    return {"field": name, "ours": in_words(name, ours), "theirs": in_words(name, theirs)}


def in_words(name: str, value: Any) -> str:
    """Returns a value as text for a report; empty if there is none."""
    if name == "removed_at":
        return "there" if value is None else "marked as removed"
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return moments.exact(value)
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, date | int | str):
        return str(value)[:LONGEST]
    return json.dumps(value, ensure_ascii=False)[:LONGEST]


def with_unsent_change(entity: str, pks: Iterable[int]) -> set[int]:
    """Returns which of these objects have a change that was not sent to Thinkific yet, or was refused."""
    wanted = list(pks)
    if not wanted:
        return set()
    entries = OutboxEntry.objects.unsent().filter(bulk.among("object_id", wanted), entity=entity).order_by()
    return set(entries.values_list("object_id", flat=True))
