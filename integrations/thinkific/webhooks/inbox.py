"""The stored events: taken in once, handed out by lease, settled by who holds the lease."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import Error, IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from core.database_outage import leaves_hope, patiently
from core.moments import come, recent
from core.services.storage import bulk
from integrations.event_wake_ups import wake
from integrations.models import InboundEvent

log = structlog.get_logger(__name__)

BATCH = 200
LEASE = timedelta(seconds=60)  # renewed before every request to Thinkific, none of which takes as long
# Whoever works on a younger event looks again when it is done, and finds what came meanwhile.
ON_ITS_WAY = timedelta(seconds=10)

LONGEST_WAIT = timedelta(minutes=30)  # that an event is put off for; see Desk.put_off

Received = InboundEvent.Status.RECEIVED


@dataclass(frozen=True)
class Verdict:
    """What becomes of an event: its status, the outcome in words, or when to try again."""

    status: str
    outcome: str
    later: float | None = None  # seconds; the status is then RECEIVED
    counted: bool = True  # False: this try does not count against the event


Verdicts = dict[int, Verdict]  # by the event's primary key
Write = Callable[[], Verdicts]  # stores what a batch told, in the caller's transaction; may be called again


def processed(outcome: str) -> Verdict:
    return Verdict(InboundEvent.Status.PROCESSED, outcome)


def ignored(outcome: str) -> Verdict:
    return Verdict(InboundEvent.Status.IGNORED, outcome)


def failed(outcome: str) -> Verdict:
    return Verdict(InboundEvent.Status.FAILED, outcome)


def later(outcome: str, *, seconds: float, counted: bool = True) -> Verdict:
    return Verdict(Received, outcome, seconds, counted)


def store(event: InboundEvent) -> bool:
    """Store the event and see that somebody will look at it. False when it is stored already.

    Raises django.db.Error when it could not be stored.
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
    except Error:  # it is stored: the sweep of each minute finds it
        log.exception("The queue could not be woken for the webhook %s", event.event_id)
    return True


def _wake_if_idle(event: InboundEvent) -> None:
    """One task for many events: whoever brought an earlier one that is still open has woken a worker."""
    now = timezone.now()
    on_its_way = recent("received_at", now, within=ON_ITS_WAY)
    open_before = InboundEvent.objects.filter(
        on_its_way, status=Received, pk__lt=event.pk, not_before__lte=now
    ).order_by("-pk")
    if not open_before.exists():
        wake()


def sweep() -> bool:
    """Each minute: what was put off, and what a killed worker or a lost wake-up left. False: nothing."""
    if not due().exists():
        return False
    wake()
    return True


def due() -> QuerySet[InboundEvent]:
    now = timezone.now()
    # Who has lost a claim can settle nothing, so it may be taken from a process that still lives.
    free = Q(claimed_until__isnull=True) | come("claimed_until", now, longest=LEASE)
    return InboundEvent.objects.filter(free, come("not_before", now, longest=LONGEST_WAIT), status=Received)


@dataclass
class Claim:
    """Events that only this process may settle, until the lease ends."""

    token: str
    events: list[InboundEvent]
    renewed_at: datetime
    again: bool  # a worker died with it, or lost it

    def renew(self) -> None:
        now = timezone.now()
        if now - self.renewed_at > LEASE / 10:
            self.renewed_at = now
            _held(self.token).update(claimed_until=now + LEASE)

    def release(self) -> None:
        """Leave the events to whoever is next. The attempt stays counted."""
        _release(self.token)

    def settle(self, verdicts: Mapping[int, Verdict]) -> None:
        """Write what became of events that are still ours. Call it in the transaction of their effects."""
        now = timezone.now()
        mine = dict(_held(self.token).filter(pk__in=verdicts).values_list("pk", "attempts"))
        bulk.update(
            InboundEvent,
            ["status", "outcome", "processed_at", "not_before", "attempts", "claimed_by", "claimed_until"],
            [_row(pk, attempts, verdicts[pk], now) for pk, attempts in mine.items()],
        )


def _row(pk: int, attempts: int, verdict: Verdict, now: datetime) -> tuple[object, ...]:
    open_again = verdict.later is not None
    return (
        pk,
        verdict.status,
        verdict.outcome[:2000],
        None if open_again else now,
        now + timedelta(seconds=verdict.later or 0),
        attempts if verdict.counted else max(0, attempts - 1),
        "",
        None,
    )


def _held(token: str) -> QuerySet[InboundEvent]:
    return InboundEvent.objects.filter(status=Received, claimed_by=token)


def _release(token: str) -> None:
    _held(token).update(claimed_by="", claimed_until=None)


def claim(size: int = BATCH) -> Claim | None:
    """The oldest open events, or None. Attempts are counted now, because an event may kill its worker; one
    that was being worked on when a worker died is handed out alone, so that it takes no other along."""
    while True:
        now = timezone.now()
        fresh = due().filter(claimed_until__isnull=True).order_by("pk").values_list("pk", flat=True)
        keys = list(fresh[:size])
        again = not keys
        if again:
            keys = list(due().order_by("pk").values_list("pk", flat=True)[:1])
            if not keys:
                return None
        token = secrets.token_hex(16)
        mine = due().filter(pk__in=keys)
        try:
            mine.update(claimed_by=token, claimed_until=now + LEASE, attempts=F("attempts") + 1)
            events = list(_held(token).order_by("pk"))
        except Error as error:
            if leaves_hope(error):  # it may have been committed, and only the answer was lost
                patiently(_release, token)
            raise
        if events:  # else somebody was quicker
            return Claim(token, events, now, again)


def reopen(events: QuerySet[InboundEvent]) -> int:
    """Act upon settled events once more. Returns how many."""
    settled = events.exclude(status=Received)
    count = settled.update(
        status=Received,
        outcome="",
        attempts=0,
        not_before=timezone.now(),
        processed_at=None,
        claimed_by="",
        claimed_until=None,
    )
    if count:
        wake()
    return count
