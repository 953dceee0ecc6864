"""Carrying imports out: claimed by one worker at a time, a chunk of lines in each transaction.

What the lines do, their rows, the counts and the proof that the claim is still held commit together. So a
killed worker loses the chunk under way and nothing else, and no line is carried out twice.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any

import structlog
from django.conf import settings
from django.db import Error, transaction
from django.db.models import F
from django.utils import timezone
from django_q.tasks import async_task

from core.database_outage import retry_during_outage
from core.databases import is_unavailable
from core.errors import Refusal
from core.imports import ending, files, kinds
from core.imports.chunks import chunked
from core.imports.outcomes import Outcome
from core.models import ImportBatch, ImportRow, User
from core.processes import fewer_garbage_collections
from core.services import leases
from core.services.leases import Claim
from core.services.storage import bulk

log = structlog.get_logger(__name__)

CHUNK = 1000  # lines
MANY_NEW = 2_000  # lines, after which the database's statistics no longer fit
UNDONE_AT_ONCE = 50  # lines
TRIES = 5  # of an import, or of a chunk, that fails without a line being to blame
MOST_CRASHES = 5  # of its process, without a chunk being done in between
FIRST_WAIT, LONGEST_WAIT = 5.0, 600.0  # seconds
UNEXPECTED = "An error of the dashboard stopped the import. Its log says more. What it did until then stays."
Status = ImportBatch.Status


class _Lost(Exception):
    """The import was cancelled, or another process has taken it."""


class _Paused(Exception):
    """The time is over, or this process has to end. Another goes on."""


def wake() -> None:
    """Queue the task that carries imports out, after the current transaction commits."""
    transaction.on_commit(lambda: async_task(settings.IMPORTS_TASK, save=False))


def sweep() -> None:
    """Each minute: take over what a killed worker or a lost wake-up left."""
    free_abandoned()
    if ImportBatch.objects.due().exists():
        wake()


def free_abandoned() -> int:
    """Let wait again what a dead process had claimed; fail what kills its process. Returns how many."""
    count, now = 0, timezone.now()
    for batch, _ in leases.abandoned(ImportBatch, now):
        claim = Claim.on(batch)
        if batch.crashes + 1 >= MOST_CRASHES:
            ending.finish(batch, claim, why=f"The process that carried it out ended {MOST_CRASHES} times.")
            continue
        pause = leases.growing_wait(batch.crashes, first=FIRST_WAIT, longest=LONGEST_WAIT)
        until = now + timedelta(seconds=pause)
        count += claim.put_back([batch.pk], until=until, counts=False, crashed=True)
    return count


def run_due(
    *,
    seconds: float = 50.0,
    stop: Callable[[], bool] = lambda: False,
    beat: Callable[[], None] = lambda: None,
) -> Counter[str]:
    """Carry out what waits, until nothing does, for at most `seconds`. Returns how many imports had which
    result. `stop` says that this process has to end."""
    free_abandoned()
    end, results = time.monotonic() + seconds, Counter[str]()
    while not stop() and time.monotonic() < end:
        claim: Claim[ImportBatch] = Claim.new(ImportBatch)
        batch = _take(claim)
        if batch is None:
            return results
        results[carry_out(batch, claim, until=end, stop=stop, beat=beat)] += 1
    sweep()
    return results


def carry_out_now(batch: ImportBatch, *, beat: Callable[[], None] = lambda: None) -> str:
    """Carry out a started import in this process, for a command. Returns its status."""
    claim: Claim[ImportBatch] = Claim.new(ImportBatch)
    if not claim.take([batch.pk], now=timezone.now()):
        return "lost"
    batch.refresh_from_db()
    return carry_out(batch, claim, until=float("inf"), stop=lambda: False, beat=beat)


def _take(claim: Claim[ImportBatch]) -> ImportBatch | None:
    with leases.given_back_if_lost(claim.put_back), transaction.atomic():
        now = timezone.now()
        rows = ImportBatch.objects.due(now).select_for_update(skip_locked=True).order_by("pk")
        keys = list(rows.values_list("pk", flat=True)[:1])
        if not keys:
            return None
        _ = claim.take(keys, now=now) or claim.take_over(keys, now=now)
    return claim.held(keys).first()


def carry_out(
    batch: ImportBatch,
    claim: Claim[ImportBatch],
    *,
    until: float,
    stop: Callable[[], bool],
    beat: Callable[[], None],
) -> str:
    """Carry out a claimed import as far as the time allows. Returns its status, or what else became of it."""

    def go_on() -> None:
        beat()
        if stop() or time.monotonic() > until:
            raise _Paused

    try:
        with fewer_garbage_collections():
            stays = _undo(batch, claim, go_on) if batch.undoing else _import(batch, claim, go_on)
        return retry_during_outage(ending.finish, batch, claim, stays=stays)
    except _Lost:
        return "lost"
    except _Paused:
        retry_during_outage(claim.put_back, [batch.pk], counts=False)
        wake()
        return "paused"
    except Refusal as refusal:
        return retry_during_outage(ending.finish, batch, claim, why=str(refusal))
    except Exception as error:
        log.exception("An import stopped", batch=batch.pk, attempt=batch.attempts)
        if batch.attempts >= TRIES:
            return retry_during_outage(ending.finish, batch, claim, why=UNEXPECTED)
        counts = not (isinstance(error, Error) and is_unavailable(error))
        wait = leases.growing_wait(batch.attempts, first=FIRST_WAIT, longest=LONGEST_WAIT)
        again = timezone.now() + timedelta(seconds=wait)
        retry_during_outage(claim.put_back, [batch.pk], until=again, counts=counts)
        return "retried"


def _import(batch: ImportBatch, claim: Claim[ImportBatch], go_on: Callable[[], None]) -> list[str]:
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

            _in_one(step, before_again=carrier.renew)
            count += len(chunk)
            if count >= many:
                kind.refresh_statistics()
                many *= 4
    return kind.finish(batch, viewer=viewer)


def _in_one(step: Callable[[], None], *, before_again: Callable[[], None] = lambda: None) -> None:
    """Run the step in one transaction, and again when another transaction crossed it."""
    for attempt in range(1, TRIES + 1):
        try:
            with transaction.atomic():
                step()
            return
        except Error as error:
            crossed = str(getattr(error.__cause__, "sqlstate", "") or "")[:2] in {"40", "23"}
            if attempt == TRIES or not crossed:
                raise
            time.sleep(0.05 * attempt)
            before_again()


def _store(batch: ImportBatch, claim: Claim[ImportBatch], outcomes: Sequence[Outcome]) -> None:
    """Write what became of these lines. Raises _Lost, so that nothing of them is written, when the claim is
    held no longer."""
    columns = ["batch_id", "number", "values", "status", "errors", "done"]
    rows = [(batch.pk, o.number, o.values, o.status, o.messages, o.done) for o in outcomes]
    bulk.insert(ImportRow, columns, rows)
    counts = Counter(str(outcome.status) for outcome in outcomes)
    values: dict[str, Any] = {
        f"rows_{status}": F(f"rows_{status}") + count for status, count in counts.items()
    }
    _hold(batch, claim, rows_done=F("rows_done") + len(outcomes), **values)


def _hold(batch: ImportBatch, claim: Claim[ImportBatch], **values: Any) -> None:
    until = timezone.now() + ImportBatch.lease.length
    # Last in the transaction, so that whoever cancels the import waits only for the commit.
    if not claim.held([batch.pk]).update(claimed_until=until, crashes=0, **values):
        raise _Lost


def _undo(batch: ImportBatch, claim: Claim[ImportBatch], go_on: Callable[[], None]) -> list[str]:
    by = User.objects.filter(pk=batch.options.get("undone_by"), is_active=True).first()
    if by is None:
        raise Refusal("Whoever asked to undo it has no account any more, or it is switched off.")
    kind, stays = kinds.of(batch.kind), batch.remark.splitlines()
    done = batch.rows_done
    while rows := list(batch.rows.order_by("number")[done : done + UNDONE_AT_ONCE]):
        go_on()

        def step(rows: list[ImportRow] = rows, stays: list[str] = stays) -> None:
            here = [why for row in rows if row.done for why in kind.undo_row(row, by=by)]
            _hold(batch, claim, rows_done=F("rows_done") + len(rows), remark="\n".join(stays + here))

        _in_one(step)
        done += len(rows)
        stays = ImportBatch.objects.values_list("remark", flat=True).get(pk=batch.pk).splitlines()
    return stays + kind.finish_undo(batch, by=by)
