"""The file -> stored rows: the first half of a check."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db.models import Max, QuerySet

from core.migration.format import KINDS, LAYOUTS
from core.migration.reading.entries import Entry, Unusable
from core.migration.values import key_of, read
from core.models import Migration, MigrationCount, MigrationRow
from core.services.storage import bulk

MOST_ROWS = 1_000_000
CHUNK = 1000
COLUMNS = ["migration_id", "kind", "number", "line", "ref", "key", "nth", "values", "verdict", "message"]


class Staged(NamedTuple):
    kind: str
    line: int
    ref: str
    key: str
    values: dict[str, Any]
    problem: str


def chunks(entries: Iterator[Entry]) -> Iterator[list[Staged]]:
    """Yields the rows with their values read, each list of one kind."""
    chunk: list[Staged] = []
    for entry in entries:
        if chunk and (entry.kind != chunk[0].kind or len(chunk) >= CHUNK):
            yield chunk
            chunk = []
        chunk.append(_staged(entry))
    if chunk:
        yield chunk


def _staged(entry: Entry) -> Staged:
    layout = LAYOUTS[entry.kind]
    values, problems = read(layout, entry.cells)
    problems = [entry.problem] * bool(entry.problem) + problems
    ref = str(values.get("id") or "") if layout.has_id else ""
    return Staged(entry.kind, entry.line, ref, key_of(layout, values), values, " ".join(problems))


def store(migration: Migration, rows: list[Staged]) -> None:
    """Store rows of one kind; those that repeat an id or say the same as an earlier one are refused."""
    layout = LAYOUTS[rows[0].kind]
    number = (migration.rows.aggregate(last=Max("number"))["last"] or 0) + 1
    if number + len(rows) > MOST_ROWS:
        raise Unusable(
            f"The file has more than {MOST_ROWS:,} rows. Split it into several migrations, for example one "
            "for each organization."
        )
    stored = MigrationRow.objects.filter(migration=migration, kind=layout.kind)
    refs = _lines(stored, "ref", {row.ref for row in rows if row.ref})
    keys = _lines(stored, "key", {row.key for row in rows})
    values = []
    for place, row in enumerate(rows):
        problem = row.problem
        if not problem and row.ref in refs:
            problem = f"id: line {refs[row.ref][0]:,} has the id “{row.ref}” already. Give each row its own."
        same = keys.setdefault(row.key, [])
        if not problem and layout.unique and same:
            problem = f"{', '.join(layout.key)}: line {same[0]:,} says the same. Leave one of the two."
        verdict = MigrationRow.Verdict.REFUSED if problem else MigrationRow.Verdict.UNREAD
        what = (migration.pk, row.kind, number + place, row.line, row.ref, row.key, len(same))
        values.append((*what, row.values, verdict, problem))
        if row.ref:
            refs.setdefault(row.ref, []).append(row.line)
        same.append(row.line)
    bulk.insert(MigrationRow, COLUMNS, values)
    refused = sum(verdict == MigrationRow.Verdict.REFUSED for *_, verdict, _ in values)
    count, _ = MigrationCount.objects.get_or_create(
        migration=migration, position=KINDS.index(layout.kind), defaults={"kind": layout.kind}
    )
    MigrationCount.objects.filter(pk=count.pk).update(
        total=count.total + len(rows), refused=count.refused + refused
    )


def _lines(rows: QuerySet, column: str, wanted: set[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    if wanted:
        read = rows.filter(bulk.among(column, wanted)).order_by("number").values_list(column, "line")
        for value, line in read:
            found.setdefault(value, []).append(line)
    return found
