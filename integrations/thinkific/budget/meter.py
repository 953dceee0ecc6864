"""How much of a rate limit is used: pure functions on a small state that fits into a JSON document.

A grant counts for the window and a margin of 2 %, from the moment when it was given, used or not. So no
sliding window has more requests than the limit, and therefore no window of Thinkific's, wherever it begins;
as long as a request reaches Thinkific within that margin (1.2 s of a minute) after its grant. Requests are
not spread evenly: all that are free may be taken at once.

Work that nobody waits for leaves 4 % of the limit to people. Units that come free within the margin count as
part of these 4 %: a person gets them first, and waits no longer than the margin. So the reserve takes hardly
any throughput, whether grants come all at once or evenly.
"""

import math

import msgspec

MARGIN = 0.02  # of the window
RESERVE = 0.04  # of the limit, left to people who wait
TINY = 20  # requests per window under which a reserve of one would cost more than 5 %
LONGEST_ROW = 10  # refusals in a row; more make the wait no longer
GRANT_STEPS = 240  # grants within the same 240th of a window share an entry, so the document stays small


class Meter(msgspec.Struct):
    """Grants as `[epoch seconds, units]`, oldest first; what others used; until when Thinkific refuses."""

    grants: list[tuple[float, int]] = []
    blocked_until: float = 0.0
    refusals: int = 0  # in a row
    others: int = 0  # units that other programs have used, as answers tell
    others_until: float = 0.0
    told_limit: int = 0  # the limit that answers name, where it is below ours; else 0


class Outcome(msgspec.Struct, frozen=True):
    """`units` were granted; or none, and the caller should ask again in `wait` seconds."""

    units: int = 0
    wait: float = 0.0


def margin(window: float) -> float:
    """Returns the seconds that a request may take from its grant to Thinkific.

    Windows of a few seconds (the stand-in's) get more than 2 %, because a busy machine is not faster there.
    With more than 4 %, less than 95 % of the limit could be used.
    """
    return max(window * MARGIN, min(0.05, window * 2 * MARGIN))


def forget_old(meter: Meter, now: float, window: float, longest_block: float) -> None:
    """Removes what no longer counts, also where the clock was set back."""
    span = window + margin(window)
    meter.grants = [(min(at, now), units) for at, units in meter.grants if at + span > now and units > 0]
    meter.blocked_until = min(meter.blocked_until, now + longest_block)
    meter.others_until = min(meter.others_until, now + span)
    if meter.others_until <= now:
        meter.others = 0


def used(meter: Meter, now: float, window: float) -> int:
    """Returns the units that count at `now`, ours and those of others."""
    return _ours(meter, now, window) + (meter.others if meter.others_until > now else 0)


def effective_limit(meter: Meter, limit: int) -> int:
    return min(limit, meter.told_limit) if meter.told_limit else limit


def available(meter: Meter, now: float, limit: int, window: float, *, for_people: bool) -> int:
    """Returns the units that may be granted at `now`; may be negative."""
    limit = effective_limit(meter, limit)
    free = limit - used(meter, now, window)
    if for_people:
        return free
    reserve = 0 if limit < TINY else max(1, int(limit * RESERVE))
    soon = margin(window)
    span = window + soon
    refill = sum(units for at, units in meter.grants if now < at + span <= now + soon)
    return free - max(0, reserve - refill)


def take(
    meter: Meter,
    now: float,
    limit: int,
    window: float,
    *,
    want: int,
    least: int = 1,
    for_people: bool = False,
) -> Outcome:
    """Grants up to `want` units and at least `least`; else returns how long to wait for `least`."""
    if meter.blocked_until > now:
        return Outcome(wait=meter.blocked_until - now)
    least = min(least, max(1, effective_limit(meter, limit)))  # or it would wait for ever
    free = available(meter, now, limit, window, for_people=for_people)
    if free < least and not (least > 1 and used(meter, now, window) == 0):
        return Outcome(wait=_wait_for(meter, now, limit, window, least, for_people))
    units = max(least, min(want, free))
    add(meter, now, window, units)
    return Outcome(units=units)


def add(meter: Meter, now: float, window: float, units: int) -> None:
    """Counts units as used at `now`; negative units give back what was counted last."""
    if units > 0:
        now = math.ceil(now * 1000) / 1000
        step = window / GRANT_STEPS
        if meter.grants and meter.grants[-1][0] // step == now // step:
            units += meter.grants.pop()[1]
        meter.grants.append((now, units))
    while units < 0 and meter.grants:
        at, newest = meter.grants.pop()
        if newest + units > 0:
            meter.grants.append((at, newest + units))
        units += newest


def note(
    meter: Meter,
    now: float,
    limit: int,
    window: float,
    *,
    told_limit: int | None,
    remaining: int | None,
    reset_in: float | None,
) -> bool:
    """Corrects the state by what an answer told. Returns whether that changed anything.

    Thinkific counts the requests of every program that uses the site. Where it has counted more than we
    granted, the others were sent by other programs, and cannot be granted until the reset.
    """
    lower = told_limit if told_limit and told_limit < limit else 0
    changed = told_limit is not None and lower != meter.told_limit
    if changed:
        meter.told_limit = lower
    if told_limit is None or remaining is None:
        return changed
    others = told_limit - remaining - _ours(meter, now, window)
    if others > (meter.others if meter.others_until > now else 0):
        meter.others = others
        meter.others_until = now + min(window if reset_in is None else max(0.0, reset_in), window)
        changed = True
    return changed


def block(meter: Meter, now: float, seconds: float, window: float) -> None:
    """Grants nothing for `seconds`: Thinkific has refused a request.

    When it refuses again right after that time, the next one is twice as long, up to the end of its window:
    it may not have said how long to wait. Windows end with full minutes, as live answers show. Refusals of
    requests that were under way at the same time make the wait no longer.
    """
    if meter.blocked_until <= now:
        again = now - meter.blocked_until < window
        meter.refusals = meter.refusals + 1 if again else 0
        to_its_end = window - now % window + margin(window)
        seconds = max(seconds, min(seconds * 2.0 ** min(meter.refusals, LONGEST_ROW), to_its_end))
    meter.blocked_until = max(meter.blocked_until, now + seconds)


def _ours(meter: Meter, now: float, window: float) -> int:
    span = window + margin(window)
    return sum(units for at, units in meter.grants if at + span > now)


def _wait_for(meter: Meter, now: float, limit: int, window: float, least: int, for_people: bool) -> float:
    """Returns the seconds until `least` units are free: when a grant ends, or just before (the reserve)."""
    soon = margin(window)
    span = window + soon
    ends = [at + span for at, _ in meter.grants]
    moments = ends + [end - soon for end in ends] + [meter.others_until]
    for moment in sorted(moment for moment in moments if moment > now):
        if available(meter, moment, limit, window, for_people=for_people) >= least:
            return moment - now + 0.001
    return span
