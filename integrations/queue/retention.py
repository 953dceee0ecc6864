"""How long what is over is kept: the queue's own records, finished runs, events, changes that were sent,
sessions, notices, tokens that open nothing any more."""

from datetime import datetime, timedelta

from django.contrib.sessions.models import Session
from django.db.models import Max, Model, Q, QuerySet
from django.utils import timezone
from django_q.models import Failure, OrmQ, Success

from core.models import ApiToken, Notice, OutboxEntry, SiteSettings, WebhookDelivery
from core.models.site import MOST_DAYS
from core.services.accounts import allowances, sign_in
from integrations import heartbeat
from integrations.models import Drift, InboundEvent, SyncRun, WorkerHeartbeat
from integrations.queue.broker import PROBE_KEY

BATCH = 1000  # rows in one transaction: nobody waits long for the lock of SQLite
# What the queue did is on rows of ours; its own records only help to find out what went wrong lately.
SUCCESSES_KEPT = timedelta(days=2)
FAILURES_KEPT = timedelta(days=30)
HEARTBEATS_KEPT = timedelta(days=1)
PROBES_KEPT = timedelta(hours=1)
# Somebody may be away for long; what a notice leads to is gone by then anyway.
UNSEEN_KEPT = timedelta(days=180)


def prune() -> dict[str, int]:
    """Delete what is older than it has to be, and answer how many rows of each kind went."""
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
        # Before their runs, which would take them along in one piece.
        "drift": Drift.objects.filter(report__run__in=_runs_over(kept_since)),
        "runs": _runs_over(kept_since),
        "events": InboundEvent.objects.exclude(status=InboundEvent.Status.RECEIVED).filter(
            received_at__lt=kept_since
        ),
        "changes": OutboxEntry.objects.filter(
            status__in=[OutboxEntry.Status.DONE, OutboxEntry.Status.DISCARDED], finished_at__lt=kept_since
        ),
        **sign_in.over(now),
        "allowances": allowances.over(now),
        "sessions": Session.objects.filter(expire_date__lt=now),
        "notices": Notice.objects.filter(
            Q(seen_at__lt=kept_since) | Q(created_at__lt=min(kept_since, now - UNSEEN_KEPT))
        ),
        "tokens": ApiToken.objects.filter(Q(expires_at__lt=kept_since) | Q(revoked_at__lt=kept_since)),
        "deliveries": WebhookDelivery.objects.exclude(status=WebhookDelivery.Status.PENDING).filter(
            created_at__lt=kept_since
        ),
        "heartbeats": WorkerHeartbeat.objects.filter(beat_at__lt=now - HEARTBEATS_KEPT),
        # To clusters that are gone: a probe is answered within seconds or not at all.
        "probes": OrmQ.objects.filter(key__startswith=PROBE_KEY, lock__lt=now - PROBES_KEPT),
    }


def _runs_over(kept_since: datetime) -> QuerySet[SyncRun]:
    """Finished runs, but never the last of a kind and its last success: screens and pulls build on them."""
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
