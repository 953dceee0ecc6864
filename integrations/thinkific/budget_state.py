"""Who may send what now: the decisions of the shared request budget, as pure functions on its state."""

import msgspec

from integrations.thinkific import meter
from integrations.thinkific.meter import Meter, Outcome

LEASE = 45.0  # seconds a lane stays taken without a sign of life: longer than a request can take
KEPT_FOR_PEOPLE = 2  # lanes that pulls together leave free
LARGEST_BATCH = 50
LONGEST_BLOCK = 121.0
GRACE = 1 / 60  # of the window: how long a refill waits for the person that it was promised to
LANE_POLL = 0.25  # seconds until a full house is worth another look


class Limits(msgspec.Struct, frozen=True):
    """What one site allows: `requests` per `window` seconds, `concurrency` at once, `points` per minute."""

    requests: int = 120
    window: float = 60.0
    concurrency: int = 10
    points: int = 2000
    points_window: float = 60.0


class Lease(msgspec.Struct):
    """The lanes of one holder: it may have `count` requests under way, and asked for `want`."""

    count: int
    want: int
    for_people: bool
    expires: float


class BudgetState(msgspec.Struct):
    """Everything that all processes share about one site."""

    requests: Meter = msgspec.field(default_factory=Meter)
    points: Meter = msgspec.field(default_factory=Meter)
    leases: dict[str, Lease] = {}
    person_waits_until: float = 0.0  # somebody waits for a request: pulls hold back
    pull_waits_until: float = 0.0  # a pull waits for a lane: the others give some back


def refresh(state: BudgetState, limits: Limits, now: float) -> None:
    """Forget what is over: grants out of the window, lanes of holders that have gone."""
    meter.forget_old(state.requests, now, limits.window, LONGEST_BLOCK)
    meter.forget_old(state.points, now, limits.points_window, LONGEST_BLOCK)
    state.leases = {
        holder: lease for holder, lease in state.leases.items() if now < lease.expires <= now + LEASE + 1
    }
    state.person_waits_until = min(state.person_waits_until, now + LONGEST_BLOCK)
    state.pull_waits_until = min(state.pull_waits_until, now + LEASE)


def lease_lanes(
    state: BudgetState, limits: Limits, now: float, *, holder: str, want: int, for_people: bool
) -> int:
    """Lanes for this holder, at least one, or 0 when all are taken. Asking again renews."""
    state.leases.pop(holder, None)
    count = min(want, _free_lanes(state, limits, for_people=for_people))
    if count < 1:
        if not for_people:
            state.pull_waits_until = now + 4 * LANE_POLL
        return 0
    state.leases[holder] = Lease(count, want, for_people, now + LEASE)
    if not for_people:
        state.pull_waits_until = 0.0
    return count


def renew(state: BudgetState, limits: Limits, now: float, *, holder: str, in_flight: int) -> int:
    """How many requests this holder may have under way from now on; 0 when its lanes are lost.

    Lanes in use are never taken away. A pull gives idle ones back while another has none, and gets what it
    asked for once there is room again.
    """
    lease = state.leases.get(holder)
    if lease is None:
        return 0
    if lease.expires < now + LEASE * 0.7:  # seldom, so that a refused look writes nothing
        lease.expires = now + LEASE
    if state.pull_waits_until > now and not lease.for_people:
        pulls = sum(not other.for_people for other in state.leases.values())
        share = max(1, max(1, limits.concurrency - KEPT_FOR_PEOPLE) // (pulls + 1))
        lease.count = min(lease.count, max(share, in_flight))
    elif lease.count < lease.want:
        free = _free_lanes(state, limits, for_people=lease.for_people)
        lease.count += max(0, min(lease.want - lease.count, free))
    return lease.count


def take_requests(
    state: BudgetState, limits: Limits, now: float, *, want: int, for_people: bool, batch: bool = True
) -> Outcome:
    """Grant requests; with `batch` some more where plenty is free, so that not each one costs a look."""
    person_waits = state.person_waits_until - now
    if not for_people and person_waits > 0 and state.requests.blocked_until <= now:
        grace = limits.window * GRACE
        return Outcome(wait=max(person_waits - grace, min(LANE_POLL, grace)))
    if batch:
        free = meter.available(state.requests, now, limits.requests, limits.window, for_people=for_people)
        want = max(want, min(free // (20 * max(1, limits.concurrency)), LARGEST_BATCH))
    outcome = meter.take(
        state.requests, now, limits.requests, limits.window, want=want, for_people=for_people
    )
    return _remember_waiting(state, limits.window, now, outcome, for_people)


def take_points(state: BudgetState, limits: Limits, now: float, *, cost: int) -> Outcome:
    """Grant `cost` GraphQL points, all of them or none.

    None are left to people: queries are so dear that a reserve would cost a quarter of the throughput, and
    what people do takes few points, which are free again within a minute.
    """
    return meter.take(
        state.points, now, limits.points, limits.points_window, want=cost, least=cost, for_people=True
    )


def _remember_waiting(
    state: BudgetState, window: float, now: float, outcome: Outcome, for_people: bool
) -> Outcome:
    if for_people and not outcome.units:
        state.person_waits_until = now + outcome.wait + window * GRACE
    elif for_people:
        state.person_waits_until = min(state.person_waits_until, now + window * GRACE / 10)
    return outcome


def _free_lanes(state: BudgetState, limits: Limits, *, for_people: bool) -> int:
    taken = sum(lease.count for lease in state.leases.values())
    free = max(1, limits.concurrency) - taken
    if for_people:
        return free
    pulls = sum(lease.count for lease in state.leases.values() if not lease.for_people)
    return min(free, max(1, limits.concurrency - KEPT_FOR_PEOPLE) - pulls)
