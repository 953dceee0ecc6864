"""The steps of a migration, each as pieces that are one transaction: a piece is done, or it is not.

Every piece ends by renewing the claim (`hold`), which fails when another process has taken the migration: so
no row is applied twice.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from core.migration import staging, undo
from core.migration.format import KINDS
from core.migration.kinds.table import KINDS as MEANING
from core.migration.reading.archives import Archive
from core.migration.reading.documents import Document
from core.migration.reading.files import reader_of
from core.migration.rows import READ, Outcome, Row, Run, Verdict, load
from core.models import Migration, MigrationCount, MigrationRow, User
from core.services.storage import bulk

CHUNK = 500  # rows
OUTCOMES = {
    Verdict.NEW: Outcome.MADE,
    Verdict.SAME: Outcome.FOUND,
    Verdict.DIFFERS: Outcome.FOUND,
    Verdict.REFUSED: Outcome.REFUSED,
}
Hold = Callable[..., None]  # called with the columns of the migration to write
Piece = Callable[[Hold], None]


def check(migration: Migration, by: User) -> Iterator[Piece]:
    """Yields the pieces of a check. One that was interrupted goes on where it was."""
    if migration.staged_at is None:
        with reader_of(migration) as reader:
            entries = islice(reader.entries(), migration.rows.count(), None)
            for rows in staging.chunks(entries):
                yield partial(_stage, migration, rows)
            yield partial(_staged, migration, reader)
    migration.refresh_from_db()
    run = Run(migration, by, dry=True)
    for kind in KINDS:
        for chunk in _unjudged(migration, kind):
            yield partial(_judge, run, kind, chunk)


def apply(migration: Migration, by: User) -> Iterator[Piece]:
    """Yields the pieces of the applying. Rows that were applied before are left out."""
    run = Run(migration, by, dry=False)
    open_rows = migration.rows.filter(outcome=Outcome.NONE)
    for kind in KINDS:
        refused = open_rows.filter(kind=kind, verdict=Verdict.REFUSED)
        while keys := list(refused.values_list("pk", flat=True)[:CHUNK]):
            yield partial(_leave_out, keys)
        while rows := load(open_rows.filter(kind=kind).order_by("number").values_list(*READ)[:CHUNK]):
            yield partial(_apply, run, kind, rows)


def take_back(migration: Migration, by: User, *, dry: bool) -> Iterator[Piece]:
    """Yields the pieces of an undo, or of its preview (`dry`): the last things that were made go first."""
    run = Run(migration, by, dry=dry)
    if dry:
        yield partial(_forget_preview, migration)
    for kind in reversed(KINDS):
        made, last = migration.rows.filter(kind=kind, outcome=Outcome.MADE), None
        while True:
            rest = made if last is None else made.filter(number__lt=last)
            found = list(rest.order_by("-number")[:CHUNK])
            if not found:
                break
            last = found[-1].number
            yield partial(undo.take_back, run, kind, found)


def _stage(migration: Migration, rows: list[staging.Staged], hold: Hold) -> None:
    staging.store(migration, rows)
    hold(rows_total=F("rows_total") + len(rows))


def _staged(migration: Migration, reader: Archive | Document, hold: Hold) -> None:
    hold(
        format=reader.head.format,
        source=reader.head.source,
        remark="\n".join(reader.head.remarks),
        staged_at=timezone.now(),
        rows_done=migration.rows.filter(verdict=Verdict.REFUSED).count(),
    )


def _unjudged(migration: Migration, kind: str) -> Iterator[list[Row]]:
    rows = migration.rows.filter(kind=kind, verdict=Verdict.UNREAD).order_by("number")
    while chunk := load(rows.values_list(*READ)[:CHUNK]):
        yield chunk


def _judge(run: Run, kind: str, rows: list[Row], hold: Hold) -> None:
    MEANING[kind].judge(rows, run)
    bulk.update(
        MigrationRow,
        ["verdict", "message", "object_id", "values"],
        [(row.pk, str(row.verdict), row.message, row.object_id, row.values) for row in rows],
    )
    _count(run.migration, kind, Counter(str(row.verdict) for row in rows))
    hold(rows_done=F("rows_done") + len(rows))


def _leave_out(keys: Sequence[int], hold: Hold) -> None:
    MigrationRow.objects.filter(pk__in=keys).update(outcome=Outcome.REFUSED)
    hold(rows_done=F("rows_done") + len(keys))


def _apply(run: Run, kind: str, rows: list[Row], hold: Hold) -> None:
    """Judge the rows again, as things are now, and make those that are new."""
    meaning = MEANING[kind]
    meaning.judge(rows, run)
    new = [row for row in rows if row.verdict == Verdict.NEW]
    if new:
        with transaction.atomic():
            meaning.write(new, run)
    bulk.update(
        MigrationRow,
        ["outcome", "message", "object_id", "done"],
        [(row.pk, str(OUTCOMES[Verdict(row.verdict)]), row.message, row.object_id, row.done) for row in rows],
    )
    _count(run.migration, kind, Counter({"made": len(new)}))
    hold(rows_done=F("rows_done") + len(rows))


def _forget_preview(migration: Migration, hold: Hold) -> None:
    migration.rows.filter(goes__isnull=False).update(goes=None)
    migration.counts.update(goes=0, stays=0)
    hold()


def _count(migration: Migration, kind: str, counts: Counter[str]) -> None:
    values: dict[str, Any] = {name: F(name) + count for name, count in counts.items() if count}
    if values:
        MigrationCount.objects.filter(migration=migration, position=KINDS.index(kind)).update(**values)
