"""Starting a worker task for webhook events that wait."""

from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from integrations.models import InboundEvent

TASK = "integrations.thinkific.tasks.process_events"
WAITS = "Waits for Thinkific: "  # start of an event's outcome while Thinkific has not answered about it


def wake() -> None:
    """Queue the task that processes events, after the current transaction commits."""
    transaction.on_commit(lambda: async_task(TASK, q_options={"save": False}))


def retry_waiting() -> None:
    """Make events due now that were postponed because Thinkific refused us or did not answer.

    Called when Thinkific accepts our credentials again.
    """
    received = InboundEvent.objects.filter(status=InboundEvent.Status.RECEIVED, claimed_by="")
    if received.filter(outcome__startswith=WAITS).update(not_before=timezone.now()):
        wake()
