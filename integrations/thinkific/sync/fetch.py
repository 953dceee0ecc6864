"""Walking a REST list: several pages on their way at once, handed out in order, none asked for twice.

The budget is asked and the database written in this thread only; the others do nothing but HTTP.
"""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from django.utils import timezone

from integrations.thinkific.answers import Answer, check
from integrations.thinkific.decoding import PAGE_SIZE
from integrations.thinkific.errors import RateLimited, RetryLater, ThinkificError, Unfinished
from integrations.thinkific.paging import Watch, more_follow
from integrations.thinkific.sync.pages import RawPage, read_page
from integrations.thinkific.sync.pull import Pull
from integrations.thinkific.transport import plain

AHEAD = 16  # pages fetched beyond the one being stored
HELD = 16 << 20  # bytes of pages that wait, from which on none is fetched ahead: that bounds the memory
TRIES = 7  # of one page, with growing pauses: about half a minute of trouble
SLOW = 2.5  # what a page weighs that ran out of time or was too large: three of those are enough
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 10.0
LANES = 4
LOOK = 0.25  # seconds of waiting between signs of life
GATHER = 0.1  # seconds after which a patient walk no longer waits for a fuller batch


class PageWalk:
    """The pages of one list from `first` on, in order. Raises RetryLater when a page cannot be had.

    It ends where the list ends, or `is_endless`: when nothing new comes any more (see paging.py).
    """

    def __init__(
        self, pull: Pull, path: str, filters: Mapping[str, Any] | None = None, *, first: int = 1
    ) -> None:
        self.pull = pull
        self.path = path
        self.filters = {f"query[{name}]": plain(value) for name, value in (filters or {}).items()}
        self.first = self.next_wanted = self.next_asked = first
        self.last: int | None = None  # not known before the first answer
        self.ready: dict[int, RawPage] = {}
        self.under_way: dict[Future[tuple[Answer, RawPage]], int] = {}
        self.again: list[tuple[float, int]] = []  # (when, page)
        self.tries: dict[int, float] = {}
        self.watch = Watch()
        self.with_news = first  # the farthest page that brought any
        self.is_endless = False
        # Set it where most rows are news: they are decoded while the database is waited for.
        self.ahead: type | None = None
        # And this where all rows are stored already: looking at them takes less time than fetching.
        self.patient = False

    def __iter__(self) -> Iterator[RawPage]:
        with ThreadPoolExecutor(max_workers=LANES, thread_name_prefix="thinkific") as self.threads:
            self.pull.unfinished = lambda: bool(self.ready or self.under_way)
            try:
                while self.last is None or self.next_wanted <= self.last:
                    page = self.ready.pop(self.next_wanted, None)
                    if page is None:
                        self._collect(self._ask())
                        continue
                    self.next_wanted += 1
                    self._ask()
                    yield page
            finally:
                self.pull.unfinished = bool
                for future in self.under_way:
                    future.cancel()

    @property
    def is_over(self) -> bool:
        """Whether the page that was handed out last is the last one."""
        return self.last is not None and self.next_wanted > self.last

    def is_near(self, since: float) -> bool:
        """Whether a batch that began then (`time.monotonic()`) should wait for the next page."""
        coming = self.patient and self.next_wanted in self.under_way.values()
        return coming and time.monotonic() - since < GATHER

    def _ask(self) -> float:
        """Send for as many pages as we may; answers the seconds after which to try again."""
        while (page := self._next_page()) is not None:
            outcome = self.pull.lanes.try_acquire(in_flight=len(self.under_way))
            if isinstance(outcome, float):
                return outcome
            if self.again and self.again[0][1] == page:
                self.again.pop(0)
            else:
                self.next_asked += 1
            self.under_way[self.threads.submit(self._fetch, page)] = page
        return max(0.0, self.again[0][0] - time.monotonic()) if self.again else 1.0

    def _next_page(self) -> int | None:
        if len(self.under_way) >= LANES:
            return None
        if self.again and self.again[0][0] <= time.monotonic():
            return self.again[0][1]
        if self.pull.is_due and self.next_asked > self.first:
            return None  # but one page at least, or a run would never get on
        if self.last is None and self.next_asked > self.next_wanted:
            return None  # the first page says how many there are
        if self.last is not None and self.next_asked > self.last:
            return None
        ahead = AHEAD if sum(page.size for page in self.ready.values()) < HELD else 1
        return self.next_asked if self.next_asked < self.next_wanted + ahead else None

    def _fetch(self, page: int) -> tuple[Answer, RawPage]:
        params = {"page": page, "limit": PAGE_SIZE, **self.filters}
        asked_at = timezone.now()
        answer = self.pull.client.send_raw("GET", self.path, params)
        if answer.status != 429:
            check(answer, self.pull.client.credentials)
            raw = read_page(answer.body, number=page, what=answer.request, ahead=self.ahead)
            raw.asked_at = asked_at
            return answer, raw
        return answer, RawPage(page)

    def _collect(self, seconds: float) -> None:
        """Wait for an answer, at most so long, and take what has come."""
        if not self.under_way:
            self.pull.nap(min(max(seconds, 0.01), 1.0))
            return
        end = time.monotonic() + min(max(seconds, 0.01), 1.0)
        while True:
            left = min(max(end - time.monotonic(), 0.01), LOOK)
            done, _ = wait(self.under_way, timeout=left, return_when=FIRST_COMPLETED)
            if done or time.monotonic() >= end:
                break
            self.pull.breathe()
        for future in done:
            page = self.under_way.pop(future)
            try:
                answer, raw = future.result()
                if answer.status == 429:
                    check(answer, self.pull.client.credentials)
            except RateLimited as error:
                self.pull.lanes.stop_until(error.until)
                self._retry_or_give_up(page, error, weight=0.25)
            except Unfinished as error:
                self._retry_or_give_up(page, error, weight=SLOW)
            except RetryLater as error:
                self._retry_or_give_up(page, error)
            else:
                self.pull.lanes.note(answer.rate)
                self._take(raw)
        self.pull.breathe()

    def _take(self, raw: RawPage) -> None:
        self.ready[raw.number] = raw
        if self.is_endless:
            return
        if raw.fetched and self.watch.brings_nothing([row.id for row in raw.rows]):
            self.is_endless, self.last = True, max(self.with_news, self.next_wanted - 1)
            return
        self.with_news = max(self.with_news, raw.number)
        follows = more_follow(
            number=raw.number,
            fetched=raw.fetched,
            asked=PAGE_SIZE,
            total_items=raw.total_items,
            total_pages=raw.total_pages,
            next_page=raw.next_page,
        )
        if not follows:
            self.last = min(raw.number, self.last) if self.last is not None else raw.number
        elif (raw.total_pages or 0) > raw.number:
            # The list may have grown or shrunk since; what the newest answer says counts.
            self.last = raw.total_pages
        else:  # no totals, or none to be believed: feel the way forward
            self.last = max(raw.number + 1, self.last or 0)

    def _retry_or_give_up(self, page: int, error: RetryLater, *, weight: float = 1.0) -> None:
        """A 429 weighs less than a failure: it says when to come back."""
        tries = self.tries[page] = self.tries.get(page, 0.0) + weight
        if tries >= TRIES:
            raise error
        pause = error.seconds(min(FIRST_PAUSE * 2**tries, LONGEST_PAUSE))
        self.again.append((time.monotonic() + pause, page))
        self.again.sort()


def batches(walk: PageWalk, size: int = 8) -> Iterator[list[RawPage]]:
    """The pages of a walk, those that are there taken together, up to `size`: fewer, larger writes. In a
    patient walk they wait a moment for those on their way."""
    batch: list[RawPage] = []
    begun, held = 0.0, 0
    try:
        for page in walk:
            begun = begun if batch else time.monotonic()
            held = held + page.size if batch else page.size
            batch.append(page)
            if (
                len(batch) >= size
                or held >= HELD
                or not (walk.next_wanted in walk.ready or walk.is_near(begun))
            ):
                yield batch
                batch = []
    except ThinkificError:
        if batch:
            yield batch  # what is here is stored, whatever became of the next page
        raise
    if batch:
        yield batch
