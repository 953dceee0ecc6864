"""What an answer says about the request budget."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

SHORTEST = 0.01  # seconds; a real site's shortest is a second, a scaled-down stand-in's is not
LONGEST = 120.0
FALLBACK = 1.0  # where nothing is said; the shared budget waits longer each time (meter.block)
SKEW = 2.0  # Date headers have whole seconds: only a clock that is off by more is worth correcting


@dataclass(frozen=True, slots=True)
class RateHeaders:
    """The site's budget as an answer told it; None where it said nothing.

    `reset_at` is epoch seconds on this machine's clock.
    """

    limit: int | None = None
    remaining: int | None = None
    reset_at: float | None = None

    @property
    def reset(self) -> datetime | None:
        return None if self.reset_at is None else datetime.fromtimestamp(self.reset_at, UTC)


@dataclass(frozen=True, slots=True)
class Points:
    """GraphQL's own budget, in points; `reset` is when the minute is over."""

    cost: int | None = None
    remaining: int | None = None
    limit: int | None = None
    reset: datetime | None = None


def read_rate_headers(headers: Mapping[str, str], status: int, now: float) -> RateHeaders:
    """The budget from the headers of an answer received at `now` (epoch seconds).

    A 429 always gets a `reset_at`: where the reset is missing Retry-After, else soon.
    """
    limit = _whole(headers.get("ratelimit-limit") or headers.get("x-ratelimit-limit-minute"))
    remaining = _whole(headers.get("ratelimit-remaining") or headers.get("x-ratelimit-remaining-minute"))
    wait = reset_wait(headers.get("ratelimit-reset"), now, server_now=_server_time(headers, now))
    if wait is None and status == 429:
        wait = retry_after(headers, now) or FALLBACK
    return RateHeaders(limit, remaining, None if wait is None else now + wait)


def reset_wait(value: str | None, now: float, *, server_now: float | None = None) -> float | None:
    """Seconds until the reset that `value` means, 0.01 to 120; None when it is not a number.

    Thinkific's documents disagree about the unit, so every one that they name is recognised by its size:
    epoch milliseconds (which live answers carry), epoch seconds, milliseconds from now, seconds from now.
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
    """Seconds that a Retry-After header asks for, 0.01 to 120; None without one."""
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
    """The server's idea of `now` where it differs clearly from ours, else ours."""
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
