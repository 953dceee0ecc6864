"""The stored events: taken in once, claimed in batches, settled by who holds the claim.

core/services/leases.py says how a claim is made and ends. Whoever has lost a claim can settle nothing, so
events whose lease is over are claimed anew although their process may still live.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import Error, IntegrityError, transaction
from django.utils import timezone

from core.moments import recent
from core.services import leases
from integrations.event_wake_ups import wake
from integrations.models import InboundEvent

log = structlog.get_logger(__name__)

BATCH = 200
# Whoever works on a younger event looks again when it is done, and finds what came meanwhile.
ON_ITS_WAY = timedelta(seconds=10)

Received = InboundEvent.Status.RECEIVED


@dataclass(frozen=True)
class Verdict:
    """The result for an event: its status, the outcome in words, and when to try again."""

    status: str
    outcome: str
    later: float | None = None  # seconds until the next attempt; the status is then RECEIVED
    counted: bool = True  # whether this was an attempt


Verdicts = dict[int, Verdict]  # by the event's primary key
Write = Callable[[], Verdicts]  # stores the facts of a batch in the caller's transaction; may be called again


def processed(outcome: str) -> Verdict:
    return Verdict(InboundEvent.Status.PROCESSED, outcome)


def ignored(outcome: str) -> Verdict:
    return Verdict(InboundEvent.Status.IGNORED, outcome)


def failed(outcome: str) -> Verdict:
    return Verdict(InboundEvent.Status.FAILED, outcome)


def later(outcome: str, *, seconds: float, counted: bool = True) -> Verdict:
    return Verdict(Received, outcome, seconds, counted)


def store(event: InboundEvent) -> bool:
    """Store the event, and wake a worker for it if needed. Returns False if it is stored already.

    Raises django.db.Error if it could not be stored.
    """
    try:
        with transaction.atomic():
            event.save(force_insert=True)
    except IntegrityError:
        if InboundEvent.objects.filter(event_id=event.event_id).exists():
            return False
        raise
    try:
        _wake_if_idle(event)
    except Error:  # the event is stored, so sweep() finds it within a minute
        log.exception("The queue could not be woken for the webhook %s", event.event_id)
    return True


def _wake_if_idle(event: InboundEvent) -> None:
    """Wake a worker, unless an event of the last ten seconds is still open: that one has woken a worker."""
    now = timezone.now()
    on_its_way = recent("received_at", now, within=ON_ITS_WAY)
    open_before = InboundEvent.objects.filter(
        on_its_way, status=Received, pk__lt=event.pk, not_before__lte=now
    ).order_by("-pk")
    if not open_before.exists():
        wake()


def sweep() -> bool:
    """Each minute: what was put off, and what a killed worker or a lost wake-up left. False: nothing."""
    if not InboundEvent.objects.due().exists():
        return False
    wake()
    return True


@dataclass
class Claim:
    """Events that only this process may end, until the lease is over."""

    lease: leases.Claim[InboundEvent]
    events: list[InboundEvent]
    renewed_at: datetime
    again: bool  # whether an earlier worker has died during it or lost it

    def renew(self) -> None:
        """Renew the lease, unless that was done a moment ago."""
        now = timezone.now()
        if now - self.renewed_at > InboundEvent.lease.length / 10:
            self.renewed_at = now
            self.lease.renew()

    def release(self) -> None:
        """Leave the events to whoever is next. The attempt stays counted."""
        self.lease.put_back()

    def settle(self, verdicts: Mapping[int, Verdict]) -> None:
        """Store the verdicts on events that are still ours. Call it in the transaction of their effects."""
        now = timezone.now()
        not_counted = {pk for pk, verdict in verdicts.items() if not verdict.counted}
        self.lease.settle(
            {pk: _columns(verdict, now) for pk, verdict in verdicts.items()}, not_counted=not_counted
        )


def _columns(verdict: Verdict, now: datetime) -> dict[str, object]:
    return {
        "status": verdict.status,
        "outcome": verdict.outcome[:2000],
        "processed_at": now if verdict.later is None else None,
        "not_before": now + timedelta(seconds=verdict.later or 0),
    }


def claim(size: int = BATCH) -> Claim | None:
    """Claim the oldest open events; None when there are none. One that was being worked on when a worker
    died is handed out alone, so that it takes no other along."""
    while True:
        now = timezone.now()
        due = InboundEvent.objects.due(now).order_by("pk").values_list("pk", flat=True)
        keys = list(due.filter(InboundEvent.lease.free())[:size])
        again = not keys
        if again and not (keys := list(due[:1])):
            return None
        mine = leases.Claim.new(InboundEvent)
        with leases.given_back_if_lost(mine.put_back):
            (mine.take_over if again else mine.take)(keys, now=now)
            events = list(mine.held().order_by("pk"))
        if events:  # else somebody was quicker
            return Claim(mine, events, now, again)
