"""Threads that write and commit steps of a run while the next step is prepared. Only for steps that add rows
and nothing else, and only on PostgreSQL, which works in processes of its own meanwhile.

The run's thread reads what it needs, and prepares and counts the rows. The writer sends the rows, waits until
the step before is committed, and commits them together with the cursor and the counts. So a step is still
atomic, and steps are committed in their order. When the writer fails (another process wrote such a row, two
pages have the same row, the run was cancelled, the database is away), the run undoes its counts and repeats
these steps in its own thread.
"""

import copy
import re
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import OperationalError, connection, transaction

from core.services.storage import bulk
from integrations import heartbeat
from integrations.thinkific.runs.leaving import TakenOver
from integrations.thinkific.runs.state import ListState

if TYPE_CHECKING:
    from integrations.thinkific.runs.context import RunContext

AT_ONCE = 2  # steps that are written at the same time, each over a connection of its own
# The step before may wait in the database for a row of this step, while this step waits here for that one.
# The database cannot detect such a deadlock, so a time-out ends it.
LOCK_TIMEOUT = "5s"
READS = ("SELECT ", "SAVEPOINT ", "RELEASE ", "ROLLBACK ", "SET LOCAL ")
LOCKS = re.compile(r" FOR (NO KEY )?UPDATE\b|advisory")


@contextmanager
def in_transaction(*, lock_timeout: str = "") -> Iterator[None]:
    """Run the block in a transaction. `lock_timeout` (a PostgreSQL interval) limits waits for locks."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            # If the server crashes before this commit is on the disk, the cursor is lost together with the
            # rows, and the page is pulled again.
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL synchronous_commit = off")
                if lock_timeout:
                    cursor.execute("SET LOCAL lock_timeout = %s", [lock_timeout])
        yield


class _DoesMore(Exception):
    """The step does more than add rows."""


@dataclass
class _Step:
    write: Callable[[], None]
    before: dict[str, Any]  # the run's counts and cursor before the step
    copies: list[bulk.Copy]


class Writer:
    """The writer of one run. Call all methods but `_commit` in the run's thread."""

    def __init__(self, context: "RunContext") -> None:
        self.context = context
        self.prepares = False  # whether the current step is prepared for the writer
        self._threads: deque[ThreadPoolExecutor] = deque()  # the next one to use comes first
        self._under_way: deque[tuple[_Step, Future[None]]] = deque()

    @property
    def is_useful(self) -> bool:
        """Whether steps may be written in other threads: on PostgreSQL, outside of a transaction of the
        caller, and not in a dry run."""
        apart = not connection.in_atomic_block
        return connection.vendor == "postgresql" and apart and not self.context.dry_run

    def commit(self, write: Callable[[], None], *, adds: bool) -> None:
        """As RunContext.commit. With `adds`, this may return before the step is committed; see
        `wait_until_committed`."""
        if not (adds and self.is_useful):
            self._in_one_piece(write)
            return
        step = _Step(write, self.context.state.snapshot(), [])
        self.prepares = True
        try:
            with transaction.atomic(), bulk.collect_copies(step.copies), self._only_reads(step):
                write()
                if connection.run_on_commit:  # these functions must run after the commit
                    raise _DoesMore
                transaction.set_rollback(True)  # there is nothing to commit here: the writer sends the rows
        except (_DoesMore, OperationalError):
            self.context.restore(step.before)
            self._in_one_piece(write)
            return
        finally:
            self.prepares = False
        if self._repeat_failed(leave=AT_ONCE - 1):
            self.context.commit(write)
        else:
            self._start(step)

    def _in_one_piece(self, write: Callable[[], None]) -> None:
        self.wait_until_committed()
        self.context.commit(write)

    def has_none_stored(self, name: str) -> bool:
        """Returns whether the table of this list was empty when its walk began, so that its rows need not be
        searched. A row that was stored since is not overlooked: the writer would collide with it."""
        context = self.context
        return self.prepares and name in context.cursor and context.place(ListState, name).top == 0

    def wait_until_committed(self) -> None:
        """Wait until all steps are committed."""
        self._repeat_failed(leave=0)

    def close(self) -> None:
        for thread in self._threads:
            thread.submit(lambda: connection.close())  # the connection of that thread
        while self._threads:
            self._threads.popleft().shutdown()

    def _start(self, step: _Step) -> None:
        if not self._threads:
            self._threads.extend(ThreadPoolExecutor(1, "writer") for _ in range(AT_ONCE))
        values = copy.deepcopy(self.context.values())  # the next step changes them meanwhile
        before = self._under_way[-1][1] if self._under_way else None
        done = self._threads[0].submit(self._commit, step.copies, values, before)
        self._under_way.append((step, done))
        self._threads.rotate()
        heartbeat.beat()
        self.context.show_progress()

    def _repeat_failed(self, *, leave: int) -> bool:
        """Wait until at most `leave` steps are under way. A step that failed and those prepared after it are
        repeated in this thread. Returns whether that happened."""
        while len(self._under_way) > leave:
            if self._under_way[0][1].exception() is None:
                self._under_way.popleft()
                continue
            wait(done for _, done in self._under_way)
            steps = [step for step, _ in self._under_way]
            self._under_way.clear()
            self.context.restore(steps[0].before)
            for step in steps:
                self.context.commit(step.write)
            return True
        return False

    def _commit(self, copies: list[bulk.Copy], values: dict[str, Any], before: Future[None] | None) -> None:
        try:
            with in_transaction(lock_timeout=LOCK_TIMEOUT):
                for one in copies:
                    one.run()
                if before is not None:
                    before.result()
                if not self.context.mine().update(**values):
                    raise TakenOver
        except Exception:
            connection.close()  # its state is unknown

            raise

    @contextmanager
    def _only_reads(self, step: _Step) -> Iterator[None]:
        def look(execute: Callable[..., Any], sql: Any, *args: Any) -> Any:
            statement = str(sql)
            adds = step.copies and statement.startswith("SELECT")  # which would miss them
            if adds or not statement.startswith(READS) or LOCKS.search(statement):
                raise _DoesMore
            return execute(sql, *args)

        with connection.execute_wrapper(look):
            yield
