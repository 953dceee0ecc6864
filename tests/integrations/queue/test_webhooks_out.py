"""Deliveries to webhooks by real workers, which are killed in the middle."""

import json
import os
import signal
import sys
from collections import Counter

import pytest
from django.db import transaction

from core.models import WebhookDelivery
from core.services import webhooks
from core.services.webhooks import endpoints
from tests.factories import TeamFactory
from tests.integrations.queue.conftest import wait_until
from tests.receivers import after, receiver

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
    pytest.mark.django_db(transaction=True),
]
Status = WebhookDelivery.Status


def test_what_a_killed_worker_was_sending_arrives_with_the_same_id(start_worker, alma, settings):
    settings.WEBHOOKS_ALLOW_LOOPBACK = True
    with receiver(after(0.4)) as shop:
        worker = start_worker("--workers", "2", WEBHOOKS_ALLOW_LOOPBACK="1")
        worker.wait_until_working()
        endpoint, _ = endpoints.create(url=shop.url, events=["team.created"], by=alma)
        with transaction.atomic():
            webhooks.emit("team.created", TeamFactory.create_batch(12))
        ids = set(WebhookDelivery.objects.values_list("event_id", flat=True))

        wait_until(lambda: len(shop.received) >= 3, what="the first deliveries")
        group = worker.group()
        os.killpg(group, signal.SIGKILL)
        wait_until(
            lambda: WebhookDelivery.objects.filter(status=Status.DELIVERED).count() == 12,
            seconds=120,
            what="all deliveries",
        )

    times = Counter(json.loads(body)["id"] for body in shop.bodies)
    assert times.keys() == ids
    assert sum(count - 1 for count in times.values()) <= 4  # of those under way
    assert WebhookDelivery.objects.filter(crashes__gt=0).exists()
    assert endpoint.deliveries.exclude(status=Status.DELIVERED).count() == 0
