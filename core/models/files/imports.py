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
        UNDONE = "undone"

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
    # Nothing writes it: the file is in `parts`. Code from before them still reads it.
    content = models.BinaryField(editable=False, null=True)
    digest = models.CharField(max_length=64, default="", db_default="", editable=False)  # of the file
    headers = models.JSONField(default=list, db_default=[], blank=True)
    mapping = models.JSONField(default=dict, blank=True, help_text="Column (from 0) -> field.")
    options = models.JSONField(default=dict, blank=True)
    corrections = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="Line -> column -> the cell as it was corrected."
    )
    report = models.JSONField(default=dict, db_default={}, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="import_batches"
    )
    created_by_name = kept_name()
    rows_total = models.PositiveIntegerField(default=0)
    rows_valid = models.PositiveIntegerField(default=0)
    rows_done = models.PositiveIntegerField(default=0, db_default=0)
    rows_created = models.PositiveIntegerField(default=0)
    rows_updated = models.PositiveIntegerField(default=0)
    rows_joined = models.PositiveIntegerField(default=0, db_default=0)
    rows_invited = models.PositiveIntegerField(default=0, db_default=0)
    rows_unchanged = models.PositiveIntegerField(default=0, db_default=0)
    rows_failed = models.PositiveIntegerField(default=0)
    # Why the whole import failed, and what undoing it had to leave.
    remark = models.TextField(default="", db_default="", blank=True)
    undoing = models.BooleanField(default=False, db_default=False, editable=False)
    # Nothing writes it: the lease says whether a worker lives. Code from before the lease still reads it.
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    validated_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = LeasedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "import"

    def __str__(self) -> str:
        return self.file_name


class ImportFilePart(models.Model):
    """A piece of an uploaded file. In pieces, so that nothing ever holds the whole file in memory."""

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="parts", db_index=False)
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        ordering = ["batch", "number"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "number"], name="one_part_per_batch_and_number")
        ]

    def __str__(self) -> str:
        return f"Part {self.number}"


class ImportRow(models.Model):
    """What became of a line. Written in the transaction that carries the line out."""

    class Status(models.TextChoices):
        CREATED = "created"
        UPDATED = "updated"
        JOINED = "joined"
        INVITED = "invited"
        UNCHANGED = "unchanged"
        FAILED = "failed"

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="rows", db_index=False)
    number = models.PositiveIntegerField(help_text="The line in the file; the header is line 1.")
    values = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=Status, default=Status.CREATED)
    errors = models.JSONField(default=list, blank=True)
    # What the line did, by primary keys: for undoing it, and to find the person.
    done = models.JSONField(default=dict, db_default={}, blank=True, editable=False)

    class Meta:
        ordering = ["batch", "number"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "number"], name="one_row_per_batch_and_number")
        ]

    def __str__(self) -> str:
        return f"Line {self.number}"


class ImportMapping(models.Model):
    """How a person mapped the columns of files with these headers, for their next one."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    kind = models.CharField(max_length=20, choices=ImportBatch.Kind)
    headers = models.CharField(max_length=64, help_text="A digest of the headers, in their order.")
    mapping = models.JSONField(default=dict)
    used_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "kind", "headers"], name="one_mapping_per_user_kind_and_headers"
            )
        ]

    def __str__(self) -> str:
        return f"Columns of {self.user}"
