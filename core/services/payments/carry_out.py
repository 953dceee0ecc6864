"""Carrying events out, each in one transaction with its verdict: both are stored, or neither."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from core.database_outage import retry_during_outage
from core.databases import is_unavailable
from core.errors import Refusal
from core.models import StripeEvent
from core.services import leases
from core.services.leases import Claim
from core.services.payments import alerts, inbox, refunds, sales, subscriptions
from core.services.payments.payloads import Payload
from core.services.payments.verdicts import Verdict

log = structlog.get_logger(__name__)

HANDLERS: dict[str, Callable[[Payload], Verdict]] = {
    "checkout.session.completed": sales.paid,
    "checkout.session.async_payment_succeeded": sales.paid,
    "charge.refunded": refunds.refunded,
    "invoice.paid": subscriptions.renewed,
    "customer.subscription.deleted": subscriptions.ended,
}
TRIES = 5  # of an event that fails by an error of ours
FIRST_WAIT, LONGEST_WAIT = 10.0, 600.0  # seconds between them
OUTAGE = timedelta(days=1)  # for which an unavailable database is no try
UNEXPECTED = (
    "An error of the dashboard ({}) stopped it five times. Its log says more. Retry it, or do it by hand."
)
STOPPED = "An error ({}) stopped it. It is tried again by itself."
Status = StripeEvent.Status


class _Lost(Exception):
    """Another process has taken the event meanwhile."""


def carry_out_due(
    *,
    seconds: float = 50.0,
    stop: Callable[[], bool] = lambda: False,
    beat: Callable[[], None] = lambda: None,
) -> Counter[str]:
    """Carry out what waits, until nothing does, for at most `seconds`. Returns how many events had which
    result. `stop` says that this process has to end."""
    inbox.free_abandoned()
    end, results = time.monotonic() + seconds, Counter[str]()
    while not stop() and time.monotonic() < end:
        beat()
        event = inbox.claim()
        if event is None:
            return results
        results[_carry_out(event)] += 1
    inbox.sweep()
    return results


def _carry_out(event: StripeEvent) -> str:
    claim = Claim.on(event)
    try:
        with transaction.atomic():
            verdict = HANDLERS[event.topic](inbox.object_of(event))
            held = claim.finish(
                [event.pk],
                status=verdict.status,
                outcome=verdict.outcome,
                sale=verdict.sale,
                processed_at=timezone.now(),
            )
            if not held:
                raise _Lost
    except _Lost:
        return "lost"
    except Refusal as refusal:
        return _fail(event, str(refusal))
    except Exception as error:  # last resort: its type is stored on the event, and its text is in the log
        log.exception("A Stripe event failed", stored=event.pk, attempt=event.attempts)
        name, now = type(error).__name__, timezone.now()
        # Not the event is the cause then, unless it goes on: a statement that takes too long looks alike.
        is_outage = is_unavailable(error) and now - event.received_at < OUTAGE
        if event.attempts >= TRIES and not is_outage:
            return _fail(event, UNEXPECTED.format(name))
        tries = 1 if is_outage else event.attempts
        until = now + timedelta(seconds=leases.growing_wait(tries, first=FIRST_WAIT, longest=LONGEST_WAIT))
        said, counts = STOPPED.format(name), not is_outage
        retry_during_outage(claim.put_back, [event.pk], until=until, counts=counts, outcome=said)
        return "retried"
    return verdict.status


def _fail(event: StripeEvent, why: str) -> str:
    def store() -> None:
        with transaction.atomic():
            claim = Claim.on(event)
            if claim.finish([event.pk], status=Status.FAILED, outcome=why, processed_at=timezone.now()):
                alerts.tell(event, why)

    retry_during_outage(store)
    return Status.FAILED
