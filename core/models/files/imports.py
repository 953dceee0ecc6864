"""Imported CSV files and their lines."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.models.fields.history import kept_name
from core.models.fields.leased import Lease, Leased, LeasedQuerySet


class ImportBatch(Leased):
    """A CSV file: validated first, then applied exactly as it was validated."""

    class Kind(models.TextChoices):
        USERS = "users", "Users and teams"
        GROUP_MATCHING = "group-matching", "Group matching"

    class Status(models.TextChoices):
        UPLOADED = "uploaded"
        VALIDATED = "validated"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        PARTIAL = "partial"
        FAILED = "failed"
        CANCELLED = "cancelled"

    # Running from when a person started it, whether or not a worker has it already.
    lease = Lease(
        length=timedelta(minutes=2),
        longest_wait=timedelta(minutes=30),
        waiting=Status.RUNNING,
        claimed=Status.RUNNING,
    )
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.USERS)
    status = models.CharField(max_length=10, choices=Status, default=Status.UPLOADED)
    file_name = models.CharField(max_length=255)
    content = models.BinaryField(editable=False, null=True)
    mapping = models.JSONField(default=dict, blank=True)
    options = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="import_batches"
    )
    created_by_name = kept_name()
    rows_total = models.PositiveIntegerField(default=0)
    rows_valid = models.PositiveIntegerField(default=0)
    rows_created = models.PositiveIntegerField(default=0)
    rows_updated = models.PositiveIntegerField(default=0)
    rows_failed = models.PositiveIntegerField(default=0)
    # Nothing writes it: the lease says whether a worker lives. Code from before the lease still reads it.
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = LeasedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "import"

    def __str__(self) -> str:
        return self.file_name


class ImportRow(models.Model):
    class Status(models.TextChoices):
        VALID = "valid"
        INVALID = "invalid"
        APPLIED = "applied"
        FAILED = "failed"

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="rows", db_index=False)
    number = models.PositiveIntegerField(help_text="The line in the file; the header is line 1.")
    values = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=Status, default=Status.VALID)
    errors = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["batch", "number"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "number"], name="one_row_per_batch_and_number")
        ]

    def __str__(self) -> str:
        return f"Line {self.number}"
