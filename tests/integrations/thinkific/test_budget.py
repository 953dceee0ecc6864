"""The shared request budget, simulated with a clock of its own."""

import heapq
import random
from collections import deque
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.thinkific.budget import decisions, meter
from integrations.thinkific.budget.decisions import BudgetState, Limits
from integrations.thinkific.budget.meter import Meter
from integrations.thinkific.client import rates

START = 1_750_000_017.3


class Site:
    """Simulates pulls that always have work, on one budget, and records when each request is sent."""

    def __init__(
        self,
        limits: Limits,
        seed: int,
        *,
        pulls: int = 1,
        lag: float | None = None,
        latency: float | None = None,
    ) -> None:
        self.limits = limits
        self.random = random.Random(seed)
        self.lag = meter.margin(limits.window) * 0.9 if lag is None else lag
        self.latency = self.lag / 10 if latency is None else latency
        self.document: object = {}
        self.arrivals: list[float] = []
        self.under_way = 0
        self.most_under_way = 0
        self.pulls = [f"pull{number}" for number in range(pulls)]

    def change(self, decide, now):
        """Read the document, decide, and write it again, as the database does."""
        state = msgspec.convert(self.document, BudgetState)
        decisions.refresh(state, self.limits, now)
        result = decide(state)
        self.document = msgspec.json.decode(msgspec.json.encode(state))
        return result

    def run(self, seconds: float, crash_at: float | None = None) -> None:
        events: list[tuple[float, int, str, str]] = []
        in_flight = dict.fromkeys(self.pulls, 0)
        for number, pull in enumerate(self.pulls):
            heapq.heappush(events, (START, number, "look", pull))
        serial = len(events)
        while events:
            now, _, what, pull = heapq.heappop(events)
            if now > START + seconds:
                return
            if crash_at is not None and now > START + crash_at and pull == self.pulls[0]:
                if what == "done":
                    self.under_way -= 1
                continue  # it is dead: no sign of life any more, and its slots must come free
            if what == "done":
                in_flight[pull] -= 1
                self.under_way -= 1
            units, wait = self.change(lambda state: self.step(state, now, pull, in_flight[pull]), now)  # noqa: B023
            for _ in range(units):
                serial += 1
                in_flight[pull] += 1
                self.under_way += 1
                self.most_under_way = max(self.most_under_way, self.under_way)
                arrival = now + self.random.uniform(0, self.lag)
                self.arrivals.append(arrival)
                heapq.heappush(events, (arrival + self.latency, serial, "done", pull))
            if what == "done":  # whose next look is due at its time all the same
                continue
            serial += 1
            heapq.heappush(events, (now + max(wait, self.lag / 20), serial, "look", pull))

    def step(self, state, now, pull, in_flight):
        count, outcome = decisions.admit(
            state,
            self.limits,
            now,
            holder=pull,
            for_people=False,
            in_flight=in_flight,
            want=self.limits.concurrency - in_flight,
            most=self.limits.concurrency,
        )
        return min(outcome.units, count - in_flight), outcome.wait


def most_in_a_sliding_window(arrivals, window):
    recent: deque[float] = deque()
    most = 0
    for moment in sorted(arrivals):
        recent.append(moment)
        while recent[0] <= moment - window:
            recent.popleft()
        most = max(most, len(recent))
    return most


