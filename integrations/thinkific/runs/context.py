"""One run being carried out by this process: its counts, its cursor, its signs of life."""

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
from core.services.mirror.table import RowByRow
from integrations import effects, heartbeat, stopping
from integrations.models import KEPT_ERRORS, SyncRun
from integrations.thinkific import conflicts, connection_state
from integrations.thinkific.budget.priorities import Slots
from integrations.thinkific.budget.shared import SharedBudget
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.errors import CredentialsRefused
from integrations.thinkific.runs.fetch import Lists
from integrations.thinkific.runs.jobs import InAdvance, Job, SideBySide, T
from integrations.thinkific.runs.leaving import Cancelled, LostRun, SliceOver
from integrations.thinkific.runs.seen import Numbers, Seen, SeenRows
from integrations.thinkific.runs.sent_requests import SentRequests
from integrations.thinkific.runs.state import STORED, Outcome, P, State
from integrations.thinkific.runs.threads import Threads
from integrations.thinkific.runs.writer import Writer, in_transaction

TRIES = 3  # of a step that collided with another writer
BEAT_EVERY = 1.5  # seconds; progress is promised every two
LOOK_EVERY = 0.5  # seconds between looks whether somebody pressed Cancel, which is promised within two


class RunContext:
    """What a run works with. `store()` commits a page's rows, the cursor and the counts together."""

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
        # A command that is told to stop ends its run; a worker leaves it to another one.
        self._when_stopped: type[Exception] = Cancelled if foreground else SliceOver
        self._is_over = False
        self.refused: set[str] = set()  # surfaces
        self._is_last_try = False  # of the step that is being committed
        self.courses: dict[int, int] = {}  # course id -> primary key, of those that were asked for
        self.state = State(run)
        self._seen = SeenRows(run.seen)
        self._requests_before = run.requests - sent.count
        self._beat = self._look = self._resumed = time.monotonic()
        self._thread = threading.get_ident()
        self.threads = Threads(slots, breathe=self.breathe)
        self.lists = Lists(self)
        self.writer = Writer(self)
        # What is here or on its way when the time is up is stored before the run is left.
        self.unfinished: list[Callable[[], bool]] = [self.lists.unfinished]
        client.transport.budget = self.threads
        budget.sleep = client.transport.sleep = self.nap
        sent.while_waiting = self.breathe
        client.transport.stop = self.is_over

    @property
    def cursor(self) -> dict[str, Any]:
        """Where the run is, as it is stored (state.py)."""
        return self.state.cursor

    def place(self, kind: type[P], name: str = "") -> P:
        """The same, typed: what stands at its root, or under a name."""
        return self.state.at(kind, name)

    @property
    def partial(self) -> bool:
        """Something was left out; the run's errors tell what."""
        return bool(self.place(Outcome).partial)

    @partial.setter
    def partial(self, value: bool) -> None:
        self.place(Outcome).partial = value

    @property
    def source(self) -> str:
        """The reason that stands in the history of what this run changes."""
        return RowByRow(self.run.source) if self._is_last_try else self.run.source

    @property
    def now(self) -> datetime:
        return timezone.now()

    def side_by_side(self, jobs: Iterable[Job[T]], *, whole: bool = False) -> Iterator[T]:
        """The results of jobs in their order; see jobs.py. When the time is up, those that were begun are
        handed out before the run is left; with `whole` all of them, however long it takes."""
        work = SideBySide(self.threads, jobs, is_due=lambda: self.is_due and not whole)
        with self._unfinished_while(work.unfinished):
            yield from work
        self.threads.rest()

    def in_advance(self, pages: Iterator[T]) -> Iterator[T]:
        """The same pages of GraphQL, each asked for while the one before is stored."""
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
        """The stored rows of one list that this run has met, by primary key."""
        return self._seen.rows(name)

    def numbers(self, name: str) -> Numbers:
        """Rows of one list that have no stored one of their own, by Thinkific id."""
        return self._seen.numbers(name)

    def forget(self, name: str) -> None:
        """The list is judged: which rows it had is no longer needed."""
        self._seen.forget(name)

    def commit(self, write: Callable[[], None]) -> None:
        """Run `write` in a transaction of its own: what it stores, what it counts and where it leaves the
        cursor stand or fall together. Repeated when somebody else wrote the same rows at the same moment;
        what the database refuses then as well is left out, row by row."""
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
        self.tell()

    def store(self, write: Callable[[], None], *, adds: bool = False) -> None:
        """Commit, then leave the run when the time is up. `adds`: most likely the step only adds rows, and
        may be committed while the next is prepared (writer.py). Call `writer.settle()` after the last."""
        self.writer.commit(write, adds=adds)
        self.leave_when_due()

    def leave_when_due(self) -> None:
        # Only where the cursor has moved: a run that is left where it was taken up would never end.
        is_due = self.is_due and not any(is_so() for is_so in self.unfinished)
        if is_due and self.state.has_moved:
            raise SliceOver

    def finish(self) -> None:
        """Commit what was noted after the last step."""
        with self._step():
            pass
        self.tell()

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
        """Take back what was counted since a snapshot (state.py)."""
        self.state.take_back(before)
        self.courses.clear()
        if not self.dry_run:
            self._seen.take_back(self.run.seen)

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
        """Keep an error with the object it belongs to; only the first ones are kept."""
        if len(self.run.errors) < KEPT_ERRORS:
            self.run.errors.append({"object": object, "message": message})

    def refuse(self, error: CredentialsRefused, cost: str) -> None:
        """One surface does not let us in and the run goes on without it, at that cost."""
        self.partial = True
        self.refused.add(error.surface)
        self.note(error.surface, f"{error} {cost}")
        if not self.dry_run:
            connection_state.note(error.surface, ok=False, detail=str(error))

    def fail(self, object: str, message: str) -> None:
        """A row that could not be stored. It never stops the run."""
        self.run.failed += 1
        self.note(object, message)

    def close(self) -> None:
        """Nothing is waited for any more: what is under way in other threads is broken off."""
        self._is_over = True
        self.threads.close()
        self.writer.close()

    def nap(self, seconds: float) -> None:
        """Sleep, showing signs of life. In any thread."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._is_over:
            time.sleep(min(left, 0.25))
            if threading.get_ident() == self._thread:
                self.breathe()

    def is_over(self) -> bool:
        """Whether the run was cancelled, lost or left: no answer need be waited for. For any thread."""
        return self._is_over

    def breathe(self) -> None:
        """Between steps: say that we live, and see whether somebody wants us to stop."""
        if stopping.requested():
            self._leave(self._when_stopped)
        now = time.monotonic()
        if now - self._beat >= BEAT_EVERY:
            with transaction.atomic():
                self._save(progress_only=True)
            self.tell()
        elif now - self._look >= LOOK_EVERY and not self.dry_run:
            self._look = now
            if not self._mine().filter(cancel_requested_at__isnull=True).exists():
                self._leave(Cancelled if self._mine().exists() else LostRun)

    def _leave(self, why: type[Exception]) -> NoReturn:
        self._is_over = True
        raise why

    def mine(self) -> QuerySet[SyncRun]:
        """The run, as long as it is this process's and goes on."""
        return self._mine().filter(cancel_requested_at__isnull=True)

    def _mine(self) -> QuerySet[SyncRun]:
        running = SyncRun.objects.filter(status=SyncRun.Status.RUNNING)
        return running.filter(pk=self.run.pk, attempts=self.run.attempts)

    def values(self, *, progress_only: bool = False) -> dict[str, Any]:
        """What is stored of the run with a step. Between steps only its signs of life: what was counted since
        the last one is committed with the next, but requests have already happened."""
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
            self._leave(Cancelled if self._mine().exists() else LostRun)
        heartbeat.beat()

    def tell(self) -> None:
        """Show the run's progress to whoever started it here."""
        if self.on_progress is not None:
            self.on_progress(self.run)

    @property
    def is_due(self) -> bool:
        """The time that the worker has for this run is over."""
        return self.deadline is not None and time.monotonic() > self.deadline
