"""Runs jobs that each make a few requests to Thinkific: many at once, with the results in order.

A job is a generator. It runs in the caller's thread, so it may use the database. The calls that it yields run
in other threads (see threads.py), which must not use the database:

    def read(client, course):
        [course, bundle] = yield [Ask(partial(rest.get_course, 7)), Ask(partial(rest.get_bundle, 3))]
        return course, bundle
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, Generic, NamedTuple, TypeVar

from integrations.thinkific.runs.threads import POLL_SECONDS, Threads

T = TypeVar("T")

WAITING = 3  # no further job starts while so many wait to send a request
# The most jobs that start before the first answer: if Thinkific does not answer, only these wait for it.
AT_FIRST = 5


class Ask(NamedTuple):
    """A call of the client; `points` says that it uses GraphQL. Its exceptions are raised at the `yield`."""

    call: Callable[[], Any]
    points: bool = False


Job = Generator[Sequence[Ask], list[Any], T]


class _Running(Generic[T]):
    """A started job: its calls, their answers so far, and its result at the end."""

    def __init__(self, job: Job[T]) -> None:
        self.job = job
        self.asks: deque[tuple[int, Ask]] = deque()
        self.under_way: dict[Future[Any], int] = {}
        self.answers: list[Any] = []
        self.failure: BaseException | None = None
        self.is_over = False
        self.result: T | None = None
        self.problem: Exception | None = None
        self._go_on(None)

    def take(self) -> int:
        """Take the answers that have come, and continue the job when all have. Returns how many came."""
        count = 0
        for future in [one for one in self.under_way if one.done()]:
            place = self.under_way.pop(future)
            try:
                self.answers[place] = future.result()
                count += 1
            except Exception as error:  # raised in the job
                self.failure = self.failure or error
                self.asks.clear()
        if not self.is_over and not self.asks and not self.under_way:
            self._go_on(self.answers)
        return count

    def _go_on(self, answers: list[Any] | None) -> None:
        try:
            while True:
                if self.failure is not None:
                    error, self.failure = self.failure, None
                    asks = self.job.throw(error)
                else:
                    asks = next(self.job) if answers is None else self.job.send(answers)
                answers = self.answers = [None] * len(asks)
                self.asks.extend(enumerate(asks))
                if self.asks:
                    return
        except StopIteration as end:
            self.is_over, self.result = True, end.value
        except Exception as error:  # raised when its result is to be yielded
            self.is_over, self.problem = True, error


class SideBySide(Generic[T]):
    """Yields the results of jobs in their order. An exception of a job is raised in place of its result, and
    ends the iteration.

    A new job starts when requests may be sent that no earlier job needs, so the number of results that wait
    is limited. Once `is_due`, no further job starts, but at least one always does.
    """

    def __init__(
        self, threads: Threads, jobs: Iterable[Job[T]], *, is_due: Callable[[], bool] = lambda: False
    ) -> None:
        self.threads = threads
        self.is_due = is_due
        self._jobs = iter(jobs)
        self._running: deque[_Running[T]] = deque()
        self._is_last = False
        self._begun = 0
        self._answered = 0

    def __iter__(self) -> Iterator[T]:
        try:
            while True:
                pause = self._ask()
                while self._running and self._running[0].is_over:
                    first = self._running.popleft()
                    if first.problem is not None:
                        raise first.problem
                    yield first.result  # type: ignore[misc]
                    pause = self._ask()
                if not self._running:
                    return
                if not self._running[0].is_over:
                    self.threads.step(pause)
                for one in self._running:
                    self._answered += one.take()
        finally:
            for one in self._running:
                one.job.close()
            self._running.clear()

    def unfinished(self) -> bool:
        """Returns whether jobs have started whose results were not yielded yet."""
        return bool(self._running)

    def _ask(self) -> float:
        """Send as many requests as allowed. Returns the seconds after which to try again."""
        waits: dict[bool, float] = {}  # the key says whether it is GraphQL, which has its own budget
        for one in list(self._running):
            self._ask_for(one, waits)
        while len(waits) < 2 and self._begin():
            self._ask_for(self._running[-1], waits)
        return min(waits.values(), default=POLL_SECONDS)

    def _ask_for(self, one: _Running[T], waits: dict[bool, float]) -> None:
        while one.asks and one.asks[0][1].points not in waits:
            place, ask = one.asks[0]
            outcome: Future[Any] | float
            if not ask.points:
                outcome = self.threads.try_start(ask.call)
            elif self.threads.has_room_for_points:
                outcome = self.threads.start(ask.call, points=True)
            else:
                outcome = POLL_SECONDS
            if isinstance(outcome, float):
                waits[ask.points] = outcome
                return
            one.asks.popleft()
            one.under_way[outcome] = place

    def _begin(self) -> bool:
        if self._is_last or len(self._running) >= min(2 * self.threads.size, AT_FIRST + self._answered):
            return False
        if sum(bool(one.asks) for one in self._running) >= WAITING:
            return False
        if self.is_due() and self._begun:
            return False
        job = next(self._jobs, None)
        if job is None:
            self._is_last = True
            return False
        self._begun += 1
        self._running.append(_Running(job))
        return True


class InAdvance(Generic[T]):
    """Yields pages of GraphQL, requesting each while the caller works on the one before; none once `is_due`.
    `pages` runs in another thread and must not use the database."""

    def __init__(
        self, threads: Threads, pages: Iterator[T], *, is_due: Callable[[], bool] = lambda: False
    ) -> None:
        self.threads = threads
        self.pages = pages
        self.is_due = is_due
        self._end: Any = object()
        self._next: Future[T] | None = None

    def __iter__(self) -> Iterator[T]:
        while True:
            future = self._next = self._next or self._ask()
            while not future.done():
                self.threads.step(POLL_SECONDS)
            page = future.result()
            if page is self._end:
                self._next = None
                return
            self._next = None if self.is_due() else self._ask()
            yield page

    def unfinished(self) -> bool:
        """Returns whether a page has come or was requested that was not yielded yet."""
        return self._next is not None

    def _ask(self) -> "Future[T]":
        return self.threads.start(lambda: next(self.pages, self._end), points=True)
