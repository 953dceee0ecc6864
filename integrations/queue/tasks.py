"""Housekeeping tasks of the queue."""

from collections.abc import Callable

import structlog
from django.conf import settings
from django_q.tasks import async_task

from core.admin.exports import producing
from core.exports import carry_out as exports
from core.exports import files as export_files
from core.imports import retention as import_retention
from core.imports import running as imports
from core.migration import forgetting
from core.migration import running as migrations
from core.models import OutboxEntry
from core.services import seats
from core.services.accounts import impersonation
from core.services.payments import carry_out
from core.services.payments import inbox as payments
from core.services.seats import alerts
from core.services.site import secrets
from core.services.storage import fill_folded
from core.services.webhooks import ended_access, sending
from integrations import heartbeat, schedules, stopping
from integrations.queue import retention
from integrations.thinkific.pull import unread
from integrations.thinkific.reconcile import repair as repairs
from integrations.thinkific.runs import lifecycle
from integrations.thinkific.webhooks import inbox

log = structlog.get_logger(__name__)


def watch() -> None:
    """Each minute, continue work that a killed worker or a lost wake-up has left.

    If a step fails, the others are done all the same; then the task fails with the first error.
    """
    failures = [error for step in STEPS if (error := _try(step))]
    if failures:
        raise failures[0]


def prune() -> dict[str, int]:
    """Each day, delete old rows, correct the folded columns that searches use and the counts of seats, and
    encrypt stored keys with the present SECRET_KEY."""
    return {
        **retention.prune(),
        "export files": export_files.expire(),
        "import files": import_retention.expire(),
        "folded": fill_folded.fill_again(heartbeat.beat),
        "seats": seats.recalculate(),
        "migration_rows": forgetting.forget(heartbeat.beat),
        "encrypted_again": secrets.encrypt_again(),
    }


def send_webhooks() -> dict[str, int]:
    """Send the deliveries that are due to webhooks."""
    return dict(sending.send_due(stop=stopping.requested, beat=heartbeat.beat))


def carry_out_payments() -> dict[str, int]:
    """Carry out the events of Stripe that wait."""
    return dict(carry_out.carry_out_due(stop=stopping.requested, beat=heartbeat.beat))


def run_imports() -> dict[str, int]:
    """Carry out the imports that were started."""
    return dict(imports.run_due(stop=stopping.requested, beat=heartbeat.beat))


def carry_out_exports() -> dict[str, int]:
    """Make the files of exports that wait."""
    made = exports.carry_out_due(producing.produce, stop=stopping.requested, beat=heartbeat.beat)
    return dict(made)


def carry_out_migrations() -> dict[str, int]:
    """Carry out the steps of migrations that wait."""
    return dict(migrations.run_due(stop=stopping.requested, beat=heartbeat.beat))


def start_waiting_work() -> None:
    """Start work on waiting changes and events when a worker starts, without waiting for the next minute.

    There may have been no worker for a while, so something may wait.
    """
    _wake_drain()
    inbox.sweep()
    payments.sweep()
    sending.sweep()
    imports.sweep()
    exports.sweep()
    migrations.sweep()


def _wake_drain() -> None:
    if OutboxEntry.objects.due().exists():
        async_task(settings.OUTBOX_DRAIN_TASK)


STEPS: list[Callable[[], object]] = [
    schedules.disable_malformed,
    schedules.correct_next_runs,
    lifecycle.revive_stale,
    lifecycle.wake_next,
    _wake_drain,
    fill_folded.fill_missing,
    seats.let_pass,
    impersonation.close_timed_out,
    alerts.watch,
    ended_access.tell_of_ended_access,
    sending.sweep,
    payments.sweep,
    imports.sweep,
    exports.sweep,
    migrations.sweep,
    inbox.sweep,
    repairs.sweep,
    unread.ask_soon,
    unread.ask_for_returned,
]


def _try(step: Callable[[], object]) -> Exception | None:
    try:
        step()
    except Exception as error:
        log.exception("%s failed", step.__name__)
        return error
    return None
