"""Dates and times of the stand-in: stored as milliseconds since the epoch, sent as ISO 8601."""

import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock:
    """The clock of the site. Tests move it forward; a repeated journal sets it to the time of each write."""

    def __init__(self) -> None:
        self.offset = 0
        self._pinned: int | None = None

    def now(self) -> int:
        if self._pinned is not None:
            return self._pinned
        return time.time_ns() // 1_000_000 + self.offset

    def advance(self, seconds: float) -> None:
        self.offset += int(seconds * SECOND)

    @contextmanager
    def pinned(self, moment: int):
        before, self._pinned = self._pinned, moment
        try:
            yield
        finally:
            self._pinned = before


def iso(moment: int | None) -> str | None:
    """Returns a time as REST v1 sends it: `2024-02-22T20:32:52.726Z`."""
    return None if moment is None else to_iso(moment)


def to_iso(moment: int) -> str:
    # A page of 250 rows has about 1,400 times, so their parts are looked up and not formatted.
    day, left = divmod(moment, DAY)
    second, millisecond = divmod(left, SECOND)
    return _day_text(day) + _second_text(second) + MILLISECONDS[millisecond]


MILLISECONDS = tuple(f".{millisecond:03d}Z" for millisecond in range(1000))


@lru_cache(maxsize=20_000)
def _day_text(day: int) -> str:
    return (EPOCH + timedelta(days=day)).strftime("%Y-%m-%dT")


@lru_cache(maxsize=100_000)
def _second_text(second: int) -> str:
    return f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


def parse_moment(text: str) -> int:
    """Returns the milliseconds of an ISO 8601 date or time; without a zone it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // timedelta(milliseconds=1)


def is_moment(text: str) -> bool:
    try:
        parse_moment(text)
    except ValueError:
        return False
    return True


def is_bare_date(text: str) -> bool:
    return len(text) == 10
