"""Housekeeping that the queue does for itself and for our rows."""

from collections.abc import Callable

import structlog
from django.conf import settings
from django_q.tasks import async_task

from core.models import OutboxEntry
from core.services.storage import fill_folded
from integrations import heartbeat, schedules
from integrations.queue import retention
from integrations.thinkific.pull import unread_content
from integrations.thinkific.reconcile import repair as repairs
from integrations.thinkific.runs import lifecycle
from integrations.thinkific.webhooks import inbox

log = structlog.get_logger(__name__)


def watch() -> None:
    """Every minute: whatever a killed worker or a lost wake-up left lying goes on.

    One step that fails does not keep the others from being done; the task then fails with its error.
    """
    failures = [error for step in STEPS if (error := _try(step))]
    if failures:
        raise failures[0]


def prune() -> dict[str, int]:
    """Every day: forget what is over for long enough, and see that what is searched is as it should be."""
    return {**retention.prune(), "folded": fill_folded.fill_again(heartbeat.beat)}


def take_up() -> None:
    """A worker has started, perhaps after a time in which there was none: what waits need not wait for the
    next minute, nor for the queue to look at its schedules."""
    _wake_drain()
    inbox.sweep()


def _wake_drain() -> None:
    if OutboxEntry.objects.due().exists():
        async_task(settings.OUTBOX_DRAIN_TASK)


STEPS: list[Callable[[], object]] = [
    schedules.park_malformed,
    schedules.bring_back,
    lifecycle.revive_stale,
    lifecycle.wake_next,
    _wake_drain,
    fill_folded.fill_missing,
    inbox.sweep,
    repairs.sweep,
    unread_content.ask_soon,
]


def _try(step: Callable[[], object]) -> Exception | None:
    try:
        step()
    except Exception as error:
        log.exception("%s failed", step.__name__)
        return error
    return None
