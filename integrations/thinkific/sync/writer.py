"""A thread that commits one step of a run while the next one is prepared: for steps that only add rows, on
PostgreSQL, which works on its own processor meanwhile.

The run's thread reads what it needs, decides what every row becomes and counts it; the writer sends the
rows and commits them together with the cursor and the counts. So a step still stands or falls as a whole, and
steps are committed in their order, one at a time. Whatever goes wrong in the writer (somebody else wrote
such a row, two pages hold the same one, the run was cancelled, the database went away), the run takes back
what it counted since and does these steps again in its own thread, as it does all others.
"""

import copy
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import OperationalError, connection, transaction

from core.services import bulk
from integrations.queue import heartbeat
from integrations.thinkific.sync.leaving import LostRun
from integrations.thinkific.sync.steps import in_transaction, snapshot

if TYPE_CHECKING:
    from integrations.thinkific.sync.pull import Pull

READS = ("SELECT ", "SAVEPOINT ", "RELEASE ", "ROLLBACK ", "SET LOCAL ")
LOCKS = re.compile(r" FOR (NO KEY )?UPDATE\b|advisory")


class _DoesMore(Exception):
    """The step does more than to add rows."""


@dataclass
class _Step:
    write: Callable[[], None]
    before: dict[str, Any]  # the run's counts and cursor, to take back to
    copies: list[bulk.Copy]


class Writer:
    """The writer of one run. All but `_commit` belongs to the run's thread."""

    def __init__(self, pull: "Pull") -> None:
        self.pull = pull
        self._pool: ThreadPoolExecutor | None = None
        self.prepares = False  # whether this is a step that the writer is to commit
        self._under_way: tuple[_Step, Future[None]] | None = None

    @property
    def is_of_use(self) -> bool:
        """Whether there is anything to gain, and nobody around us waits for our rows in a transaction."""
        apart = not connection.in_atomic_block
        return connection.vendor == "postgresql" and apart and not self.pull.dry_run

    def commit(self, write: Callable[[], None]) -> None:
        """As Pull.commit, but it may return before the step is committed; see `settle`."""
        step = _Step(write, snapshot(self.pull.run), [])
        self.prepares = True
        try:
            with transaction.atomic(), bulk.kept_back(step.copies), self._only_reads(step):
                write()
                if connection.run_on_commit:  # to be done when the rows are there
                    raise _DoesMore
                transaction.set_rollback(True)  # there is nothing to commit, but keys were taken
        except (_DoesMore, OperationalError):
            self.pull.restore(step.before)
            self.prepares = False
            self.pull.commit(write)
            return
        finally:
            self.prepares = False
        if self._is_committed():
            self._start(step)
        else:
            self._again(write)

    def finds_none(self, name: str) -> bool:
        """Whether none of the rows of this list need be looked for: the table was empty when its walk began,
        and a row that came since is not overlooked, for the writer would collide with it."""
        return self.prepares and self.pull.cursor.get(name, {}).get("top") == 0

    def settle(self) -> None:
        """Wait for the step that is under way; afterwards all that was counted is committed."""
        if not self._is_committed():
            self._again()

    def close(self) -> None:
        if self._pool is not None:
            self._pool.submit(lambda: connection.close())  # that of its own thread
            self._pool.shutdown()
            self._pool = None

    def _start(self, step: _Step) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writer")
        values = copy.deepcopy(self.pull.values())  # the next step counts on meanwhile
        self._under_way = step, self._pool.submit(self._commit, step.copies, values)
        heartbeat.beat()
        self.pull.tell()

    def _is_committed(self) -> bool:
        if self._under_way is not None and self._under_way[1].exception() is not None:
            return False
        self._under_way = None
        return True

    def _again(self, *more: Callable[[], None]) -> None:
        """What the writer could not commit, and what was prepared on top of it."""
        assert self._under_way is not None
        step, self._under_way = self._under_way[0], None
        self.pull.restore(step.before)
        for write in (step.write, *more):
            self.pull.commit(write)

    def _commit(self, copies: list[bulk.Copy], values: dict[str, Any]) -> None:
        try:
            with in_transaction():
                for one in copies:
                    one.run()
                if not self.pull.mine().update(**values):
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
