"""Waking a worker for webhooks that wait."""

from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from integrations.models import InboundEvent

TASK = "integrations.thinkific.tasks.process_events"
WAITS = "Waits for Thinkific: "  # how the outcome of an event begins that Thinkific gave no answer about


def wake() -> None:
    """Send a worker, once the transaction is committed."""
    transaction.on_commit(lambda: async_task(TASK, q_options={"save": False}))


def wait_no_longer() -> None:
    """Thinkific lets us in again: what was put off because it did not is due now."""
    received = InboundEvent.objects.filter(status=InboundEvent.Status.RECEIVED, claimed_by="")
    if received.filter(outcome__startswith=WAITS).update(not_before=timezone.now()):
        wake()
