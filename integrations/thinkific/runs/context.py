"""A run that this process carries out: its counts, its cursor and its heartbeat."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NoReturn

from django.db import DataError, IntegrityError, OperationalError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from core.services.mirror.outcome import Applied
from core.services.mirror.source import Source
from integrations import effects, heartbeat, stopping
from integrations.models import KEPT_ERRORS, SyncRun
from integrations.thinkific import conflicts, connection_state
from integrations.thinkific.budget.priorities import Slots
from integrations.thinkific.budget.request_budget import SharedBudget
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.errors import CredentialsRefused
from integrations.thinkific.runs.fetch import Lists
from integrations.thinkific.runs.jobs import InAdvance, Job, SideBySide, T
from integrations.thinkific.runs.leaving import Cancelled, SliceOver, TakenOver
from integrations.thinkific.runs.lifecycle import is_first_load
from integrations.thinkific.runs.seen import Numbers, Seen, SeenRows
from integrations.thinkific.runs.sent_requests import SentRequests
from integrations.thinkific.runs.state import STORED, Outcome, P, State
from integrations.thinkific.runs.threads import Threads
from integrations.thinkific.runs.writer import Writer, in_transaction

TRIES = 3  # of a step that collided with another writer
BEAT_EVERY = 1.5  # seconds; screens show progress at least every two
LOOK_EVERY = 0.5  # seconds between checks whether somebody pressed Cancel; a run stops within two


class RunContext:
    """What a run works with. `store()` commits the rows of a page, the cursor and the counts together."""

    def __init__(
        self,
        run: SyncRun,
        *,
        client: ThinkificClient,
        sent: SentRequests,
        budget: SharedBudget,
        slots: Slots,
        dry_run: bool = False,
        deadline: float | None = None,
        on_progress: Callable[[SyncRun], None] | None = None,
        foreground: bool = False,
    ) -> None:
        self.run = run
        self.client = client
        self.sent = sent
        self.budget = budget
        self.slots = slots
        self.dry_run = dry_run
        self.deadline = deadline
        self.on_progress = on_progress
        # When stopped, a command cancels its run, and a worker leaves the run to another worker.
        self._when_stopped: type[Exception] = Cancelled if foreground else SliceOver
        self._is_over = False
        self.refused: set[str] = set()  # surfaces
        self._is_last_try = False  # of the step that is being committed
        self._is_first_load = is_first_load(run)
        self.courses: dict[int, int] = {}  # course id -> primary key, of courses that were looked up
        self.state = State(run)
        self._seen = SeenRows(run.seen)
        self._requests_before = run.requests - sent.count
        self._beat = self._look = self._resumed = time.monotonic()
        self._thread = threading.get_ident()
        self.threads = Threads(slots, while_waiting=self.check_in)
        self.lists = Lists(self)
        self.writer = Writer(self)
        # When the time is up, results that have come or were requested are stored before the run is left.
        self.unfinished: list[Callable[[], bool]] = [self.lists.unfinished]
        client.transport.budget = self.threads
        budget.sleep = client.transport.sleep = self.sleep
        sent.while_waiting = self.check_in
        client.transport.stop = self.is_over

    @property
    def cursor(self) -> dict[str, Any]:
        """The position of the run in its stored form (state.py)."""
        return self.state.cursor

    def place(self, kind: type[P], name: str = "") -> P:
        """Returns a typed part of the cursor: at its root, or under a name."""
        return self.state.at(kind, name)

    @property
    def partial(self) -> bool:
        """Whether something was left out; the run's errors say what."""
        return bool(self.place(Outcome).partial)

    @partial.setter
    def partial(self, value: bool) -> None:
        self.place(Outcome).partial = value

    @property
    def source(self) -> Source:
        first = self._is_first_load
        return Source(self.run.source, row_by_row=self._is_last_try, first_load=first)

    @property
    def now(self) -> datetime:
        return timezone.now()

    def side_by_side(self, jobs: Iterable[Job[T]], *, whole: bool = False) -> Iterator[T]:
        """Yields the results of jobs in their order; see jobs.py. When the time is up, no further job starts
        and the results of started ones are yielded; with `whole`, all jobs are done."""
        work = SideBySide(self.threads, jobs, is_due=lambda: self.is_due and not whole)
        with self._unfinished_while(work.unfinished):
            yield from work
        self.threads.release_slots()

    def in_advance(self, pages: Iterator[T]) -> Iterator[T]:
        """Yields the given pages of GraphQL, requesting each while the one before is stored."""
        work = InAdvance(self.threads, pages, is_due=lambda: self.is_due)
        with self._unfinished_while(work.unfinished):
            yield from work

    @contextmanager
    def _unfinished_while(self, is_so: Callable[[], bool]) -> Iterator[None]:
        self.unfinished.append(is_so)
        try:
            yield
        finally:
            self.unfinished.remove(is_so)

    def seen(self, name: str) -> Seen:
        """Returns the stored rows of one list that have come, by primary key."""
        return self._seen.rows(name)

    def numbers(self, name: str) -> Numbers:
        """Returns the rows of one list that have no stored row of their own, by Thinkific id."""
        return self._seen.numbers(name)

    def forget(self, name: str) -> None:
        """Drop the sets of rows of a list whose missing rows were dealt with."""
        self._seen.forget(name)

    def commit(self, write: Callable[[], None]) -> None:
        """Run `write` in a transaction of its own, with the counts and the cursor that it changes. Repeated
        when another process wrote the same rows; the last try leaves out rows that the database refuses."""
        for attempt in range(1, TRIES + 1):
            before = self.state.snapshot()
            try:
                with self._step(is_last_try=attempt == TRIES):
                    write()
                break
            except (IntegrityError, DataError, OperationalError):
                self.restore(before)
                if attempt == TRIES:
                    raise
        self.show_progress()

    def store(self, write: Callable[[], None], *, adds: bool = False) -> None:
        """Commit, then raise SliceOver when the time is up. `adds`: the step probably only adds rows, so it
        may be committed during the next one (writer.py); call `writer.wait_until_committed()` at the end."""
        self.writer.commit(write, adds=adds)
        self.leave_when_due()

    def leave_when_due(self) -> None:
        # Only if the cursor has moved: a run that always stops where it started would never end.
        is_due = self.is_due and not any(is_so() for is_so in self.unfinished)
        if is_due and self.state.has_moved:
            raise SliceOver

    def finish(self) -> None:
        """Commit the changes that were made after the last step."""
        with self._step():
            pass
        self.show_progress()

    @contextmanager
    def _step(self, *, is_last_try: bool = False) -> Iterator[None]:
        with in_transaction():
            self._is_last_try = is_last_try
            yield
            self._is_last_try = False
            self._save()
            if self.dry_run:
                transaction.set_rollback(True)

    def restore(self, before: dict[str, Any]) -> None:
        """Undo the counts and the cursor since a snapshot (state.py)."""
        self.state.restore(before)
        self.courses.clear()
        if not self.dry_run:
            self._seen.restore(self.run.seen)

    def count(self, applied: Applied) -> None:
        """Add the outcome of mirrored rows to the run's counts."""
        for name in ("created", "updated", "unchanged", "skipped", "failed"):
            setattr(self.run, name, getattr(self.run, name) + getattr(applied, name))
        effects.add(self.cursor, "accounts", applied.accounts)
        for issue in applied.issues:
            self.note(issue.object, issue.message)
        if applied.conflicts and not self.dry_run:
            conflicts.keep(applied.conflicts, run=self.run)

    def note(self, object: str, message: str) -> None:
        """Keep an error with the object it belongs to. Only the first KEPT_ERRORS are kept."""
        if len(self.run.errors) < KEPT_ERRORS:
            self.run.errors.append({"object": object, "message": message})

    def refuse(self, error: CredentialsRefused, cost: str) -> None:
        """Note that a surface (REST or GraphQL) refuses the credentials. `cost` says what is left out."""
        self.partial = True
        self.refused.add(error.surface)
        self.note(error.surface, f"{error} {cost}")
        if not self.dry_run:
            connection_state.note(error.surface, ok=False, detail=str(error))

    def fail(self, object: str, message: str) -> None:
        """Count a row that could not be stored. The run goes on."""
        self.run.failed += 1
        self.note(object, message)

    def close(self) -> None:
        """End the other threads. Requests that are under way are aborted."""
        self._is_over = True
        self.threads.close()
        self.writer.close()

    def sleep(self, seconds: float) -> None:
        """Sleep, and call `check_in` meanwhile if this is the run's thread. May be called in any thread."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._is_over:
            time.sleep(min(left, 0.25))
            if threading.get_ident() == self._thread:
                self.check_in()

    def is_over(self) -> bool:
        """Returns whether the run was left, so that its requests may be aborted. For any thread."""
        return self._is_over

    def check_in(self) -> None:
        """Update the heartbeat and look for a request to stop; call it often between steps. Raises Cancelled,
        SliceOver or TakenOver."""
        if stopping.requested():
            self._leave(self._when_stopped)
        now = time.monotonic()
        if now - self._beat >= BEAT_EVERY:
            with transaction.atomic():
                self._save(progress_only=True)
            self.show_progress()
        elif now - self._look >= LOOK_EVERY and not self.dry_run:
            self._look = now
            if not self._mine().filter(cancel_requested_at__isnull=True).exists():
                self._leave(Cancelled if self._mine().exists() else TakenOver)

    def _leave(self, why: type[Exception]) -> NoReturn:
        self._is_over = True
        raise why

    def mine(self) -> QuerySet[SyncRun]:
        """Returns the row of the run; empty if another process has taken it over or somebody cancelled it."""
        return self._mine().filter(cancel_requested_at__isnull=True)

    def _mine(self) -> QuerySet[SyncRun]:
        running = SyncRun.objects.filter(status=SyncRun.Status.RUNNING)
        return running.filter(pk=self.run.pk, attempts=self.run.attempts)

    def values(self, *, progress_only: bool = False) -> dict[str, Any]:
        """Returns the columns to store with a step. With `progress_only`, between steps, these are only the
        heartbeat, the time and the number of requests; counts are committed with the next step."""
        self._beat = self._look = time.monotonic()
        run = self.run
        run.heartbeat_at = self.now
        run.requests = self._requests_before + self.sent.count
        run.busy_seconds += self._beat - self._resumed
        self._resumed = self._beat
        names = ["heartbeat_at", "requests", "busy_seconds"]
        if not progress_only:
            names += [*STORED, "cursor", "pages_done", "pages_total", "errors", "seen", "guarded", "crashes"]
            run.cursor, run.seen, run.crashes = self.cursor, self._seen.dump(), 0
        return {name: getattr(run, name) for name in names}

    def _save(self, *, progress_only: bool = False) -> None:
        values = self.values(progress_only=progress_only)
        if self.dry_run:
            return
        if not self.mine().update(**values):
            self._leave(Cancelled if self._mine().exists() else TakenOver)
        heartbeat.beat()

    def show_progress(self) -> None:
        """Call `on_progress`, which shows progress in a terminal."""
        if self.on_progress is not None:
            self.on_progress(self.run)

    @property
    def is_due(self) -> bool:
        """Whether the time that the worker has for this run is over."""
        return self.deadline is not None and time.monotonic() > self.deadline
