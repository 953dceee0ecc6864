"""Deleting old rows: the queue's own records, ended runs, processed events, sent changes, expired sessions,
notices, openings of Thinkific, and tokens that are expired or revoked."""

from datetime import datetime, timedelta

from django.contrib.sessions.models import Session
from django.db.models import Max, Model, Q, QuerySet
from django.utils import timezone
from django_q.models import Failure, OrmQ, Success

from core.models import (
    ApiToken,
    ExportFile,
    Job,
    Notice,
    OutboxEntry,
    SiteSettings,
    StripeEvent,
    WebhookDelivery,
)
from core.models.fields.settings_checks import MOST_DAYS
from core.services.accounts import allowances, sign_in, sign_in_links
from core.services.api import calls
from core.services.opening import opening
from core.services.teams import sign_ups
from integrations import heartbeat
from integrations.models import Drift, InboundEvent, SyncRun, WorkerHeartbeat
from integrations.queue.broker import PROBE_KEY

BATCH = 1000  # rows in one transaction, so that others wait only shortly for SQLite's lock
# Our own rows record what was done. The queue's records only help to find recent errors.
SUCCESSES_KEPT = timedelta(days=2)
FAILURES_KEPT = timedelta(days=30)
HEARTBEATS_KEPT = timedelta(days=1)
PROBES_KEPT = timedelta(hours=1)
# A person may be away for long. After this time the page that a notice links to is gone anyway.
UNSEEN_KEPT = timedelta(days=180)


def prune() -> dict[str, int]:
    """Delete rows that are older than their time limit. Returns how many rows of each kind were deleted."""
    now = timezone.now()
    return {
        name: _delete_in_batches(rows)
        for name, rows in _over(now, SiteSettings.load().retention_days).items()
    }


def _over(now: datetime, retention_days: int) -> dict[str, QuerySet]:
    kept_since = now - timedelta(days=min(retention_days, MOST_DAYS))
    failures_since = max(kept_since, now - FAILURES_KEPT)
    return {
        "successes": Success.objects.filter(stopped__lt=max(kept_since, now - SUCCESSES_KEPT)),
        "failures": Failure.objects.filter(stopped__lt=failures_since),
        # Before their runs: deleting a run would delete all of its rows in one transaction.
        "drift": Drift.objects.filter(report__run__in=_runs_over(kept_since)),
        "runs": _runs_over(kept_since),
        "events": InboundEvent.objects.exclude(status=InboundEvent.Status.RECEIVED).filter(
            received_at__lt=kept_since
        ),
        "changes": OutboxEntry.objects.filter(
            status__in=[OutboxEntry.Status.DONE, OutboxEntry.Status.DISCARDED], finished_at__lt=kept_since
        ),
        **sign_in.over(now),
        "sign-ups": sign_ups.over(now),
        "sign-in links": sign_in_links.over(now),
        "allowances": allowances.over(now),
        "sessions": Session.objects.filter(expire_date__lt=now),
        "notices": Notice.objects.filter(
            Q(seen_at__lt=kept_since) | Q(created_at__lt=min(kept_since, now - UNSEEN_KEPT))
        ),
        "openings": opening.over(kept_since),
        "tokens": ApiToken.objects.filter(Q(expires_at__lt=kept_since) | Q(revoked_at__lt=kept_since)),
        "deliveries": WebhookDelivery.objects.exclude(status=WebhookDelivery.Status.PENDING).filter(
            created_at__lt=kept_since
        ),
        "calls": calls.over(now),
        "exports": ExportFile.objects.exclude(
            status__in=[*ExportFile.ACTIVE, ExportFile.Status.SUCCEEDED]
        ).filter(created_at__lt=kept_since),
        "jobs": Job.objects.filter(created_at__lt=kept_since),
        "payments": StripeEvent.objects.exclude(
            status__in=[StripeEvent.Status.RECEIVED, StripeEvent.Status.FAILED]
        ).filter(received_at__lt=kept_since),
        "heartbeats": WorkerHeartbeat.objects.filter(beat_at__lt=now - HEARTBEATS_KEPT),
        # Probes to clusters that are gone: a living cluster answers within seconds.
        "probes": OrmQ.objects.filter(key__startswith=PROBE_KEY, lock__lt=now - PROBES_KEPT),
    }


def _runs_over(kept_since: datetime) -> QuerySet[SyncRun]:
    """Returns old runs that have ended, without the last one of each kind, extent and status.

    Screens show the last run, and pulls continue from the last successful one.
    """
    last = SyncRun.objects.order_by().values("kind", "full", "status").annotate(last=Max("pk"))
    return (
        SyncRun.objects.filter(finished_at__lt=kept_since)
        .exclude(pk__in=last.values("last"))
        .exclude(status__in=SyncRun.ACTIVE)
    )


def _delete_in_batches(rows: QuerySet) -> int:
    total = 0
    model: type[Model] = rows.model
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        model._base_manager.filter(pk__in=keys).delete()
        total += len(keys)
        heartbeat.beat()
    return total