limits = st.builds(
    Limits,
    requests=st.integers(min_value=20, max_value=300),
    window=st.sampled_from([0.5, 6.0, 60.0]),
    concurrency=st.integers(min_value=1, max_value=16),
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(limits=limits, seed=st.integers(0, 10_000), pulls=st.integers(1, 3), crash=st.booleans())
def test_no_window_ever_holds_more_than_the_limit(limits, seed, pulls, crash):
    site = Site(limits, seed, pulls=pulls)

    site.run(limits.window * 3.5, crash_at=limits.window * 0.7 if crash and pulls > 1 else None)

    assert most_in_a_sliding_window(site.arrivals, limits.window) <= limits.requests
    assert site.most_under_way <= limits.concurrency


@settings(max_examples=25, deadline=None)
@given(limits=limits, seed=st.integers(0, 10_000), pulls=st.integers(1, 3))
def test_while_there_is_work_95_percent_of_the_limit_is_used(limits, seed, pulls):
    windows = 10
    # ten slots and this lag let more through than the limit, so the limit is what is measured
    limits = msgspec.structs.replace(limits, concurrency=10)
    site = Site(limits, seed, pulls=pulls, lag=limits.window * 0.005)

    site.run(limits.window * windows)

    assert len(site.arrivals) >= limits.requests * windows * 0.95


@pytest.mark.slow
@pytest.mark.parametrize("latency", [0.3, 1.0, 3.0])
@pytest.mark.parametrize(("requests", "window"), [(60, 30.0), (120, 60.0), (500, 30.0), (1000, 60.0)])
def test_95_percent_is_used_at_real_latencies(requests, window, latency):
    """95 % of what the limit and ten parallel requests with such slow answers allow."""
    limits, windows = Limits(requests=requests, window=window, concurrency=10), 10
    site = Site(limits, seed=1, lag=0.05, latency=latency)

    site.run(window * windows)

    possible = min(requests, limits.concurrency * window / latency)
    assert len(site.arrivals) >= possible * windows * 0.95


@pytest.mark.parametrize("rows_between_looks", [0.0, 0.3])
def test_95_percent_is_used_also_when_requests_are_spread_evenly(rows_between_looks):
    """After pulls have stored pages between their requests for a while, requests are spread evenly over the
    window, so that few become free at once."""
    limits = Limits()
    state, now, granted = BudgetState(), START, 0
    for number in range(limits.requests):
        meter.add(state.requests, START - limits.window * (1 - number / limits.requests), limits.window, 1)

    while now < START + 5 * limits.window:
        decisions.refresh(state, limits, now)
        outcome = decisions.take_requests(state, limits, now, want=1, for_people=False)
        granted += outcome.units
        now += outcome.wait + rows_between_looks if not outcome.units else 0.05

    assert granted >= limits.requests * 5 * 0.95


def test_a_pull_of_223_requests_takes_about_one_minute():
    site = Site(Limits(), seed=1, lag=0.05)

    site.run(63)

    assert sorted(site.arrivals)[222] - START < 62


def test_what_is_free_is_given_at_once():
    state, now = BudgetState(), START
    first = decisions.take_requests(state, Limits(), now, want=200, for_people=False)

    assert first.units == 116  # 4 % stay for people


def test_a_person_gets_what_pulls_must_leave():
    state, now = BudgetState(), START
    decisions.take_requests(state, Limits(), now, want=200, for_people=False)

    assert not decisions.take_requests(state, Limits(), now + 1, want=1, for_people=False).units
    assert decisions.take_requests(state, Limits(), now + 1, want=1, for_people=True).units == 1


def test_pulls_hold_back_while_a_person_waits():
    state, now, limits = BudgetState(), START, Limits()
    decisions.take_requests(state, limits, now, want=200, for_people=True)
    waits = decisions.take_requests(state, limits, now + 1, want=1, for_people=True).wait

    refilled = now + 1 + waits
    decisions.refresh(state, limits, refilled)
    assert not decisions.take_requests(state, limits, refilled, want=1, for_people=False).units
    assert decisions.take_requests(state, limits, refilled, want=1, for_people=True).units
    later = refilled + 1
    assert decisions.take_requests(state, limits, later, want=1, for_people=False).units


def test_a_429_stops_everybody_until_the_reset():
    state, now, limits = BudgetState(), START, Limits()
    meter.block(state.requests, now, 30, 60)

    for for_people in (True, False):
        outcome = decisions.take_requests(state, limits, now + 10, want=1, for_people=for_people)
        assert outcome.units == 0
        assert outcome.wait == pytest.approx(20)


def test_a_refusal_that_says_nothing_costs_a_second_and_not_a_minute():
    """If the next request is refused as well, the pause becomes longer, up to the end of the minute."""

    requests, now, waits = Meter(), START - START % 60 + 20, []
    while now < START - START % 60 + 59:
        meter.block(requests, now, rates.FALLBACK, 60)
        meter.block(requests, now + 0.1, rates.FALLBACK, 60)  # was under way: no reason of its own
        waits.append(round(requests.blocked_until - now, 1))
        now = requests.blocked_until

    assert waits[:4] == [1.1, 2, 4, 8]
    assert now == pytest.approx(START - START % 60 + 60, abs=2)
    assert meter.take(requests, now + 0.1, 120, 60, want=1).units == 1

    meter.block(requests, now + 100, rates.FALLBACK, 60)
    assert requests.blocked_until == now + 101


def test_what_others_used_is_not_given_out():
    requests, now = Meter(), START
    meter.take(requests, now, 120, 60, want=10)

    changed = meter.note(requests, now, 120, 60, told_limit=120, remaining=50, reset_in=30)

    assert changed
    assert meter.available(requests, now, 120, 60, for_people=True) == 50
    assert meter.available(requests, now + 31, 120, 60, for_people=True) == 110
    assert not meter.note(requests, now, 120, 60, told_limit=120, remaining=50, reset_in=30)


def test_a_lower_limit_that_thinkific_names_is_obeyed():
    requests, now = Meter(), START
    meter.note(requests, now, 1000, 60, told_limit=120, remaining=120, reset_in=30)

    assert meter.take(requests, now, 1000, 60, want=1000, for_people=True).units == 120


def test_a_clock_that_was_set_back_does_not_stop_us_for_long():
    state, limits = BudgetState(), Limits()
    decisions.take_requests(state, limits, START + 86_400, want=200, for_people=False)
    meter.block(state.requests, START + 86_400, 100, 60)

    decisions.refresh(state, limits, START)
    decisions.refresh(state, limits, START + 122)

    assert decisions.take_requests(state, limits, START + 122, want=1, for_people=False).units


def ask(state, holder, *, in_flight=0, want=10, for_people=False, now=START, limits=None, waiting=0):
    """Returns how many requests a holder may have under way after asking for `want` more."""
    limits = limits or Limits(requests=1000)
    count, _ = decisions.admit(
        state,
        limits,
        now,
        holder=holder,
        for_people=for_people,
        in_flight=in_flight,
        want=want,
        most=10,
        waiting=waiting,
    )
    return count


def test_slots_of_a_dead_holder_come_free():
    state = BudgetState()
    assert ask(state, "dead") == 10
    assert ask(state, "new") == 0

    later = START + decisions.LEASE + 1
    decisions.refresh(state, Limits(requests=1000), later)

    assert ask(state, "new", now=later) == 10


def test_one_pull_may_have_all_slots_and_a_person_gets_the_next_that_comes_free():
    state = BudgetState()
    assert ask(state, "pull") == 10
    assert ask(state, "person", want=1, for_people=True) == 0

    assert ask(state, "pull", in_flight=9) == 9  # one of its requests is over, and it wants ten again
    assert ask(state, "person", want=1, for_people=True) == 1
    assert ask(state, "pull", in_flight=8) == 9  # nobody else waits any more


def test_slots_that_a_pull_has_nothing_under_way_in_are_free_for_a_person_at_once():
    state = BudgetState()
    assert ask(state, "pull", want=2, limits=Limits()) == 2

    assert ask(state, "person", want=3, for_people=True, limits=Limits()) == 3


def test_pulls_come_to_share_the_slots_evenly():
    state = BudgetState()
    under_way = {"a": ask(state, "a"), "b": ask(state, "b")}
    assert under_way == {"a": 10, "b": 0}

    for _ in range(12):  # each has a request answered in turn, and asks for more
        for pull in under_way:
            under_way[pull] = ask(state, pull, in_flight=max(0, under_way[pull] - 1))

    assert under_way == {"a": 5, "b": 5}


def test_a_pull_keeps_a_slot_while_thousands_of_changes_are_sent():
    state = BudgetState()
    sending = ask(state, "person", for_people=True, waiting=10)
    pulling = 0
    for _ in range(3):
        pulling = ask(state, "pull", in_flight=pulling)
        sending = ask(state, "person", in_flight=sending - 1, for_people=True, waiting=10)

    assert (sending, pulling) == (9, 1)


def test_points_are_granted_whole_and_corrected():
    state, limits, now = BudgetState(), Limits(), START
    for _ in range(4):
        assert decisions.take_points(state, limits, now, cost=500).units == 500
    assert not decisions.take_points(state, limits, now, cost=500).units

    meter.add(state.points, now, 60, -900)  # they were cheaper than thought

    assert decisions.take_points(state, limits, now, cost=500).units == 500


def test_a_query_dearer_than_all_points_is_tried_when_nothing_else_runs():
    state, limits, now = BudgetState(), Limits(points=100), START

    assert decisions.take_points(state, limits, now, cost=500).units


@pytest.mark.slow
def test_the_document_stays_small_at_a_million_per_window():
    limits = Limits(requests=1_000_000, concurrency=64)
    state, now = BudgetState(), START
    for _ in range(20_000):
        assert decisions.take_requests(state, limits, now, want=1, for_people=False).units == 50
        now += 0.004
        decisions.refresh(state, limits, now)

    assert len(msgspec.json.encode(state)) < 10_000
    stamps = [at for at, _ in state.requests.grants]
    assert all(a <= b for a, b in pairwise(stamps))
