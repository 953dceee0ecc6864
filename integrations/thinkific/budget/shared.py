"""The request budget of a Thinkific site, shared by every process on every machine.

Its state is one JSON document per site in the database, changed in one short transaction per decision, under
a lock on that row (store.py). What it decides is in decisions.py and meter.py: at most N requests
in any window, however the server draws its windows; C at a time; GraphQL points apart; people before pulls;
after a 429 nobody until the reset. A holder that dies gives its lanes back by silence; its grants count as
used.

    budget = SharedBudget.from_settings()
    with budget.lanes() as lanes:                 # a pull: as many requests at once as the site allows
        outcome = lanes.try_acquire(in_flight=2)  # a Grant, or seconds to wait
    client = ThinkificClient(credentials, budget=budget, interactive=True)  # a push: waits by itself

Call it outside of transactions: a grant that could be rolled back would be none.
"""

import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

import msgspec
from django.conf import settings
from django.utils import timezone

from integrations.thinkific.budget import decisions, meter
from integrations.thinkific.budget.decisions import BudgetState, Limits
from integrations.thinkific.budget.meter import Meter
from integrations.thinkific.budget.priorities import Lanes
from integrations.thinkific.budget.store import Decision, Store
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.client.errors import BudgetExhausted
from integrations.thinkific.client.rates import Points, RateHeaders

R = TypeVar("R")

PATIENCE = 150.0  # seconds: longer than a window and than the longest wait that Thinkific can ask for
LONGEST_NAP = 5.0


class SharedBudget:
    """The budget of one site, as this process sees it. Safe to share between threads.

    `patience` is how long, in seconds, the waiting methods wait before they raise BudgetExhausted; none waits
    beyond `until`, a moment of `time.monotonic()`.
    """

    def __init__(
        self,
        site: str,
        limits: Limits,
        *,
        patience: float = PATIENCE,
        until: float = math.inf,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.limits = limits
        self.patience = patience
        self.until = until
        self.sleep = sleep
        self.store = Store(site)
        self._seen = BudgetState()  # as of this process's last decision: spares looks that change nothing

    @classmethod
    def from_settings(cls, *, patience: float = PATIENCE, until: float = math.inf) -> "SharedBudget":
        limits = Limits(
            requests=settings.THINKIFIC_RATE_LIMIT,
            window=settings.THINKIFIC_RATE_WINDOW,
            concurrency=settings.THINKIFIC_CONCURRENCY,
            points=settings.THINKIFIC_GRAPHQL_POINTS,
            points_window=settings.THINKIFIC_RATE_WINDOW,  # both are a minute at Thinkific
        )
        return cls(Credentials.from_settings().site, limits, patience=patience, until=until)

    @contextmanager
    def lanes(self, want: int = 0, *, interactive: bool = False) -> Iterator[Lanes]:
        """Leave to have up to `want` requests under way (0: as many as the site allows) within the block."""
        lanes = Lanes(self, want or self.limits.concurrency, interactive)
        with self.opened(lanes):
            yield lanes

    @contextmanager
    def opened(self, lanes: Lanes) -> Iterator[None]:
        """The same for lanes that are made already."""
        try:
            yield
        finally:
            lanes.close()

    @contextmanager
    def permit(self, *, interactive: bool, points: int = 0) -> Iterator[None]:
        """Wait for a lane and a request (or `points` GraphQL points), and hold the lane for the block."""
        lanes = Lanes(self, 1, interactive)
        try:
            self.wait(lambda: lanes.open_and_take(points))
            yield
        finally:
            lanes.close()

    def note(self, rate: RateHeaders) -> None:
        """Tighten our view when an answer shows that others use the site too. Writes only then."""
        limits = self.limits
        reset_in = None if rate.reset_at is None else rate.reset_at - time.time()

        def tighten(requests: Meter, now: float) -> bool:
            return meter.note(
                requests,
                now,
                limits.requests,
                limits.window,
                told_limit=rate.limit,
                remaining=rate.remaining,
                reset_in=reset_in,
            )

        if tighten(msgspec.structs.replace(self._seen.requests), time.time()):
            self.change(lambda state, now: tighten(state.requests, now))

    def stop_until(self, until: datetime) -> None:
        """Thinkific answered 429: nobody sends anything until then."""
        seconds = _seconds_to(until)
        self.change(lambda state, now: meter.block(state.requests, now, seconds, self.limits.window))

    def note_points(self, points: Points, *, estimate: int) -> None:
        """Replace the estimated cost of a query by the real one, and tighten our view like `note`."""
        limits = self.limits
        cost = estimate if points.cost is None else points.cost
        reset_in = None if points.reset is None else _seconds_to(points.reset)

        def decide(state: BudgetState, now: float) -> None:
            meter.add(state.points, now, limits.points_window, cost - estimate)
            meter.note(
                state.points,
                now,
                limits.points,
                limits.points_window,
                told_limit=points.limit,
                remaining=points.remaining,
                reset_in=reset_in,
            )

        self.change(decide)

    def stop_points_until(self, until: datetime) -> None:
        """GraphQL is rate limited: no query until then. REST goes on."""
        seconds = _seconds_to(until)
        self.change(lambda state, now: meter.block(state.points, now, seconds, self.limits.points_window))

    def change(self, decide: Decision[R]) -> R:
        """One decision on fresh state."""

        def decide_fresh(state: BudgetState, now: float) -> R:
            decisions.refresh(state, self.limits, now)
            result = decide(state, now)
            self._seen = state
            return result

        return self.store.change(decide_fresh)

    def wait(self, attempt: Callable[[], R | float]) -> R:
        """Repeat `attempt` until it gives something else than the seconds to wait."""
        deadline = min(time.monotonic() + self.patience, self.until)
        while True:
            outcome = attempt()
            if not isinstance(outcome, float):
                return outcome
            if time.monotonic() + outcome > deadline:
                raise BudgetExhausted(
                    f"Thinkific's request limit leaves no room for another {outcome:.0f} s.", after=outcome
                )
            jitter = random.uniform(0, min(0.02, outcome / 10))  # noqa: S311 (no two wake together)
            self.sleep(min(outcome + jitter, LONGEST_NAP))


def _seconds_to(until: datetime) -> float:
    return max(0.0, (until - timezone.now()).total_seconds())
