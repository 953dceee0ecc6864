"""How much of a limit per time is used: pure functions on a small state that fits into a JSON document.

A grant counts for the window and a margin of 2 %, from the moment it was given, used or not. So no more than
the limit falls into any sliding window, and therefore into any fixed one, wherever its edges are, as long as
a request reaches Thinkific within that margin (1.2 s of a minute) after its grant. Nothing is spread out
evenly: what is free may be taken at once.

Work that nobody waits for leaves 4 % to people. Units that come free within the margin count towards that: a
person gets them first, and waits no longer than the margin. So it costs next to no throughput, whether grants
come in one burst per window or evenly spread.
"""

import math

import msgspec

MARGIN = 0.02  # of the window
RESERVE = 0.04  # of the limit, left to people who wait
TINY = 20  # requests per window under which a reserve of one would cost more than 5 %
LONGEST_ROW = 10  # refusals that still make a difference
SLOTS = 240  # grants within the same 240th of a window share an entry, which bounds the document


class Meter(msgspec.Struct):
    """Grants `[epoch second, units]`, oldest first; what others used; until when Thinkific refuses."""

    grants: list[tuple[float, int]] = []
    blocked_until: float = 0.0
    refusals: int = 0  # one after the other
    others: int = 0  # units that programs besides us have used, as far as answers tell
    others_until: float = 0.0
    told_limit: int = 0  # the limit that answers name where it is below ours, else 0


class Outcome(msgspec.Struct, frozen=True):
    """`units` were granted, or none and it is worth asking again in `wait` seconds."""

    units: int = 0
    wait: float = 0.0


def margin(window: float) -> float:
    """Seconds that a request may take from its grant to Thinkific.

    Windows of a few seconds (a scaled-down stand-in's) get more than 2 %, for a busy machine is no quicker
    there; with more than 4 % less than 95 % of the limit could be used.
    """
    return max(window * MARGIN, min(0.05, window * 2 * MARGIN))


def forget_old(meter: Meter, now: float, window: float, longest_block: float) -> None:
    """Drop what no longer counts, and what a clock that was set back would keep for ever."""
    span = window + margin(window)
    meter.grants = [(min(at, now), units) for at, units in meter.grants if at + span > now and units > 0]
    meter.blocked_until = min(meter.blocked_until, now + longest_block)
    meter.others_until = min(meter.others_until, now + span)
    if meter.others_until <= now:
        meter.others = 0


def used(meter: Meter, now: float, window: float) -> int:
    """Units that count at `now`, ours and others'."""
    return _ours(meter, now, window) + (meter.others if meter.others_until > now else 0)


def effective_limit(meter: Meter, limit: int) -> int:
    return min(limit, meter.told_limit) if meter.told_limit else limit


def available(meter: Meter, now: float, limit: int, window: float, *, for_people: bool) -> int:
    """Units that may be granted at `now`; may be negative."""
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
    """Grant up to `want` units and at least `least`, or say how long to wait for those."""
    if meter.blocked_until > now:
        return Outcome(wait=meter.blocked_until - now)
    least = min(least, max(1, effective_limit(meter, limit)))  # never wait for what can never be
    free = available(meter, now, limit, window, for_people=for_people)
    if free < least and not (least > 1 and used(meter, now, window) == 0):
        return Outcome(wait=_wait_for(meter, now, limit, window, least, for_people))
    units = max(least, min(want, free))
    add(meter, now, window, units)
    return Outcome(units=units)


def add(meter: Meter, now: float, window: float, units: int) -> None:
    """Count units as used at `now`; negative ones give back what was counted last."""
    if units > 0:
        now = math.ceil(now * 1000) / 1000
        slot = window / SLOTS
        if meter.grants and meter.grants[-1][0] // slot == now // slot:
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
    """Tighten our view by what an answer told; True when that changed anything.

    Thinkific counts every program that uses the site. Where it has seen more than we gave out, the rest was
    somebody else's, and is not ours to give until the reset.
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
    """Grant nothing for so long: Thinkific refused.

    Who refuses again as soon as that is over gets twice the time, up to the end of its window: it may have
    said nothing of how long it takes. Windows end with full minutes, as live answers tell. What was under
    way at the same time is refused for the same reason, and makes it no longer.
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
    """Seconds until `least` units come free: at the end of a grant, or, for the reserve, shortly before."""
    soon = margin(window)
    span = window + soon
    ends = [at + span for at, _ in meter.grants]
    moments = ends + [end - soon for end in ends] + [meter.others_until]
    for moment in sorted(moment for moment in moments if moment > now):
        if available(meter, moment, limit, window, for_people=for_people) >= least:
            return moment - now + 0.001
    return span
