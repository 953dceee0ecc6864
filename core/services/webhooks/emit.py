"""Telling endpoints of an event: one waiting delivery for each active endpoint that takes it."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone
from django_q.tasks import async_task

from core.models import WebhookDelivery, WebhookEndpoint
from core.services.webhooks.events import EVENTS
from core.services.webhooks.payloads import Payload, payloads_of

AT_ONCE = 500
EVENT_ID, TEST_ID = "evt_", "test_"  # how the ids of deliveries begin


def takers(event: str) -> list[WebhookEndpoint]:
    """Returns the active endpoints that take an event. One query; there are few endpoints."""
    rows = WebhookEndpoint.objects.filter(active=True).order_by("pk")
    return [endpoint for endpoint in rows.only("pk", "events", "listens_since") if endpoint.takes(event)]


def is_wanted(event: str) -> bool:
    return bool(takers(event))


def emit(event: str, objects: Iterable[Model | Mapping[str, Any]]) -> int:
    """Tell the endpoints of an event of each of these objects, which are of one model; a mapping is a payload
    as it is. Returns how many deliveries wait.

    Call it in the transaction of the change, after it; before it for what is deleted. Either both commit or
    neither does. While no endpoint takes the event it costs one query, and for an empty list none: a queryset
    is only read when somebody wants it.
    """
    if isinstance(objects, Sequence) and not objects:
        return 0
    return deliver(event, objects, takers(event))


def deliver(
    event: str, objects: Iterable[Model | Mapping[str, Any]], endpoints: Sequence[WebhookEndpoint]
) -> int:
    """`emit` to these endpoints."""
    if event not in EVENTS:
        raise ValueError(f"{event} is not in core/services/webhooks/events.py.")
    if not connection.in_atomic_block:
        raise RuntimeError("emit() belongs into the transaction of the change.")
    if not endpoints or not (told := list(objects)):
        return 0
    endpoints = _held(endpoints)
    models = [one for one in told if isinstance(one, Model)]
    mappings = [dict(one) for one in told if not isinstance(one, Model)]
    payloads: list[Payload] = payloads_of(models) if models else mappings
    now = timezone.now()
    rows = [
        WebhookDelivery(
            endpoint=endpoint,
            event=event,
            event_id=event_id,
            payload=payload,
            created_at=now,
            not_before=now,
        )
        for payload in payloads
        for event_id in [new_id()]
        for endpoint in endpoints
    ]
    WebhookDelivery.objects.bulk_create(rows, batch_size=AT_ONCE)
    wake()
    return len(rows)


def _held(endpoints: Sequence[WebhookEndpoint]) -> list[WebhookEndpoint]:
    """Returns those that are still there, and keeps them from being deleted before the caller's commit, which
    would fail then. Whoever emits waits for nobody else who does. On SQLite only one transaction writes."""
    if connection.vendor != "postgresql":
        return list(endpoints)
    with connection.cursor() as cursor:
        keys = [endpoint.pk for endpoint in endpoints]
        cursor.execute("SELECT id FROM core_webhookendpoint WHERE id = ANY(%s) FOR KEY SHARE", [keys])
        there = {key for (key,) in cursor.fetchall()}
    return [endpoint for endpoint in endpoints if endpoint.pk in there]


def new_id(start: str = EVENT_ID) -> str:
    return f"{start}{uuid.uuid4().hex}"


def wake() -> None:
    """Queue the sending of what waits after the commit, once per transaction. If the task is lost, the
    schedule sends within a minute.

    It is queued even when a process is sending: that one may have looked before this commit.
    """
    if not any(_wake in waiting for waiting in connection.run_on_commit):
        transaction.on_commit(_wake)


def _wake() -> None:
    async_task(settings.WEBHOOKS_SEND_TASK, save=False)
