"""The request budget of a Thinkific site, shared by every process on every machine.

Its state is one JSON document per site in the database. Each decision changes it in one short transaction,
under a lock on that row (store.py). The rules are in decisions.py and meter.py: at most N requests in any
window, wherever Thinkific's windows begin; C requests at a time; GraphQL points counted apart; people before
pulls; nobody after a 429 until the reset. A process that dies loses its slots after a while; requests that
it was granted count as sent.

    budget = SharedBudget.from_settings()
    with budget.slots() as slots:                 # a pull: as many requests at once as the site allows
        outcome = slots.try_acquire(in_flight=2)  # a Grant, or the seconds to wait
    client = ThinkificClient(credentials, budget=budget, interactive=True)  # a push: waits by itself

Call it outside of transactions: a rollback would take back a grant that is used already.
"""

import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import TypeVar

import msgspec
from django.conf import settings
from django.utils import timezone

from core.services.site import connection
from integrations.thinkific.budget import decisions, meter
from integrations.thinkific.budget.decisions import BudgetState, Limits
from integrations.thinkific.budget.meter import Meter
from integrations.thinkific.budget.priorities import Slots
from integrations.thinkific.budget.store import Decision, Store
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.client.errors import BudgetExhausted
from integrations.thinkific.client.rates import Points, RateHeaders

R = TypeVar("R")

LONGEST_WAIT = 150.0  # seconds: longer than a window and than the longest wait that Thinkific can ask for
LONGEST_SLEEP = 5.0


class SharedBudget:
    """The budget of one site, as this process sees it. Safe to share between threads.

    Methods that wait raise BudgetExhausted after `longest_wait` seconds, or at `until`, a moment of
    `time.monotonic()`.
    """

    def __init__(
        self,
        site: str,
        limits: Limits,
        *,
        longest_wait: float = LONGEST_WAIT,
        until: float = math.inf,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.limits = limits
        self.longest_wait = longest_wait
        self.until = until
        self.sleep = sleep
        self.store = Store(site)
        self._seen = BudgetState()  # after the last decision of this process; saves needless writes

    @classmethod
    def from_settings(cls, *, longest_wait: float = LONGEST_WAIT, until: float = math.inf) -> "SharedBudget":
        limits = Limits(
            requests=connection.request_limit(),
            window=settings.THINKIFIC_RATE_WINDOW,
            concurrency=settings.THINKIFIC_CONCURRENCY,
            points=settings.THINKIFIC_GRAPHQL_POINTS,
            points_window=settings.THINKIFIC_RATE_WINDOW,  # both are a minute at Thinkific
        )
        return cls(Credentials.from_settings().site, limits, longest_wait=longest_wait, until=until)

    def slots(self, want: int = 0, *, interactive: bool = False) -> "closing[Slots]":
        """Returns the context of up to `want` slots (0: as many as the site allows), closed at its end."""
        return closing(Slots(self, want or self.limits.concurrency, interactive))

    @contextmanager
    def permit(self, *, interactive: bool, points: int = 0) -> Iterator[None]:
        """Waits for a slot and a request (or `points` GraphQL points), and holds the slot for the block."""
        with closing(Slots(self, 1, interactive)) as slots:
            self.wait(lambda: slots.take_one(points))
            yield

    def note(self, rate: RateHeaders) -> None:
        """Corrects the state when an answer shows that other programs use the site too. Writes only then."""
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
        """Stops all requests until then: Thinkific has answered 429."""
        seconds = _seconds_to(until)
        self.change(lambda state, now: meter.block(state.requests, now, seconds, self.limits.window))

    def note_points(self, points: Points, *, estimate: int) -> None:
        """Replaces the estimated cost of a query by the real one, and corrects the state as `note` does."""
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
        """Stops all GraphQL queries until then. REST goes on."""
        seconds = _seconds_to(until)
        self.change(lambda state, now: meter.block(state.points, now, seconds, self.limits.points_window))

    def change(self, decide: Decision[R]) -> R:
        """Makes one decision on the present state and stores what it changed. Returns its result."""

        def decide_fresh(state: BudgetState, now: float) -> R:
            decisions.refresh(state, self.limits, now)
            result = decide(state, now)
            self._seen = state
            return result

        return self.store.change(decide_fresh)

    def wait(self, attempt: Callable[[], R | float]) -> R:
        """Repeats `attempt` until it returns something else than a float, the seconds to wait.

        Raises BudgetExhausted.
        """
        deadline = min(time.monotonic() + self.longest_wait, self.until)
        while True:
            outcome = attempt()
            if not isinstance(outcome, float):
                return outcome
            if time.monotonic() + outcome > deadline:
                raise BudgetExhausted(
                    f"Thinkific's request limit leaves no room for another {outcome:.0f} s.", after=outcome
                )
            jitter = random.uniform(0, min(0.02, outcome / 10))  # noqa: S311 (not all processes at the same moment)
            self.sleep(min(outcome + jitter, LONGEST_SLEEP))


def _seconds_to(until: datetime) -> float:
    return max(0.0, (until - timezone.now()).total_seconds())
