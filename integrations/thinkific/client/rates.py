"""What the headers of an answer say about the request budget."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

SHORTEST = 0.01  # seconds; the stand-in may have short windows, a real site waits at least a second
LONGEST = 120.0
FALLBACK = 1.0  # seconds, where the answer names none; the shared budget doubles it (meter.block)
SKEW = 2.0  # seconds; Date headers have whole seconds, so a smaller difference says nothing


@dataclass(frozen=True, slots=True)
class RateHeaders:
    """The request budget as an answer told it; None where it told nothing. `reset_at` is in epoch seconds, on
    this machine's clock."""

    limit: int | None = None
    remaining: int | None = None
    reset_at: float | None = None

    @property
    def reset(self) -> datetime | None:
        return None if self.reset_at is None else datetime.fromtimestamp(self.reset_at, UTC)


@dataclass(frozen=True, slots=True)
class Points:
    """GraphQL's own budget, in points. `cost` is that of the query, `reset` the end of the minute."""

    cost: int | None = None
    remaining: int | None = None
    limit: int | None = None
    reset: datetime | None = None


def read_rate_headers(headers: Mapping[str, str], status: int, now: float) -> RateHeaders:
    """Returns the budget from the headers of an answer that came at `now` (epoch seconds).

    A 429 always gets a `reset_at`: from its reset, else from Retry-After, else after FALLBACK seconds.
    """
    limit = _whole(headers.get("ratelimit-limit") or headers.get("x-ratelimit-limit-minute"))
    remaining = _whole(headers.get("ratelimit-remaining") or headers.get("x-ratelimit-remaining-minute"))
    wait = reset_wait(headers.get("ratelimit-reset"), now, server_now=_server_time(headers, now))
    if wait is None and status == 429:
        wait = retry_after(headers, now) or FALLBACK
    return RateHeaders(limit, remaining, None if wait is None else now + wait)


def reset_wait(value: str | None, now: float, *, server_now: float | None = None) -> float | None:
    """Returns the seconds until the reset that `value` means, 0.01 to 120; None when it is not a number.

    Thinkific's documents name different units, so the unit is recognised by the size of the number: epoch
    milliseconds (which live answers have), epoch seconds, milliseconds from now, or seconds from now.
    """
    try:
        number = float(value or "")
    except ValueError:
        return None
    if not 0 <= number < 1e15:  # NaN too
        return None
    clock = now if server_now is None else server_now
    if number > 1e11:
        wait = number / 1000 - clock
    elif number > 1e9:
        wait = number - clock
    elif number > 60:
        wait = number / 1000
    else:
        wait = number
    return min(max(wait, SHORTEST), LONGEST)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Returns the seconds that a Retry-After header asks for, 0.01 to 120; None without one."""
    value = headers.get("retry-after")
    if not value:
        return None
    try:
        wait = float(value)
    except ValueError:
        try:
            wait = parsedate_to_datetime(value).timestamp() - now
        except ValueError:
            return None
    return min(max(wait, SHORTEST), LONGEST) if wait == wait else None  # NaN is not equal to itself


def _server_time(headers: Mapping[str, str], now: float) -> float:
    """Returns the server's time where it differs from ours by more than SKEW, else ours."""
    try:
        told = parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return now
    return told if abs(told - now) > SKEW else now


def _whole(value: str | None) -> int | None:
    try:
        return max(0, int(float(value or "")))
    except (ValueError, OverflowError):
        return None
