"""Who may send what now: the decisions of the shared request budget, as pure functions on its state."""

import msgspec

from integrations.thinkific.budget import meter
from integrations.thinkific.budget.meter import Meter, Outcome

LEASE = 45.0  # seconds a lane stays taken without a sign of life: longer than a request can take
STANDING = 1.0  # seconds for which who has no lane yet is waited with: they look again sooner
LARGEST_BATCH = 50
LONGEST_BLOCK = 121.0
GRACE = 1 / 60  # of the window: how long a refill waits for the person that it was promised to
LANE_POLL = 0.05  # seconds until a full house is worth another look


class Limits(msgspec.Struct, frozen=True):
    """What one site allows: `requests` per `window` seconds, `concurrency` at once, `points` per minute."""

    requests: int = 120
    window: float = 60.0
    concurrency: int = 10
    points: int = 2000
    points_window: float = 60.0


class Lease(msgspec.Struct):
    """What one holder has under way, and how much more it waits for a lane with: `want` is both together."""

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


def refresh(state: BudgetState, limits: Limits, now: float) -> None:
    """Forget what is over: grants out of the window, lanes of holders that have gone."""
    meter.forget_old(state.requests, now, limits.window, LONGEST_BLOCK)
    meter.forget_old(state.points, now, limits.points_window, LONGEST_BLOCK)
    state.leases = {
        holder: lease for holder, lease in state.leases.items() if now < lease.expires <= now + LEASE + 1
    }
    state.person_waits_until = min(state.person_waits_until, now + LONGEST_BLOCK)


def free_lanes(state: BudgetState, limits: Limits, *, holder: str, in_flight: int, for_people: bool) -> int:
    """How many requests more this holder may have under way.

    All lanes are for whoever has work. Where more is wanted than there is, people come first and pulls share
    the rest; each pull keeps one, so that none stands still while ten thousand changes are sent.
    """
    total = max(1, limits.concurrency)
    others = [lease for other, lease in state.leases.items() if other != holder]
    pulls = [lease for lease in others if not lease.for_people]
    people = [lease for lease in others if lease.for_people]
    free = total - in_flight - sum(lease.count for lease in others)
    if for_people:
        mine = in_flight + sum(lease.count for lease in people)
        empty = sum(lease.count == 0 for lease in pulls)
        return min(free, total - min(empty, total // 2) - mine)
    share = max(1, (total - sum(lease.count for lease in people)) // (len(pulls) + 1))
    wanted = sum(max(0, lease.want - lease.count) for lease in people)
    wanted += sum(max(0, min(lease.want, share) - lease.count) for lease in pulls)
    return max(free - wanted, min(free, 1 - in_flight))


def note_lanes(
    state: BudgetState, now: float, *, holder: str, count: int, waiting: int, for_people: bool
) -> None:
    """Keep what the holder has under way from now on, and how many lanes more it waits for."""
    lease = state.leases.get(holder)
    if not count and not waiting:
        state.leases.pop(holder, None)
        return
    expires = now + (LEASE if count else STANDING)
    if lease is None:
        state.leases[holder] = Lease(count, count + waiting, for_people, expires)
        return
    lease.count, lease.want = count, count + waiting
    # Seldom, so that a refused look writes nothing.
    if not now + LEASE * 0.7 < lease.expires if count else lease.expires < now + STANDING / 2:
        lease.expires = expires


def admit(
    state: BudgetState,
    limits: Limits,
    now: float,
    *,
    holder: str,
    for_people: bool,
    in_flight: int,
    most: int,
    want: int = 1,
    points: int = 0,
    waiting: int = 0,
    batch: bool = True,
) -> tuple[int, Outcome]:
    """How many requests this holder, at most `most`, may have under way from now on, and how many were
    granted (or, with `points`, whether that query was). What it has no longer under way others may have."""
    free = free_lanes(state, limits, holder=holder, in_flight=in_flight, for_people=for_people)
    free = min(free, most - in_flight)
    if free < 1:
        wanted = min(max(want, waiting), most - in_flight)
        note_lanes(state, now, holder=holder, count=in_flight, waiting=wanted, for_people=for_people)
        return in_flight, Outcome(wait=min(LANE_POLL, limits.window / 200))
    if points:
        outcome = take_points(state, limits, now, cost=points)
    else:
        outcome = take_requests(
            state, limits, now, want=min(want, free), for_people=for_people, batch=batch, lanes=free
        )
    count = in_flight + min(free, 1 if points and outcome.units else outcome.units)
    unmet = max(0, min(want, most - in_flight) - free) if outcome.units else 0
    note_lanes(state, now, holder=holder, count=count, waiting=unmet, for_people=for_people)
    return count, outcome


def take_requests(
    state: BudgetState,
    limits: Limits,
    now: float,
    *,
    want: int,
    for_people: bool,
    batch: bool = True,
    lanes: int | None = None,
) -> Outcome:
    """Grant requests; with `batch` some more where plenty is free, so that not each one costs a look: for so
    many free `lanes`."""
    person_waits = state.person_waits_until - now
    if not for_people and person_waits > 0 and state.requests.blocked_until <= now:
        grace = limits.window * GRACE
        return Outcome(wait=max(person_waits - grace, min(LANE_POLL, grace)))
    if batch:
        free = meter.available(state.requests, now, limits.requests, limits.window, for_people=for_people)
        more = min(free // (20 * max(1, limits.concurrency)), LARGEST_BATCH)
        # No more than lanes are free, or a person might wait for one while the batch lasts; but where
        # requests are as good as free, so is a lane in no time.
        want = max(want, more if more == LARGEST_BATCH or lanes is None else min(more, lanes))
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
