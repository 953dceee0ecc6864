"""Events of Stripe: stored once, and claimed by one process at a time, the oldest first.

One at a time, because events of a sale need each other: a refund that came before its sale is found again
when the sale is carried out (`reopen`).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import Error, IntegrityError, transaction
from django.utils import timezone
from django_q.tasks import async_task

from core.errors import Refusal
from core.models import Sale, SiteSettings, StripeEvent, User
from core.models.payments.events import ID_LENGTH
from core.services import leases
from core.services.leases import Claim
from core.services.payments.payloads import Payload, about, key_of, moment_of, part, text

log = structlog.get_logger(__name__)

TOPICS = {
    "checkout.session.completed": "Checkout completed",
    "checkout.session.async_payment_succeeded": "Payment arrived",
    "charge.refunded": "Refund",
    "invoice.paid": "Invoice paid",
    "customer.subscription.deleted": "Subscription ended",
}
SESSIONS = [topic for topic in TOPICS if topic.startswith("checkout.")]
SUSPICIOUS = 3  # crashes
FIRST_WAIT, LONGEST_WAIT = 30.0, 3_600.0  # seconds, after more crashes than that
Status = StripeEvent.Status
SETTLED = "Another event of this checkout was carried out."


class NotAnEvent(Refusal):
    """The body is signed, but no event."""


def store(payload: Any) -> bool:
    """Store an event and wake a worker. Returns False for one that is stored already, or that the dashboard
    does not use. Raises NotAnEvent, and django.db.Error when it could not be stored."""
    payload = _cleaned(payload)
    key, topic = key_of(part(payload, "id")), text(part(payload, "type"))
    thing = part(payload, "data", "object")
    if not key or not topic or len(key) > ID_LENGTH or not isinstance(thing, Mapping):
        raise NotAnEvent("The body is no event of Stripe.")
    if topic not in TOPICS:
        return False
    event = StripeEvent(
        event_id=key,
        topic=topic,
        about=about(topic, thing)[:ID_LENGTH],
        payload=payload,
        is_test=payload.get("livemode") is False,
        happened_at=moment_of(payload.get("created")) or timezone.now(),
    )
    try:
        with transaction.atomic():
            event.save(force_insert=True)
    except IntegrityError:
        if StripeEvent.objects.filter(event_id=key).exists():
            return False
        raise
    try:
        wake()
    except Error:  # the event is stored, so sweep() finds it within a minute
        log.exception("The queue could not be woken for the Stripe event", stored=event.pk)
    return True


def wake() -> None:
    """Queue the task that carries events out, after the current transaction commits."""
    transaction.on_commit(lambda: async_task(settings.PAYMENTS_TASK, save=False))


def sweep() -> None:
    """Each minute: what was put off, and what a killed worker or a lost wake-up left."""
    free_abandoned()
    if StripeEvent.objects.due().exists():
        wake()


def free_abandoned() -> int:
    """Let wait again what a dead process had claimed: nothing of it was done. Returns how many."""
    count, now = 0, timezone.now()
    for event, _ in leases.abandoned(StripeEvent, now):
        pause = leases.growing_wait(event.crashes + 1 - SUSPICIOUS, first=FIRST_WAIT, longest=LONGEST_WAIT)
        until = now + timedelta(seconds=pause)
        count += Claim.on(event).put_back([event.pk], until=until, counts=False, crashed=True)
    return count


def claim() -> StripeEvent | None:
    """Claim the oldest event that is due; None when there is none, or another process works on one."""
    mine: Claim[StripeEvent] = Claim.new(StripeEvent)
    with leases.given_back_if_lost(mine.put_back), transaction.atomic():
        # Locked, so that of two processes the second sees what the first has claimed.
        SiteSettings.objects.select_for_update(no_key=True).filter(pk=SiteSettings.load().pk).first()
        now = timezone.now()
        if StripeEvent.objects.filter(StripeEvent.lease.taken(), claimed_until__gt=now).exists():
            return None
        keys = list(StripeEvent.objects.due(now).order_by("pk").values_list("pk", flat=True)[:1])
        if not keys:
            return None
        _ = mine.take(keys, now=now) or mine.take_over(keys, now=now)
    return mine.held(keys).first()


def reopen(sale: Sale) -> int:
    """Let events that came before their sale be carried out now. Returns how many."""
    keys = [key for key in (sale.payment, sale.subscription) if key]
    early = StripeEvent.objects.filter(about__in=keys, status=Status.IGNORED).exclude(topic__in=SESSIONS)
    count = early.update(status=Status.RECEIVED, outcome="", not_before=timezone.now(), processed_at=None)
    if count:
        wake()
    return count


def settle(sale: Sale) -> int:
    """Let events of the same checkout that failed need nobody any more, now that another one was carried out.
    Returns how many."""
    about = [key for key in (sale.subscription, sale.payment) if key] or [""]
    failed = StripeEvent.objects.filter(topic__in=SESSIONS, status=Status.FAILED, about__in=about)
    keys = [event.pk for event in failed if key_of(object_of(event).get("id")) == sale.session_id]
    return StripeEvent.objects.filter(pk__in=keys, status=Status.FAILED).update(
        status=Status.PROCESSED, outcome=SETTLED, sale=sale, processed_at=timezone.now()
    )


@transaction.atomic
def retry(event: StripeEvent) -> bool:
    """Carry a failed event out again. Returns False when it has not failed."""
    failed = StripeEvent.objects.filter(pk=event.pk, status=Status.FAILED)
    again = failed.update(
        status=Status.RECEIVED, outcome="", attempts=0, not_before=timezone.now(), processed_at=None
    )
    if again:
        wake()
    return bool(again)


def set_aside(event: StripeEvent, *, by: User) -> bool:
    """Note that a failed event was settled by hand. Returns False when it has not failed."""
    failed = StripeEvent.objects.filter(pk=event.pk, status=Status.FAILED)
    said = f"Set aside by {by}. It had failed: {event.outcome}"
    return bool(failed.update(status=Status.IGNORED, outcome=said))


def object_of(event: StripeEvent) -> Payload:
    thing: Payload = event.payload["data"]["object"]
    return thing


def _cleaned(value: Any) -> Any:
    """Returns the value without characters that a database cannot store."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_cleaned(one) for one in value]
    if isinstance(value, dict):
        return {_cleaned(name): _cleaned(one) for name, one in value.items()}
    return value
