"""Time as the stand-in keeps it: integers of milliseconds since the epoch, ISO 8601 on the wire."""

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
    """The site's own time. Tests move it forward; a replayed journal pins it to the moment of the write."""

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
    """`2024-02-22T20:32:52.726Z`, as REST v1 answers."""
    return None if moment is None else to_iso(moment)


def to_iso(moment: int) -> str:
    # A page of 250 rows has some 1,400 of these, so the parts are looked up rather than made.
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
    """Milliseconds of an ISO 8601 date or date-time; a missing zone means UTC. Raises ValueError."""
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
