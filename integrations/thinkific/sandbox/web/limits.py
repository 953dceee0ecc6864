"""Thinkific's limits: requests per window of time, parallel requests, GraphQL points."""

import time
from collections import Counter

from integrations.thinkific.sandbox.options import Options
from integrations.thinkific.sandbox.site.clock import to_iso


class Window:
    """A budget that starts again at every multiple of its length (at Thinkific: at every full minute)."""

    def __init__(self) -> None:
        self.number = -1
        self.used = 0
        self.grants: Counter[int] = Counter()  # by window number

    def take(self, amount: int, budget: int, length: float) -> bool:
        self._turn(length)
        if self.used + amount > budget:
            return False
        self.used += amount
        self.grants[self.number] += amount
        return True

    def remaining(self, budget: int, length: float) -> int:
        self._turn(length)
        return max(budget - self.used, 0)

    def ends_at(self, length: float) -> float:
        return (self.number + 1) * length

    def _turn(self, length: float) -> None:
        number = int(time.time() // length)
        if number != self.number:
            self.number, self.used = number, 0
            if len(self.grants) > 1000:
                del self.grants[min(self.grants)]


class Limits:
    def __init__(self, options: Options) -> None:
        self.options = options
        self.requests = Window()
        self.points = Window()
        self.reset_counts()

    def reset_counts(self) -> None:
        self.refused_rate = 0
        self.refused_concurrency = 0
        self.refused_points = 0
        self.requests.grants.clear()

    def admit(self, in_flight: int) -> bool:
        """Returns whether a REST request may be served. A refused request does not use the budget."""
        options = self.options
        if options.concurrency and in_flight > options.concurrency:
            self.refused_concurrency += 1
            return False
        if options.rate_limit and not self.requests.take(1, options.rate_limit, options.rate_window):
            self.refused_rate += 1
            return False
        return True

    def headers(self, *, refused: bool) -> list[tuple[str, str]]:
        options = self.options
        if not options.rate_limit or not options.rate_headers:
            return []
        limit = str(options.rate_limit)
        remaining = str(self.requests.remaining(options.rate_limit, options.rate_window))
        return [
            ("ratelimit-limit", limit),
            ("ratelimit-remaining", remaining),
            *self._reset_headers(refused=refused),
            ("x-ratelimit-limit-minute", limit),
            ("x-ratelimit-remaining-minute", remaining),
        ]

    def charge_points(self, cost: int) -> bool:
        if not self.options.graphql_points:
            return True
        if self.points.take(cost, self.options.graphql_points, self.options.rate_window):
            return True
        self.refused_points += 1
        return False

    def points_report(self, cost: int) -> dict[str, object]:
        length = self.options.rate_window
        limit = self.options.graphql_points or 1_000_000
        remaining = self.points.remaining(limit, length)
        reset_at = to_iso(int(self.points.ends_at(length) * 1000))
        # Thinkific documents whole seconds; only windows that are shortened for tests need milliseconds.
        if reset_at.endswith(".000Z"):
            reset_at = reset_at[:19] + "Z"
        return {"cost": cost, "remaining": remaining, "resetAt": reset_at, "limit": limit}

    def _reset_headers(self, *, refused: bool) -> list[tuple[str, str]]:
        end = self.requests.ends_at(self.options.rate_window)
        left = max(end - time.time(), 0.0)
        match self.options.reset_style:
            case "epoch_ms":
                return [("ratelimit-reset", str(int(end * 1000)))]
            case "epoch_seconds":
                return [("ratelimit-reset", str(int(end + 0.999)))]
            case "ms_from_now":
                return [("ratelimit-reset", str(int(left * 1000)))]
            case "seconds_from_now":
                return [("ratelimit-reset", str(int(left + 0.999)))]
            case "retry_after":
                return [("retry-after", str(int(left + 0.999)))] if refused else []
