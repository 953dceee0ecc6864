"""Carrying a run out, whatever comes in between."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from django.utils import timezone

from core.database_outage import retry_during_outage
from core.databases import is_unavailable
from core.models import User
from core.services.site import notices
from integrations.effects import KEPT
from integrations.models import KEPT_ERRORS, SyncRun
from integrations.thinkific import connection_state
from integrations.thinkific.budget.priorities import Slots
from integrations.thinkific.budget.shared import SharedBudget
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.client.errors import (
    CredentialsRefused,
    Endless,
    NotConfigured,
    RetryLater,
    ThinkificError,
)
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.fetch import TRIES
from integrations.thinkific.runs.leaving import Cancelled, LostRun, NeedsToken, SliceOver
from integrations.thinkific.runs.notices import pull_notice
from integrations.thinkific.runs.sent_requests import SentRequests

log = structlog.get_logger(__name__)

# So often in a row a run may lose the database and go on by itself; then its words stand on the run.
OUTAGES = 3

Progress = Callable[[SyncRun], None]


@dataclass(frozen=True)
class KindOfRun:
    """What a kind of run does, and the notice (level, text, address) for who waits for the end of one."""

    work: Callable[[RunContext], None]
    notice: Callable[[SyncRun], tuple[str, str, str]] = pull_notice


# Of the cursor of a run that succeeded: where the next one begins, what pages tell of it.
KEPT_CURSOR = ("watermark", "graphql", *KEPT)


@dataclass(frozen=True)
class _How:
    seconds: float | None
    dry_run: bool
    on_progress: Progress | None
    foreground: bool


def carry_out(
    run: SyncRun,
    kind: KindOfRun,
    *,
    seconds: float | None = None,
    dry_run: bool = False,
    on_progress: Progress | None = None,
    foreground: bool = False,
) -> str:
    """Carry out a run that this process has claimed, for at most `seconds`; returns its status then.

    `queued` means that the time was up: it goes on from its cursor. A run taken over by another process in
    the meantime is left to that one. Told to stop, a worker leaves the run to others; with `foreground` it is
    cancelled. `running` also means that the database went away and is back: whoever claims the run next goes
    on.
    """
    structlog.contextvars.bind_contextvars(run_id=run.pk, kind=run.kind)
    log.info("run started", attempt=run.attempts, full=run.full)
    try:
        how = _How(seconds, dry_run, on_progress, foreground)
        status, problem = _work(run, kind.work, how)
        if status is not None:
            _finish(run, kind, status, problem, dry_run)
        log.info("run left", status=run.status, fetched=run.fetched, problem=problem)
        return run.status
    finally:
        structlog.contextvars.unbind_contextvars("run_id", "kind")


@contextmanager
def calm_collector() -> Iterator[None]:
    """Fewer looks for cycles while rows stream by: a pull makes millions of objects and no cycles, and each
    look costs it about a tenth of its time."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _work(run: SyncRun, work: Callable[[RunContext], None], how: _How) -> tuple[str | None, str]:
    """The status that the run ends in (None: it is no longer ours), and why."""
    credentials = Credentials.from_settings()
    budget = SharedBudget.from_settings()
    sent = SentRequests()
    client = ThinkificClient(credentials, retries=TRIES - 1, around=sent.send)
    requests_before = run.requests
    deadline = None if how.seconds is None else time.monotonic() + how.seconds
    try:
        slots = Slots(budget, budget.limits.concurrency, interactive=False)
        context = RunContext(
            run,
            client=client,
            sent=sent,
            budget=budget,
            slots=slots,
            dry_run=how.dry_run,
            deadline=deadline,
            on_progress=how.on_progress,
            foreground=how.foreground,
        )
        with closing(slots), closing(context):
            with calm_collector():
                work(context)
            context.finish()
            if not how.dry_run:
                for surface in sent.surfaces - context.refused:
                    connection_state.note(surface, ok=True)
            return _ended(run, context)
    except (SliceOver, Cancelled, LostRun) as stop:
        return _stopped(stop), ""
    except KeyboardInterrupt:  # a second Ctrl-C did not wait for the next step
        return SyncRun.Status.CANCELLED, ""
    except ThinkificError as error:
        if isinstance(error, CredentialsRefused) and not how.dry_run:
            connection_state.note(error.surface, ok=False, detail=str(error))
        elif not how.dry_run:
            connection_state.note_no_answer(error)
        return _refused(run, error)
    except Exception as error:  # the edge of a task: whatever it was stands on its row
        if is_unavailable(error) and run.crashes < OUTAGES and not how.dry_run:
            log.warning("run interrupted by the database", problem=str(error).strip())
            retry_during_outage(_let_go, run)
            return None, ""
        log.exception("run failed")
        return SyncRun.Status.FAILED, f"{type(error).__name__}: {error}"[:500]
    finally:
        run.requests = requests_before + sent.count
        sent.close()


