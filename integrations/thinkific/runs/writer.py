"""Threads that write and commit steps of a run while the next one is prepared: for steps that only add rows,
on PostgreSQL, which works on processors of its own meanwhile.

The run's thread reads what it needs, decides what every row becomes and counts it; the writer sends the
rows, waits until the step before is committed, and commits them together with the cursor and the counts. So a
step still stands or falls as a whole, and steps are committed in their order. Whatever goes wrong in the
writer (somebody else wrote such a row, two pages hold the same one, the run was cancelled, the database went
away), the run takes back what it counted since and does these steps again in its own thread, as it does all
others.
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
from integrations.thinkific.runs.leaving import LostRun
from integrations.thinkific.runs.state import ListState

if TYPE_CHECKING:
    from integrations.thinkific.runs.context import RunContext

AT_ONCE = 2  # steps that are on their way to the database, each over a connection of its own
# The step before may wait in the database for a row that this one added, and this one waits here for that
# one: no database sees such a circle.
PATIENCE = "5s"
READS = ("SELECT ", "SAVEPOINT ", "RELEASE ", "ROLLBACK ", "SET LOCAL ")
LOCKS = re.compile(r" FOR (NO KEY )?UPDATE\b|advisory")


@contextmanager
def in_transaction(*, patience: str = "") -> Iterator[None]:
    """A transaction of the thread that asks for it, which waits at most so long for a lock."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            # Nobody is told of this commit. Should the server crash before it is on the disk, the run's
            # cursor is as old as its rows, and the page is pulled again.
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL synchronous_commit = off")
                if patience:
                    cursor.execute("SET LOCAL lock_timeout = %s", [patience])
        yield


class _DoesMore(Exception):
    """The step does more than to add rows."""


@dataclass
class _Step:
    write: Callable[[], None]
    before: dict[str, Any]  # the run's counts and cursor, to take back to
    copies: list[bulk.Copy]


class Writer:
    """The writer of one run. All but `_commit` belongs to the run's thread."""

    def __init__(self, context: "RunContext") -> None:
        self.context = context
        self.prepares = False  # whether this is a step that the writer is to commit
        self._threads: deque[ThreadPoolExecutor] = deque()  # the next one is the first
        self._under_way: deque[tuple[_Step, Future[None]]] = deque()

    @property
    def is_of_use(self) -> bool:
        """Whether there is anything to gain, and nobody around us waits for our rows in a transaction."""
        apart = not connection.in_atomic_block
        return connection.vendor == "postgresql" and apart and not self.context.dry_run

    def commit(self, write: Callable[[], None], *, adds: bool) -> None:
        """As RunContext.commit; where the step `adds` it may return before it is committed, see `settle`."""
        if not (adds and self.is_of_use):
            self._in_one_piece(write)
            return
        step = _Step(write, self.context.state.snapshot(), [])
        self.prepares = True
        try:
            with transaction.atomic(), bulk.collect_copies(step.copies), self._only_reads(step):
                write()
                if connection.run_on_commit:  # to be done when the rows are there
                    raise _DoesMore
                transaction.set_rollback(True)  # there is nothing to commit, but keys were taken
        except (_DoesMore, OperationalError):
            self.context.restore(step.before)
            self._in_one_piece(write)
            return
        finally:
            self.prepares = False
        if self._again(leave=AT_ONCE - 1):
            self.context.commit(write)
        else:
            self._start(step)

    def _in_one_piece(self, write: Callable[[], None]) -> None:
        self.settle()
        self.context.commit(write)

    def finds_none(self, name: str) -> bool:
        """Whether none of the rows of this list need be looked for: the table was empty when its walk began,
        and a row that came since is not overlooked, for the writer would collide with it."""
        context = self.context
        return self.prepares and name in context.cursor and context.place(ListState, name).top == 0

    def settle(self) -> None:
        """Wait for what is under way; afterwards all that was counted is committed."""
        self._again(leave=0)

    def close(self) -> None:
        for thread in self._threads:
            thread.submit(lambda: connection.close())  # that of its own
        while self._threads:
            self._threads.popleft().shutdown()

    def _start(self, step: _Step) -> None:
        if not self._threads:
            self._threads.extend(ThreadPoolExecutor(1, "writer") for _ in range(AT_ONCE))
        values = copy.deepcopy(self.context.values())  # the next step counts on meanwhile
        before = self._under_way[-1][1] if self._under_way else None
        done = self._threads[0].submit(self._commit, step.copies, values, before)
        self._under_way.append((step, done))
        self._threads.rotate()
        heartbeat.beat()
        self.context.tell()

    def _again(self, *, leave: int) -> bool:
        """Wait until no more than so many steps are under way. What could not be committed, and what was
        prepared on top of it, is done again; returns whether that was so."""
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
            with in_transaction(patience=PATIENCE):
                for one in copies:
                    one.run()
                if before is not None:
                    before.result()
                if not self.context.mine().update(**values):
                    raise LostRun
        except Exception:
            connection.close()  # whatever state it is in
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
