"""Reads REST lists: many pages are requested at once, yielded in order, and never requested twice.

When several lists are read one after the other, pages of the next ones are requested before the current one
ends. Otherwise a list of few pages would leave most of the request budget unused.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from integrations.thinkific.client.answers import Answer, check
from integrations.thinkific.client.decoding import PAGE_SIZE
from integrations.thinkific.client.errors import RateLimited, RetryLater, ThinkificError, Unfinished
from integrations.thinkific.client.paging import Watch
from integrations.thinkific.client.transport import plain
from integrations.thinkific.runs.pages import RawPage, read_page

if TYPE_CHECKING:
    from integrations.thinkific.runs.context import RunContext

AHEAD = 24  # pages fetched beyond the one being stored, and as many again of the lists after it
HELD = 16 << 20  # bytes of fetched pages that wait; beyond this nothing is fetched ahead, to limit the memory
TRIES = 7  # of one page, with growing pauses: about half a minute
SLOW = 2.5  # a page that timed out or was too large counts as so many tries, so it is tried three times
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 10.0
TOGETHER = 16  # the most pages that are stored in one step
ADDED_TOGETHER = 10  # the same when steps are stored while the next are prepared, which needs more memory
GATHER = 0.1  # the longest wait for a fuller batch, in seconds


class PageWalk:
    """Yields the pages of one list from `first` on, in order. Raises RetryLater when a page cannot be read.

    Ends where the list ends, or with `is_endless` when further pages bring nothing new (see paging.py).
    """

    def __init__(self, lists: "Lists", path: str, filters: Mapping[str, Any] | None, first: int) -> None:
        self.lists = lists
        self.context = lists.context
        self.path = path
        self.filters = {f"query[{name}]": plain(value) for name, value in (filters or {}).items()}
        self.first = self.next_wanted = self.next_asked = first
        self.last: int | None = None  # not known before the first answer
        self.ready: dict[int, RawPage] = {}
        self.under_way: set[int] = set()
        self.again: list[tuple[float, int]] = []  # (when, page)
        self.tries: dict[int, float] = {}
        self.failed: dict[int, Exception] = {}
        self.watch = Watch()
        self.last_with_new_rows = first  # the highest page that brought any
        self.is_endless = False
        # The type that rows are decoded as in the fetching threads. Set it when most rows are new.
        self.ahead: type | None = None
        # Whether to wait a moment for fuller batches, so that fewer writes are needed. Set it when all rows
        # are stored already, since then storing is faster than fetching, or when nearly all are new.
        self.fills_batches = False
        self.adds = False  # whether the pages stored last had only new rows

    def __iter__(self) -> Iterator[RawPage]:
        with self.lists.reading(self):
            while self.last is None or self.next_wanted <= self.last:
                page = self.ready.pop(self.next_wanted, None)
                if page is None:
                    if self.failed and (self.next_wanted in self.failed or not self.under_way):
                        raise self.failed[min(self.failed)]
                    self.lists.collect(self.lists.ask())
                    continue
                self.next_wanted += 1
                self.lists.ask()
                yield page

    @property
    def is_over(self) -> bool:
        """Whether the page that was yielded last is the last one."""
        return self.last is not None and self.next_wanted > self.last

    @property
    def has_pages(self) -> bool:
        """Whether pages have come or were requested that were not yielded yet."""
        return bool(self.ready or self.under_way)

    def is_near(self, since: float) -> bool:
        """Returns whether a batch begun at `since` (`time.monotonic()`) should wait for the next page."""
        coming = self.fills_batches and self.next_wanted in self.under_way
        return coming and time.monotonic() - since < GATHER

    def next_page(self, ahead: int) -> int | None:
        """Returns the page to request now, at most `ahead` beyond the next one to yield; or None."""
        if self.failed:
            return None
        if self.again and self.again[0][0] <= time.monotonic():
            return self.again[0][1]
        if self.context.is_due and self.next_asked > self.first:
            return None  # at least one page is requested, or a run would never make progress
        if self.last is None and self.next_asked > self.next_wanted:
            return None  # the first page says how many there are
        if self.last is not None and self.next_asked > self.last:
            return None
        return self.next_asked if self.next_asked < self.next_wanted + max(1, ahead) else None

    def asked(self, page: int) -> None:
        if self.again and self.again[0][1] == page:
            self.again.pop(0)
        else:
            self.next_asked += 1
        self.under_way.add(page)

    def fetch(self, page: int) -> tuple[Answer, RawPage]:
        params = {"page": page, "limit": PAGE_SIZE, **self.filters}
        asked_at = timezone.now()
        with self.context.threads.permit():
            answer = self.context.client.transport.send_once("GET", self.path, params)
        if answer.status != 429:
            check(answer, self.context.client.credentials)
            raw = read_page(answer.body, number=page, what=answer.request, ahead=self.ahead)
            raw.asked, raw.asked_at = PAGE_SIZE, asked_at
            return answer, raw
        return answer, RawPage([], page)

    def take(self, page: int, future: "Future[tuple[Answer, RawPage]]") -> None:
        """Handle the answer to a request for a page. A failure is raised when the page is to be yielded."""
        self.under_way.discard(page)
        try:
            answer, raw = future.result()
            if answer.status == 429:
                check(answer, self.context.client.credentials)
        except RateLimited as error:
            self.context.slots.stop_until(error.until)
            self._retry_or_give_up(page, error, weight=0.25)
        except Unfinished as error:
            self._retry_or_give_up(page, error, weight=SLOW)
        except RetryLater as error:
            self._retry_or_give_up(page, error)
        except ThinkificError as error:
            self.failed[page] = error
        else:
            self.context.slots.note(answer.rate)
            self._take(raw)

    def _take(self, raw: RawPage) -> None:
        self.ready[raw.page] = raw
        if self.is_endless:
            return
        if raw.fetched and self.watch.brings_nothing([row.id for row in raw.items]):
            self.is_endless, self.last = True, max(self.last_with_new_rows, self.next_wanted - 1)
            return
        self.last_with_new_rows = max(self.last_with_new_rows, raw.page)
        if raw.is_last:
            self.last = min(raw.page, self.last) if self.last is not None else raw.page
        elif (raw.total_pages or 0) > raw.page:
            # The list may have grown or shrunk; the newest answer counts.
            self.last = raw.total_pages
        else:  # no totals, or wrong ones: read page after page
            self.last = max(raw.page + 1, self.last or 0)

    def _retry_or_give_up(self, page: int, error: RetryLater, *, weight: float = 1.0) -> None:
        """Note when to try the page again, or that it failed. `weight` is how much this try counts: a 429
        counts less than a failure, because it says when to try again."""
        tries = self.tries[page] = self.tries.get(page, 0.0) + weight
        if tries >= TRIES:
            self.failed[page] = error
            return
        pause = error.seconds(min(FIRST_PAUSE * 2**tries, LONGEST_PAUSE))
        self.again.append((time.monotonic() + pause, page))
        self.again.sort()


class Lists:
    """The lists of a run: the current one, and those whose pages are fetched in advance."""

    def __init__(self, context: "RunContext") -> None:
        self.context = context
        self.current: PageWalk | None = None
        self.coming: deque[PageWalk] = deque()
        self._further: Iterator[tuple[str, Mapping[str, Any] | None]] = iter(())
        self._under_way: dict[Future[tuple[Answer, RawPage]], tuple[PageWalk, int]] = {}

    def walk(self, path: str, filters: Mapping[str, Any] | None = None, *, first: int = 1) -> PageWalk:
        """Returns the pages of a list. Pages that were fetched in advance are not requested again."""
        wanted = PageWalk(self, path, filters, first)
        if not self.coming and (found := next(self._further, None)) is not None:
            self.coming.append(PageWalk(self, *found, first=1))
        for walk in self.coming:
            if (walk.path, walk.filters, walk.first) == (path, wanted.filters, first):
                while self.coming.popleft() is not walk:
                    pass
                return walk
        return wanted

    @contextmanager
    def ahead(self, lists: Iterable[tuple[str, Mapping[str, Any] | None]]) -> Iterator[None]:
        """Fetch pages of these lists (path and filters) in advance inside the block.

        Read them from their first pages and in this order; some may be left out.
        """
        self._further = iter(list(lists))  # at once: the lists depend on where the run is now
        try:
            yield
        finally:
            self._further = iter(())
            self.coming.clear()

    @contextmanager
    def reading(self, walk: PageWalk) -> Iterator[None]:
        self.current = walk
        try:
            yield
        finally:
            self.current = None
            if not self.coming:
                self.context.threads.release_slots()

    def unfinished(self) -> bool:
        """Returns whether pages have come or were requested that can be stored without requesting others."""
        if self.current is not None and not self.current.is_over:
            return self.current.has_pages
        return bool(self.coming) and self.coming[0].has_pages

    def ask(self) -> float:
        """Request as many pages as allowed. Returns the seconds after which to try again."""
        pause = 1.0
        for walk in self._in_turn():
            while (page := walk.next_page(self._room_for(walk))) is not None:
                outcome = self.context.threads.try_start(partial(walk.fetch, page))
                if isinstance(outcome, float):
                    return outcome
                walk.asked(page)
                self._under_way[outcome] = (walk, page)
            if walk.again:
                pause = min(pause, max(0.0, walk.again[0][0] - time.monotonic()))
        return pause

    def collect(self, seconds: float) -> None:
        """Wait for answers, at most this long, and handle those that have come."""
        self.context.threads.step(seconds)
        for future in [one for one in self._under_way if one.done()]:
            walk, page = self._under_way.pop(future)
            walk.take(page, future)

    def _room_for(self, walk: PageWalk) -> int:
        ready = [page.size for one in (self.current, *self.coming) if one for page in one.ready.values()]
        return AHEAD if sum(ready) < HELD else 1

    def _in_turn(self) -> Iterator[PageWalk]:
        if self.current is not None:
            yield self.current
        for walk in list(self.coming):
            if self._ahead_of_turn() < AHEAD:
                yield walk
        while not self.context.is_due and self._ahead_of_turn() < AHEAD and self.context.threads.has_room:
            if (found := next(self._further, None)) is None:
                return
            walk = PageWalk(self, *found, first=1)
            self.coming.append(walk)
            yield walk

    def _ahead_of_turn(self) -> int:
        return sum(len(walk.ready) + len(walk.under_way) for walk in self.coming)


def batches(walk: PageWalk) -> Iterator[list[RawPage]]:
    """Yields the pages of a walk in batches of those that have come, so that there are fewer and larger
    writes. With `fills_batches`, a batch waits a moment for pages that were requested."""
    batch: list[RawPage] = []
    begun, held = 0.0, 0
    try:
        for page in walk:
            begun = begun if batch else time.monotonic()
            held = held + page.size if batch else page.size
            batch.append(page)
            if (
                len(batch) >= (ADDED_TOGETHER if walk.adds else TOGETHER)
                or held >= HELD
                or not (walk.next_wanted in walk.ready or walk.is_near(begun))
            ):
                yield batch
                batch = []
    except ThinkificError:
        if batch:
            yield batch  # pages before the failed one are stored
        raise
    if batch:
        yield batch
