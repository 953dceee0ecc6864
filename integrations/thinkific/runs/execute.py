"""Carries out a run and stores how it ended."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from core.database_outage import retry_during_outage
from core.databases import is_unavailable
from core.models import User
from core.processes import fewer_garbage_collections
from core.services import webhooks
from core.services.site import notices
from integrations.effects import KEPT
from integrations.models import KEPT_ERRORS, SyncRun
from integrations.thinkific import connection_state
from integrations.thinkific.budget.priorities import Slots
from integrations.thinkific.budget.request_budget import SharedBudget
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
from integrations.thinkific.runs.leaving import Cancelled, NeedsToken, SliceOver, TakenOver
from integrations.thinkific.runs.notices import outcome_of, pull_notice
from integrations.thinkific.runs.sent_requests import SentRequests

log = structlog.get_logger(__name__)

# After this many failures of the database in a row a run no longer goes on by itself, but fails.
OUTAGES = 3

Progress = Callable[[SyncRun], None]


@dataclass(frozen=True)
class KindOfRun:
    """What a kind of run does, and the notice (level, text, address) for people who wait for its end."""

    work: Callable[[RunContext], None]
    notice: Callable[[SyncRun], tuple[str, str, str]] = pull_notice


# The keys of the cursor that a successful run keeps: where the next one begins, and what screens show.
KEPT_CURSOR = ("watermark", "graphql", *KEPT)


@dataclass(frozen=True)
class _Options:
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
    """Carry out a run that this process has claimed, for at most `seconds`. Returns its status afterwards.

    `queued` means that the time was up; the run goes on from its cursor later. `running` means that another
    process has taken the run over, or that the database was away and is back; whoever claims the run next
    goes on. When the process is asked to stop, the run is left to another worker; with `foreground` it is
    cancelled.
    """
    structlog.contextvars.bind_contextvars(run_id=run.pk, kind=run.kind)
    log.info("run started", attempt=run.attempts, full=run.full)
    try:
        options = _Options(seconds, dry_run, on_progress, foreground)
        status, problem = _work(run, kind.work, options)
        if status is not None:
            _finish(run, kind, status, problem, dry_run)
        log.info("run left", status=run.status, fetched=run.fetched, problem=problem)
        return run.status
    finally:
        structlog.contextvars.unbind_contextvars("run_id", "kind")


def _work(run: SyncRun, work: Callable[[RunContext], None], options: _Options) -> tuple[str | None, str]:
    """Returns the status that the run ends in (None: it is no longer ours), and the problem, if any."""
    credentials = Credentials.from_settings()
    budget = SharedBudget.from_settings()
    sent = SentRequests()
    client = ThinkificClient(credentials, retries=TRIES - 1, around=sent.send)
    requests_before = run.requests
    deadline = None if options.seconds is None else time.monotonic() + options.seconds
    try:
        slots = Slots(budget, budget.limits.concurrency, interactive=False)
        context = RunContext(
            run,
            client=client,
            sent=sent,
            budget=budget,
            slots=slots,
            dry_run=options.dry_run,
            deadline=deadline,
            on_progress=options.on_progress,
            foreground=options.foreground,
        )
        with closing(slots), closing(context):
            with fewer_garbage_collections():
                work(context)
            context.finish()
            if not options.dry_run:
                for surface in sent.surfaces - context.refused:
                    connection_state.note(surface, ok=True)
            return _ended(run, context)
    except (SliceOver, Cancelled, TakenOver) as stop:
        return _stopped(stop), ""
    except KeyboardInterrupt:  # Ctrl-C was pressed a second time, before the next step
        return SyncRun.Status.CANCELLED, ""
    except ThinkificError as error:
        if isinstance(error, CredentialsRefused) and not options.dry_run:
            connection_state.note(error.surface, ok=False, detail=str(error))
        elif not options.dry_run:
            connection_state.note_no_answer(error)
        return _refused(run, error)
    except Exception as error:  # the outermost handler of a task: store any error on the run
        if is_unavailable(error) and run.crashes < OUTAGES and not options.dry_run:
            log.warning("run interrupted by the database", problem=str(error).strip())
            retry_during_outage(_release, run)
            return None, ""
        log.exception("run failed")
        return SyncRun.Status.FAILED, f"{type(error).__name__}: {error}"[:500]
    finally:
        run.requests = requests_before + sent.count
        sent.close()


def _release(run: SyncRun) -> None:
    """Leave the run to other processes, which can claim it at once because it has no heartbeat."""
    mine = SyncRun.objects.filter(pk=run.pk, attempts=run.attempts, status=SyncRun.Status.RUNNING)
    mine.update(heartbeat_at=None)


def _stopped(stop: Exception) -> str | None:
    """Returns the status of a run that stopped at a step; None if another process has it now."""
    if isinstance(stop, TakenOver):
        log.warning("run was taken over")
        return None
    return SyncRun.Status.QUEUED if isinstance(stop, SliceOver) else SyncRun.Status.CANCELLED


def _refused(run: SyncRun, error: ThinkificError) -> tuple[str, str]:
    """Returns the status and problem of a run that an error of Thinkific or of the network ended. A part of
    its rows may be stored."""
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
    """Store the outcome, unless the run is no longer ours, and send notices to people who wait for it."""
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
    # What the guard stopped after the last step; the run's page lets people confirm exactly this number.
    values |= {"full": run.full, "guarded": run.guarded}
    if status == SyncRun.Status.SUCCEEDED:
        # Nothing can be resumed, so the state of the walks is not needed any more.
        values |= {"seen": None, "cursor": {k: v for k, v in stored.cursor.items() if k in KEPT_CURSOR}}
    elif status == SyncRun.Status.PARTIAL and "partial" in stored.cursor:
        values["cursor"] = stored.cursor
    with transaction.atomic():
        was_mine = mine.update(requests=run.requests, **values)
        if was_mine:
            webhooks.emit("sync.completed", [outcome_of(run)])
    if was_mine:
        _tell(run, kind)


def _tell(run: SyncRun, kind: KindOfRun) -> None:
    # Who started it in somebody else's name waits for it.
    starter = run.impersonation.impersonator_id if run.impersonation is not None else run.started_by_id
    people = list(User.objects.filter(pk=starter)) if starter else []
    people += [user for user in run.watchers.all() if user not in people]
    if people:
        level, text, url = kind.notice(run)
        notices.tell(people, text, level=level, url=url)
