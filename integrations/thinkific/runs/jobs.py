"""Work that asks Thinkific about many things, each by a few requests: many are on their way at once, and what
came of them is handed out in order.

A job is a generator. It runs in the caller's thread, so it may use the database; what it yields is asked in
other threads (see threads.py), which must not:

    def read(client, course):
        [course, bundle] = yield [Ask(partial(rest.get_course, 7)), Ask(partial(rest.get_bundle, 3))]
        return course, bundle
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, Generic, NamedTuple, TypeVar

from integrations.thinkific.runs.threads import LOOK, Threads

T = TypeVar("T")

WAITING = 3  # jobs that have something to ask, before no further one is begun
# Jobs begun while nothing has come yet: where Thinkific answers nothing, few find out at once.
AT_FIRST = 5


class Ask(NamedTuple):
    """One call of the client; `points`: by GraphQL. What it raises is raised where it was yielded."""

    call: Callable[[], Any]
    points: bool = False


Job = Generator[Sequence[Ask], list[Any], T]


class _Running(Generic[T]):
    """A job that was begun: what it asks for, what of that has come, and in the end its result."""

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
        """What has come; goes on once all of it has. Returns how many answers there were."""
        count = 0
        for future in [one for one in self.under_way if one.done()]:
            place = self.under_way.pop(future)
            try:
                self.answers[place] = future.result()
                count += 1
            except Exception as error:  # for the job, which asked
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
        except Exception as error:  # raised when its turn has come
            self.is_over, self.problem = True, error


class SideBySide(Generic[T]):
    """The results of jobs in their order; what a job raises is raised in its place, and ends it all.

    A new job begins when requests may be sent that no earlier one wants: so little is asked ahead of its
    turn, and what waits for its turn is bounded. None begins once `is_due`, but the first.
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
        """Whether jobs were begun whose results were not handed out yet."""
        return bool(self._running)

    def _ask(self) -> float:
        """Send what may be sent; returns the seconds after which to try again."""
        waits: dict[bool, float] = {}  # by whether it asks GraphQL, which has a budget of its own
        for one in list(self._running):
            self._ask_for(one, waits)
        while len(waits) < 2 and self._begin():
            self._ask_for(self._running[-1], waits)
        return min(waits.values(), default=LOOK)

    def _ask_for(self, one: _Running[T], waits: dict[bool, float]) -> None:
        while one.asks and one.asks[0][1].points not in waits:
            place, ask = one.asks[0]
            outcome: Future[Any] | float
            if not ask.points:
                outcome = self.threads.try_start(ask.call)
            elif self.threads.has_room_for_points:
                outcome = self.threads.start(ask.call, points=True)
            else:
                outcome = LOOK
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
    """Pages of GraphQL, each asked for while the one before is worked on; none once `is_due`. `pages` must
    not use the database."""

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
                self.threads.step(LOOK)
            page = future.result()
            if page is self._end:
                self._next = None
                return
            self._next = None if self.is_due() else self._ask()
            yield page

    def unfinished(self) -> bool:
        """Whether a page is here or on its way that was not handed out yet."""
        return self._next is not None

    def _ask(self) -> "Future[T]":
        return self.threads.start(lambda: next(self.pages, self._end), points=True)
