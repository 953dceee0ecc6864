"""What was asked of Thinkific (runs), what it told us (events), and what all processes share about it."""

from datetime import timedelta

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.models.history import done_by, kept_name
from core.moments import older
from integrations.models.conflicts import SyncConflict as SyncConflict
from integrations.models.drift import Drift as Drift
from integrations.models.drift import DriftKind as DriftKind
from integrations.models.drift import DriftReport as DriftReport
from integrations.models.turns import WebTurn as WebTurn

KEPT_ERRORS = 200  # per run: enough to see what is wrong, small enough to show
# A running run writes progress every two seconds; silence this long means that its process is gone.
STALE_AFTER = timedelta(seconds=30)
LONGEST_INTERVAL = 20_160  # minutes; the queue keeps intervals in a small integer


class Kind(models.TextChoices):
    USERS = "users", "Users"
    PRODUCTS = "products", "Products"
    CONTENT = "content", "Course content"
    ENROLLMENTS = "enrollments", "Enrollments"
    GROUPS = "groups", "Groups"
    QUIZ_RESULTS = "quiz_results", "Quiz results"
    CERTIFICATES = "certificates", "Certificates"
    # These two bring nothing here: one compares both sides, one repairs what a person chose of its report.
    RECONCILIATION = "reconciliation", "Reconciliation"
    REPAIR = "repair", "Repair of drift"


PULLED = tuple(kind for kind in Kind if kind not in (Kind.RECONCILIATION, Kind.REPAIR))


class SyncRunQuerySet(models.QuerySet["SyncRun"]):
    def active(self) -> "SyncRunQuerySet":
        return self.filter(status__in=SyncRun.ACTIVE)

    def stale(self) -> "SyncRunQuerySet":
        """Running by their status, but their process has fallen silent."""
        silent = older("heartbeat_at", timezone.now(), than=STALE_AFTER)
        return self.filter(silent, status=SyncRun.Status.RUNNING)


class SyncRun(models.Model):
    """One pull of one kind, or a reconciliation: what was asked for, how far it is, what came of it."""

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
        default=True, help_text="Everything, not only what changed; finds what is gone."
    )
    trigger = models.CharField(max_length=10, choices=Trigger, default=Trigger.SCHEDULE)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="sync_runs"
    )
    started_by_name = kept_name()
    # Everybody to tell when it is over: who asked first, and who asked while it was under way.
    watchers = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="watched_runs")
    options = models.JSONField(default=dict, blank=True)

    # Where it is. `cursor` is whatever the kind needs to go on after its last committed page.
    cursor = models.JSONField(default=dict, blank=True)
    # Which stored rows the walk has met, as compressed bitmaps over their primary keys (runs/seen.py).
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
    # How many rows the deletion guard kept from being marked as removed; an administrator may confirm.
    guarded = models.PositiveIntegerField(default=0)

    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    busy_seconds = models.FloatField(
        default=0, help_text="Time spent working, waiting for the queue left out."
    )
    # Counts starts. A worker that finds another number here has lost the run to somebody else.
    attempts = models.PositiveIntegerField(default=0)
    # Counts the processes that died over it since it last got anywhere.
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
        indexes = [models.Index(fields=["kind", "-id"], name="sync_run_kind")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk or ''}".strip()

    @property
    def starter_name(self) -> str:
        return done_by(self, "started_by")


class SyncSchedule(models.Model):
    """How often one kind is pulled, or compared. `sync_schedules` writes these to the queue's schedules."""

    kind = models.CharField(
        max_length=20, choices=[choice for choice in Kind.choices if choice[0] != Kind.REPAIR]
    )
    full = models.BooleanField(
        default=True, help_text="Everything, not only what changed; finds what is gone."
    )
    every_minutes = models.PositiveIntegerField(
        "every (minutes)",
        validators=[
            MinValueValidator(1, "A schedule runs every minute at most: enter 1 or more."),
            MaxValueValidator(LONGEST_INTERVAL, "Enter at most 20160 minutes, which is two weeks."),
        ],
        help_text="15 = every quarter of an hour, 1440 = daily.",
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["id"]
        verbose_name = "schedule"
        constraints = [
            models.UniqueConstraint(fields=["kind", "full"], name="one_schedule_per_kind_and_extent"),
            models.CheckConstraint(
                condition=Q(every_minutes__gte=1), name="schedule_runs_at_most_every_minute"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({'full' if self.full else 'changes'})"


class InboundEvent(models.Model):
    """A webhook as it arrived: stored first, judged later."""

    class Status(models.TextChoices):
        RECEIVED = "received"
        PROCESSED = "processed"
        IGNORED = "ignored"
        FAILED = "failed"

    event_id = models.CharField(max_length=200)
    topic = models.CharField(max_length=100)
    payload = models.JSONField(default=dict)
    occurred_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(default=timezone.now)
    status = models.CharField(max_length=10, choices=Status, default=Status.RECEIVED)
    attempts = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(default=timezone.now)
    # Who works on it, and until when that counts: a killed worker's events are taken up again.
    claimed_by = models.CharField(max_length=40, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    outcome = models.TextField(blank=True)
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "webhook received"
        verbose_name_plural = "webhooks received"
        constraints = [models.UniqueConstraint(fields=["event_id"], name="one_inbound_event_per_event_id")]
        indexes = [
            models.Index(fields=["topic", "-received_at"], name="inbound_event_topic"),
            models.Index(fields=["id"], name="inbound_event_waiting", condition=Q(status="received")),
            models.Index(fields=["received_at"], name="inbound_event_received_at"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.event_id}"


class WebhookSubscription(models.Model):
    """A subscription at Thinkific that this dashboard made: how it tells its own from those of others."""

    subscription_id = models.CharField(max_length=100)
    topic = models.CharField(max_length=100)
    target_url = models.CharField(max_length=2000)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["topic"]
        constraints = [
            models.UniqueConstraint(fields=["subscription_id"], name="one_row_per_webhook_subscription")
        ]

    def __str__(self) -> str:
        return f"{self.topic} to {self.target_url}"


class RequestBudget(models.Model):
    """What all processes have used of Thinkific's request limits; see thinkific/budget/shared.py."""

    site = models.CharField(max_length=200)
    state = models.JSONField(default=dict)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site"], name="one_budget_per_site")]

    def __str__(self) -> str:
        return self.site


class ConnectionState(models.Model):
    """The last thing that Thinkific said about our credentials, per surface (rest, graphql, webhooks)."""

    surface = models.CharField(max_length=20)
    ok = models.BooleanField(default=True)
    answered = models.BooleanField(
        default=True, db_default=True, help_text="Else nothing is known of the credentials."
    )
    detail = models.TextField(blank=True)
    checked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["surface"], name="one_state_per_surface")]

    def __str__(self) -> str:
        return self.surface


class WorkerHeartbeat(models.Model):
    """The last sign of life of a worker process: written by the tasks it runs."""

    host = models.CharField(max_length=100)
    group = models.BigIntegerField(help_text="The process group of its cluster.")
    process = models.BigIntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    beat_at = models.DateTimeField(default=timezone.now)
    probed_at = models.DateTimeField(
        null=True, blank=True, help_text="When it last carried out a probe of its supervisor."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["host", "process"], name="one_heartbeat_per_process")]
        indexes = [models.Index(fields=["beat_at"], name="worker_heartbeat_beat_at")]

    def __str__(self) -> str:
        return f"{self.host}:{self.process}"
