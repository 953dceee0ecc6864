"""What comes of comparing rows of Thinkific with what is stored: by the mirror's own comparison, no other.

Nothing here writes.
"""

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
Pair = tuple[Values, tuple[int, Values] | None]  # Thinkific's row, the stored one
Difference = dict[str, str]  # field, ours, theirs

# About the row and not of it: when it was made and touched, and how we learnt of it.
NOT_COMPARED = frozenset({"remote_updated_at", "thinkific_created_at", "source"})
LONGEST = 2000  # characters of a value that are kept


class Finding(NamedTuple):
    """One object on which the two sides do not agree."""

    sort: str
    label: str = ""  # empty: by the stored row
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
    """What came of comparing some rows. `met` are the primary keys of all stored ones among them; `new` are
    the Thinkific ids of those that have no stored one."""

    in_step: int = 0
    waiting: int = 0
    new: set[int] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    met: list[int] = field(default_factory=list)
    unreadable: list[Issue] = field(default_factory=list)

    def fail(self, object: str, message: str, *, pk: int | None = None, number: int | None = None) -> None:
        """A row that cannot be compared; `pk` is what is stored of it, `number` its Thinkific id."""
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
    """Sort rows into in step, waiting and findings. What `passed` says yes to is left out, by primary key;
    `more` are differences that the table's own fields do not show; `describe` makes a finding of a row that
    has no stored one."""
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
    """Stored rows that Thinkific has as well: in step, waiting to be sent, or different."""
    fresh = [pk for pk in dict.fromkeys(pks) if not passed(pk)]
    unsent = with_unsent_change(entity, fresh)
    for pk in fresh:
        if pk in unsent:
            look.waiting += 1
        elif differences.get(pk):
            # What is marked as removed here although it is there is as good as missing here.
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
    """Thinkific keeps whole seconds of what it is sent, and its surfaces tell fractions differently."""
    if isinstance(ours, datetime) and isinstance(theirs, datetime):
        return ours.replace(microsecond=0) == theirs.replace(microsecond=0)
    return bool(ours == theirs)


def difference(name: str, ours: Any, theirs: Any) -> Difference:
    return {"field": name, "ours": in_words(name, ours), "theirs": in_words(name, theirs)}


def in_words(name: str, value: Any) -> str:
    """A value as a person reads it in a report; empty where there is none."""
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
    """Those of these objects of which Thinkific has yet to hear something, or refused it."""
    wanted = list(pks)
    if not wanted:
        return set()
    entries = OutboxEntry.objects.unsent().filter(bulk.among("object_id", wanted), entity=entity).order_by()
    return set(entries.values_list("object_id", flat=True))
