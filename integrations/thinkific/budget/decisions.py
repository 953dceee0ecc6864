"""Who may send requests now: the rules of the shared budget, as pure functions on its state."""

import msgspec

from integrations.thinkific.budget import meter
from integrations.thinkific.budget.meter import Meter, Outcome

LEASE = 45.0  # seconds that a slot stays taken without news of its holder: longer than a request can take
WAITING_LEASE = 1.0  # the same for a holder that only waits for a slot: it asks again sooner
LARGEST_BATCH = 50
LONGEST_BLOCK = 121.0
GRACE = 1 / 60  # of the window, for which free requests are kept for the person who waited for them
SLOT_POLL = 0.05  # seconds until the next try when no slot is free


class Limits(msgspec.Struct, frozen=True):
    """What one site allows: `requests` per `window` seconds, `concurrency` at once, `points` per minute."""

    requests: int = 120
    window: float = 60.0
    concurrency: int = 10
    points: int = 2000
    points_window: float = 60.0


class Lease(msgspec.Struct):
    """The slots of one holder: `count` are taken; `want` includes those that it waits for."""

    count: int
    want: int
    for_people: bool
    expires: float


class BudgetState(msgspec.Struct):
    """Everything that all processes share about one site."""

    requests: Meter = msgspec.field(default_factory=Meter)
    points: Meter = msgspec.field(default_factory=Meter)
    leases: dict[str, Lease] = {}
    person_waits_until: float = 0.0  # until then a person waits for a request, and pulls get none


def refresh(state: BudgetState, limits: Limits, now: float) -> None:
    """Removes what no longer counts: grants older than the window, slots of holders that are gone."""
    meter.forget_old(state.requests, now, limits.window, LONGEST_BLOCK)
    meter.forget_old(state.points, now, limits.points_window, LONGEST_BLOCK)
    state.leases = {
        holder: lease for holder, lease in state.leases.items() if now < lease.expires <= now + LEASE + 1
    }
    state.person_waits_until = min(state.person_waits_until, now + LONGEST_BLOCK)


def free_slots(state: BudgetState, limits: Limits, *, holder: str, in_flight: int, for_people: bool) -> int:
    """Returns how many more slots this holder may take.

    Whoever has work may use all slots. When there are too few, people come first and pulls share the rest;
    each pull keeps one slot, so that it goes on while ten thousand changes are sent.
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


def note_slots(
    state: BudgetState, now: float, *, holder: str, count: int, waiting: int, for_people: bool
) -> None:
    """Stores how many slots the holder has from now on, and how many more it waits for."""
    lease = state.leases.get(holder)
    if not count and not waiting:
        state.leases.pop(holder, None)
        return
    expires = now + (LEASE if count else WAITING_LEASE)
    if lease is None:
        state.leases[holder] = Lease(count, count + waiting, for_people, expires)
        return
    lease.count, lease.want = count, count + waiting
    # Not each time, so that a try without success writes nothing.
    if not now + LEASE * 0.7 < lease.expires if count else lease.expires < now + WAITING_LEASE / 2:
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
    """Returns how many slots the holder has from now on, at most `most`, and what was granted: requests or,
    with `points`, one query. Slots that the holder no longer uses are free for others."""
    free = free_slots(state, limits, holder=holder, in_flight=in_flight, for_people=for_people)
    free = min(free, most - in_flight)
    if free < 1:
        wanted = min(max(want, waiting), most - in_flight)
        note_slots(state, now, holder=holder, count=in_flight, waiting=wanted, for_people=for_people)
        return in_flight, Outcome(wait=min(SLOT_POLL, limits.window / 200))
    if points:
        outcome = take_points(state, limits, now, cost=points)
    else:
        outcome = take_requests(
            state, limits, now, want=min(want, free), for_people=for_people, batch=batch, slots=free
        )
    count = in_flight + min(free, 1 if points and outcome.units else outcome.units)
    unmet = max(0, min(want, most - in_flight) - free) if outcome.units else 0
    note_slots(state, now, holder=holder, count=count, waiting=unmet, for_people=for_people)
    return count, outcome


def take_requests(
    state: BudgetState,
    limits: Limits,
    now: float,
    *,
    want: int,
    for_people: bool,
    batch: bool = True,
    slots: int | None = None,
) -> Outcome:
    """Grants requests. With `batch` it grants more than `want` where many are free, so that not each request
    needs a decision; but no more than there are free `slots`."""
    person_waits = state.person_waits_until - now
    if not for_people and person_waits > 0 and state.requests.blocked_until <= now:
        grace = limits.window * GRACE
        return Outcome(wait=max(person_waits - grace, min(SLOT_POLL, grace)))
    if batch:
        free = meter.available(state.requests, now, limits.requests, limits.window, for_people=for_people)
        more = min(free // (20 * max(1, limits.concurrency)), LARGEST_BATCH)
        # No more than there are free slots, or a person might wait while the batch is used up. Where requests
        # hardly count, a slot is free again at once.
        want = max(want, more if more == LARGEST_BATCH or slots is None else min(more, slots))
    outcome = meter.take(
        state.requests, now, limits.requests, limits.window, want=want, for_people=for_people
    )
    return _remember_waiting(state, limits.window, now, outcome, for_people)


def take_points(state: BudgetState, limits: Limits, now: float, *, cost: int) -> Outcome:
    """Grants `cost` GraphQL points, all of them or none.

    No points are reserved for people: queries cost so much that a reserve would take a quarter of the
    throughput. What people do costs few points, which are free again within a minute.
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
