"""Carrying imports out: claimed by one worker at a time, a chunk of lines in each transaction.

What the lines do, their rows, the counts and the proof that the claim is still held commit together. So a
killed worker loses the chunk under way and nothing else, and no line is carried out twice.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Any

from django.db.models import F

from core.errors import Refusal
from core.imports import ending, files, kinds
from core.imports.chunks import chunked
from core.imports.outcomes import Outcome
from core.models import ImportBatch, ImportRow, User
from core.processes import fewer_garbage_collections
from core.services.leases import Claim
from core.services.long_work import GoOn, LongWork, hold, in_one
from core.services.storage import bulk

CHUNK = 1000  # lines
MANY_NEW = 2_000  # lines, after which the database's statistics no longer fit
UNDONE_AT_ONCE = 50  # lines
UNEXPECTED = "An error of the dashboard stopped the import. Its log says more. What it did until then stays."


def _carry_out(batch: ImportBatch, claim: Claim[ImportBatch], go_on: GoOn) -> dict[str, Any]:
    with fewer_garbage_collections():
        return {"stays": _undo(batch, claim, go_on) if batch.undoing else _import(batch, claim, go_on)}


def _import(batch: ImportBatch, claim: Claim[ImportBatch], go_on: GoOn) -> list[str]:
    viewer, kind = batch.created_by, kinds.of(batch.kind)
    if viewer is None or not viewer.is_active:
        raise Refusal("Whoever started it has no account any more, or it is switched off.")
    with files.table_of(batch) as table:
        carrier = kind.Carrier(
            table.headers,
            viewer=viewer,
            mapping={int(index): field for index, field in batch.mapping.items()},
            options=kind.Options.read(batch.options),
            corrections={
                int(line): {int(index): text for index, text in cells.items()}
                for line, cells in batch.corrections.items()
            },
        )
        lines = table.rows()
        for done in chunked(islice(lines, batch.rows_done), CHUNK):
            carrier.read(done)
        count, many = 0, MANY_NEW
        for chunk in chunked(lines, CHUNK):
            go_on()
            rows = carrier.read(chunk)

            def step(rows: Sequence[Any] = rows) -> None:
                _store(batch, claim, carrier.carry_out(rows))

            in_one(step, before_again=carrier.renew)
            count += len(chunk)
            if count >= many:
                kind.refresh_statistics()
                many *= 4
    return kind.finish(batch, viewer=viewer)


def _store(batch: ImportBatch, claim: Claim[ImportBatch], outcomes: Sequence[Outcome]) -> None:
    """Write what became of these lines. Raises Lost, so that nothing of them is written, when the claim is
    held no longer."""
    columns = ["batch_id", "number", "values", "status", "errors", "done"]
    rows = [(batch.pk, o.number, o.values, o.status, o.messages, o.done) for o in outcomes]
    bulk.insert(ImportRow, columns, rows)
    counts = Counter(str(outcome.status) for outcome in outcomes)
    values: dict[str, Any] = {
        f"rows_{status}": F(f"rows_{status}") + count for status, count in counts.items()
    }
    hold(claim, batch, rows_done=F("rows_done") + len(outcomes), **values)


def _undo(batch: ImportBatch, claim: Claim[ImportBatch], go_on: GoOn) -> list[str]:
    by = User.objects.filter(pk=batch.options.get("undone_by"), is_active=True).first()
    if by is None:
        raise Refusal("Whoever asked to undo it has no account any more, or it is switched off.")
    kind, stays = kinds.of(batch.kind), batch.remark.splitlines()
    done = batch.rows_done
    while rows := list(batch.rows.order_by("number")[done : done + UNDONE_AT_ONCE]):
        go_on()

        def step(rows: list[ImportRow] = rows, stays: list[str] = stays) -> None:
            here = [why for row in rows if row.done for why in kind.undo_row(row, by=by)]
            hold(claim, batch, rows_done=F("rows_done") + len(rows), remark="\n".join(stays + here))

        in_one(step)
        done += len(rows)
        stays = ImportBatch.objects.values_list("remark", flat=True).get(pk=batch.pk).splitlines()
    return stays + kind.finish_undo(batch, by=by)


WORK = LongWork(ImportBatch, "IMPORTS_TASK", _carry_out, ending.finish, UNEXPECTED)
wake, sweep, run_due, carry_out_now = WORK.wake, WORK.sweep, WORK.run_due, WORK.carry_out_now