def _let_go(run: SyncRun) -> None:
    """Leave the run to whoever takes it up, at once: nobody has to wait for our silence."""
    mine = SyncRun.objects.filter(pk=run.pk, attempts=run.attempts, status=SyncRun.Status.RUNNING)
    mine.update(heartbeat_at=None)


def _stopped(stop: Exception) -> str | None:
    """The status of a run that left off in good order; None when another process has it now."""
    if isinstance(stop, LostRun):
        log.warning("run was taken over")
        return None
    return SyncRun.Status.QUEUED if isinstance(stop, SliceOver) else SyncRun.Status.CANCELLED


def _refused(run: SyncRun, error: ThinkificError) -> tuple[str, str]:
    """The status of a run that Thinkific, or the way to it, ended: part of it may be there."""
    if isinstance(error, NeedsToken):
        return SyncRun.Status.PARTIAL, str(error)
    if isinstance(error, CredentialsRefused | NotConfigured):
        return SyncRun.Status.FAILED, str(error)
    problem, some = str(error), bool(run.pages_done) or isinstance(error, Endless)
    if isinstance(error, Endless):
        problem += " What is gone was not judged this time."
    elif isinstance(error, RetryLater):
        problem += " It was tried again and again; resume the run when Thinkific answers."
    return (SyncRun.Status.PARTIAL if some else SyncRun.Status.FAILED), problem


def _ended(run: SyncRun, context: RunContext) -> tuple[str, str]:
    if run.failed or context.partial:
        problem = "" if run.errors else "Some rows could not be stored."
        return SyncRun.Status.PARTIAL, problem
    return SyncRun.Status.SUCCEEDED, ""


def _finish(run: SyncRun, kind: KindOfRun, status: str, problem: str, dry_run: bool) -> None:
    """Write the outcome, unless the run is no longer ours; tell who waits for it."""
    run.status = status
    if problem:
        run.errors = [{"object": run.get_kind_display(), "message": problem}, *run.errors][:KEPT_ERRORS]
    if dry_run:
        return
    mine = SyncRun.objects.filter(pk=run.pk, attempts=run.attempts, status=SyncRun.Status.RUNNING)
    if status == SyncRun.Status.QUEUED:
        mine.update(status=status)
        return
    stored = SyncRun.objects.get(pk=run.pk)
    run.finished_at = timezone.now()
    # Cursor and counts stay as the last step committed them: what came after it was rolled back.
    errors = run.errors if status != SyncRun.Status.CANCELLED else stored.errors
    values: dict[str, Any] = {"status": status, "finished_at": run.finished_at, "errors": errors}
    # What the guard held back after the last step: its page offers to confirm exactly that.
    values |= {"full": run.full, "guarded": run.guarded}
    if status == SyncRun.Status.SUCCEEDED:
        # Nothing to resume: what the walks kept to go on is not needed any more.
        values |= {"seen": None, "cursor": {k: v for k, v in stored.cursor.items() if k in KEPT_CURSOR}}
    elif status == SyncRun.Status.PARTIAL and "partial" in stored.cursor:
        values["cursor"] = stored.cursor
    if mine.update(requests=run.requests, **values):
        _tell(run, kind)


def _tell(run: SyncRun, kind: KindOfRun) -> None:
    people = list(User.objects.filter(pk=run.started_by_id)) if run.started_by_id else []
    people += [user for user in run.watchers.all() if user not in people]
    if people:
        level, text, url = kind.notice(run)
        notices.tell(people, text, level=level, url=url)
