"""Fixtures for webhooks: `post` delivers one, `happened` has the events of the stand-in, and `work` processes
the stored events as a worker does."""

import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest
from django.test import Client

from integrations.models import InboundEvent, SyncRun
from integrations.thinkific.webhooks import process
from tests.history import watched
from tests.integrations.thinkific.running import carry

ADDRESS = "/webhooks/thinkific/"
SECRET = "a-key-of-thirty-two-characters-1"


def signature(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def envelope(topic: str, payload, event_id="event-1", created_at=None, **more) -> dict:
    resource, _, action = topic.partition(".")
    created_at = created_at or datetime.now(UTC).isoformat()
    return {
        "id": event_id,
        "resource": resource,
        "action": action,
        "tenant_id": "55501",
        "created_at": created_at,
        "payload": payload,
        **more,
    }


def of(events, *topics):
    return [e for e in events if f"{e['resource']}.{e['action']}" in topics]


@pytest.fixture(autouse=True)
def _every_write_has_a_history(db):
    with watched() as silent:
        yield
    assert silent == []


@pytest.fixture
def secret(settings):
    settings.THINKIFIC_WEBHOOK_SECRETS = [SECRET]
    return SECRET


@pytest.fixture
def post(db, secret):
    """`post(event)` signs and delivers an envelope (or a body in bytes). Returns the response."""
    client = Client()

    def send(event, *, signed=True, **headers):
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        if signed is True:
            signed = signature(body)
        if signed:
            headers["X-Thinkific-Hmac-Sha256"] = signed
        return client.post(ADDRESS, body, content_type="application/json", headers=headers)

    return send


@pytest.fixture
def happened(connected, post):
    """The events of the stand-in since the last `clear()`, oldest first. Each can be given to `post`."""
    events: list[dict] = []
    connected.site.listeners.append(
        lambda topic, payload: events.append(connected.webhooks.event(topic, json.loads(json.dumps(payload))))
    )
    return events


@pytest.fixture
def work(connected, db):
    def carry(**how):
        return process.process(seconds=30, gather=0, **how)

    return carry


@pytest.fixture
def pull(connected, db):
    return carry


@pytest.fixture
def in_step(pull, happened, thinkific, refill):
    """Pull all kinds that events are about."""

    def pull_all() -> None:
        for kind in ("products", "users", "enrollments"):
            assert pull(kind).status == SyncRun.Status.SUCCEEDED

    refill(("what events are about", thinkific.site.origin), pull_all)
    thinkific.reset_stats()
    happened.clear()


@pytest.fixture
def deliver(post):
    """`deliver(events)` posts events and returns their rows in this order."""

    def send(events) -> list[InboundEvent]:
        for event in events:
            assert post(event).status_code == 204
        rows = {row.event_id: row for row in InboundEvent.objects.all()}
        return [rows[event["id"]] for event in events]

    return send


@pytest.fixture
def asked(connected):
    """`asked()` returns how many requests the stand-in got since the last call."""

    def count() -> int:
        total = connected.stats.total
        connected.reset_stats()
        return total

    count()
    return count
