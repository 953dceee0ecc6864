"""Processing the stored events in batches, one for each handler."""

import time

import structlog
from django.db import Error, transaction

from core.database_outage import may_recover, retry_during_outage
from core.databases import is_unavailable
from integrations import event_wake_ups, stopping
from integrations.models import InboundEvent
from integrations.thinkific.webhooks import inbox, retries
from integrations.thinkific.webhooks.batch import Batch
from integrations.thinkific.webhooks.handlers import catalog, enrollments, people, results
from integrations.thinkific.webhooks.inbox import Claim, Verdict, failed, ignored, later
from integrations.thinkific.webhooks.test_events import TEST_EVENT, is_test_event
from integrations.thinkific.webhooks.topics import NOT_NEEDED, handled

log = structlog.get_logger(__name__)

# Seconds to wait before events are claimed. Many events often arrive within a moment; after the wait they
# make one batch instead of many.
GATHER_SECONDS = 0.1
STORE_ATTEMPTS = 3  # attempts to store a batch while other processes write the same rows
HANDLERS = {
    # Products and people first: enrollments refer to them.
    "catalog": catalog.prepare,
    "people": people.prepare,
    "enrollments": enrollments.prepare,
    "results": results.prepare,
}


def process(*, seconds: float, gather: float = GATHER_SECONDS) -> dict[str, int]:
    """Process due events until none are left or the time is up; then another worker is woken.

    Returns the number of events for each status in which they ended.
    """
    deadline = time.monotonic() + seconds
    counts: dict[str, int] = {}
    time.sleep(gather)
    while (claim := inbox.claim()) is not None:
        try:
            statuses = _work(claim)
        except Error as error:
            if not may_recover(error):
                raise
            # Effects and verdicts of the batch are in one transaction: both are stored, or neither.
            log.warning("events interrupted by the database", problem=str(error).strip())
            retry_during_outage(claim.release)
            continue
        for status in statuses:
            counts[status] = counts.get(status, 0) + 1
        if time.monotonic() > deadline or stopping.requested():
            event_wake_ups.wake()
            break
    return counts


def _work(claim: Claim) -> list[str]:
    if claim.again and claim.events[0].crashes >= retries.TRIES // 2:
        words = f"Given up: a worker stopped {claim.events[0].crashes} times while it processed this."
        claim.settle({claim.events[0].pk: failed(words)})
        return [InboundEvent.Status.FAILED]
    groups: dict[str, list[InboundEvent]] = {}
    settled: dict[int, Verdict] = {}
    for event in claim.events:
        name = handled(event.topic)
        if name is None:
            settled[event.pk] = ignored(
                NOT_NEEDED.get(event.topic, "This dashboard does not know the topic.")
            )
        elif is_test_event(event):
            settled[event.pk] = ignored(TEST_EVENT)
        else:
            groups.setdefault(name, []).append(event)
    claim.settle(settled)
    batch = Batch(claim) if groups else None
    for name in HANDLERS:
        if name in groups and batch is not None:
            settled |= _handle(name, groups[name], batch)
    return [verdict.status for verdict in settled.values()]


def _handle(name: str, events: list[InboundEvent], batch: Batch) -> dict[int, Verdict]:
    """Store the effects and the verdicts of these events in one transaction. Returns the verdicts.

    If that fails, the events are processed one by one, so that only the events with errors fail.
    """
    try:
        write = HANDLERS[name](events, batch)
        for attempt in range(1, STORE_ATTEMPTS + 1):
            batch.claim.renew()
            try:
                with transaction.atomic():
                    verdicts = write()
                    batch.claim.settle(verdicts)
                return verdicts
            except Error:
                if attempt == STORE_ATTEMPTS:
                    raise
        raise AssertionError  # the loop always returns or raises
    except Exception as error:  # last resort: the error is stored on the event
        if is_unavailable(error) and all(event.attempts < retries.TRIES // 2 for event in events):
            raise  # the database is the cause, not these events
        if len(events) > 1:
            log.warning(
                "events are worked on one by one", handler=name, events=len(events), problem=str(error)
            )
            return {pk: v for event in events for pk, v in _handle(name, [event], batch).items()}
        log.exception("event failed", event_id=events[0].event_id, topic=events[0].topic)
        verdict = _verdict_on(error, events[0])
        batch.claim.settle({events[0].pk: verdict})
        return {events[0].pk: verdict}


def _verdict_on(error: Exception, event: InboundEvent) -> Verdict:
    words = f"{type(error).__name__}: {error}"[:500]
    if isinstance(error, Error) and event.attempts < retries.TRIES // 2:
        return later(f"Could not be stored: {words}", seconds=30.0 * event.attempts)
    return failed(words)
