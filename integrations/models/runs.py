"""Runs: pulls from Thinkific, reconciliations and repairs."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.models.fields.history import DoneInImpersonation, done_by, kept_name
from integrations.models.kinds import Kind

KEPT_ERRORS = 200  # per run: enough to see what is wrong, few enough for a page
# A running run writes its progress every two seconds. Without it for this long, its process is gone.
STALE_AFTER = timedelta(seconds=30)
# The counts of rows that a run keeps, in the order in which screens show them.
COUNTS = ("fetched", "created", "updated", "unchanged", "skipped", "removed", "failed")


class SyncRunQuerySet(models.QuerySet["SyncRun"]):
    def active(self) -> "SyncRunQuerySet":
        return self.filter(status__in=SyncRun.ACTIVE)


class SyncRun(DoneInImpersonation):
    """One pull of one kind, a reconciliation or a repair: its options, its progress and its result."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        PARTIAL = "partial"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class Trigger(models.TextChoices):
        SCHEDULE = "schedule"
        PERSON = "person"
        COMMAND = "command"
        WEBHOOK = "webhook"

    ACTIVE = (Status.QUEUED, Status.RUNNING)

    kind = models.CharField(max_length=20, choices=Kind)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    full = models.BooleanField(
        default=True, help_text="Reads everything, not only changes; only this finds what was removed."
    )
    trigger = models.CharField(max_length=10, choices=Trigger, default=Trigger.SCHEDULE)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="sync_runs"
    )
    started_by_name = kept_name()
    # The people to notify when it ends: whoever started it, and whoever asked for the same during the run.
    watchers = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="watched_runs")
    options = models.JSONField(default=dict, blank=True)

    # The progress. `cursor` holds what the kind needs to continue after its last committed page.
    cursor = models.JSONField(default=dict, blank=True)
    # Stored rows that the run has seen in Thinkific: compressed bitmaps of primary keys (runs/seen.py).
    seen = models.BinaryField(null=True, editable=False)
    pages_done = models.PositiveIntegerField(default=0)
    pages_total = models.PositiveIntegerField(null=True, blank=True)
    requests = models.PositiveIntegerField(default=0)
    fetched = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    errors = models.JSONField(default=list, blank=True, help_text='[{"object", "message"}], the first ones.')
    # Number of rows that the deletion guard did not mark as removed; an administrator may confirm them.
    guarded = models.PositiveIntegerField(default=0)

    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    busy_seconds = models.FloatField(
        default=0, help_text="Time spent working, without the time spent waiting for the queue."
    )
    # Number of starts. A worker that finds another number here has lost the run to another process.
    attempts = models.PositiveIntegerField(default=0)
    # Number of processes that died while they worked on it, since it last made progress.
    crashes = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=100, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)

    objects = SyncRunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "run"
        constraints = [
            models.UniqueConstraint(
                fields=["kind"], condition=Q(status__in=["queued", "running"]), name="one_active_run_per_kind"
            )
        ]
        indexes = [
            models.Index(fields=["kind", "-id"], name="sync_run_kind"),
            models.Index(
                fields=["impersonation"],
                name="sync_run_impersonation",
                condition=Q(impersonation__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk or ''}".strip()

    @property
    def starter_name(self) -> str:
        return self.with_impersonator(done_by(self, "started_by"))

    @property
    def source(self) -> str:
        """The reason in the history of what the run changes."""
        if self.kind == Kind.REPAIR:
            return "Thinkific, drift repaired"
        return f"Thinkific, run {self.pk}" if self.pk else "Thinkific, dry run"
