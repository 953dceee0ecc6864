"""What another dashboard exported, and what became of each of its rows here (docs/migration.md)."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.models.fields.history import kept_name
from core.models.fields.leased import Lease, Leased, LeasedQuerySet

REF_LENGTH = 100  # characters of another dashboard's id


class Migration(Leased):
    """An uploaded export. It is checked first; then it can be applied, and undone."""

    class Status(models.TextChoices):
        RUNNING = "running"  # from when a person started a step, whether or not a worker has it already
        CHECKED = "checked"
        STOPPED = "stopped"
        APPLIED = "applied"
        UNDONE = "undone"
        FAILED = "failed"

    class Step(models.TextChoices):
        CHECK = "check", "Checking the file"
        APPLY = "apply", "Applying"
        PREVIEW = "preview", "Looking what can be undone"
        UNDO = "undo", "Undoing"

    lease = Lease(
        length=timedelta(minutes=2),
        longest_wait=timedelta(minutes=30),
        waiting=Status.RUNNING,
        claimed=Status.RUNNING,
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.RUNNING)
    step = models.CharField(max_length=10, choices=Step, default=Step.CHECK)
    file_name = models.CharField(max_length=255)
    format = models.CharField(max_length=10, default="", help_text="CSV or JSON.")
    # Which dashboard wrote it: ids are compared with those of earlier files from the same one.
    source = models.CharField(max_length=255, default="", blank=True)
    remark = models.TextField(default="", blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="migrations"
    )
    created_by_name = kept_name()
    # Who started the present step, and is told when it ends.
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    started_by_name = kept_name()
    rows_total = models.PositiveIntegerField(default=0)
    rows_done = models.PositiveIntegerField(default=0, help_text="Of the present step.")
    created_at = models.DateTimeField(default=timezone.now)
    # When all rows of the file were stored; then they are compared with what is here.
    staged_at = models.DateTimeField(null=True, blank=True, editable=False)
    applied_at = models.DateTimeField(null=True, blank=True)
    previewed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = LeasedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.file_name


class MigrationPart(models.Model):
    """A piece of the uploaded file. In pieces, so that nothing ever holds the whole file in memory."""

    migration = models.ForeignKey(Migration, on_delete=models.CASCADE, related_name="parts", db_index=False)
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        ordering = ["migration", "number"]
        constraints = [
            models.UniqueConstraint(fields=["migration", "number"], name="one_part_per_migration_and_number")
        ]

    def __str__(self) -> str:
        return f"Part {self.number}"


class MigrationCount(models.Model):
    """How many rows of one kind there are, and what became of them."""

    migration = models.ForeignKey(Migration, on_delete=models.CASCADE, related_name="counts", db_index=False)
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=20)
    total = models.PositiveIntegerField(default=0)
    new = models.PositiveIntegerField(default=0)
    same = models.PositiveIntegerField(default=0)
    differs = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    made = models.PositiveIntegerField(default=0)
    goes = models.PositiveIntegerField(default=0)
    stays = models.PositiveIntegerField(default=0)
    undone = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["migration", "position"]
        constraints = [
            models.UniqueConstraint(fields=["migration", "position"], name="one_count_per_migration_and_kind")
        ]

    def __str__(self) -> str:
        return self.kind


class MigrationRow(models.Model):
    """A row of the file. With `object_id` it is the map from the other dashboard's ids to ours."""

    class Verdict(models.TextChoices):
        UNREAD = "", "Not checked yet"
        NEW = "new"
        SAME = "same"
        DIFFERS = "differs"
        REFUSED = "refused"

    class Outcome(models.TextChoices):
        NONE = "", "Not applied"
        MADE = "made"
        FOUND = "found", "Was here already"
        REFUSED = "refused"
        UNDONE = "undone"
        KEPT = "kept", "Stays: used or changed since"

    migration = models.ForeignKey(Migration, on_delete=models.CASCADE, related_name="rows", db_index=False)
    kind = models.CharField(max_length=20)
    number = models.PositiveIntegerField(help_text="Its place in the whole export.")
    line = models.PositiveIntegerField(help_text="The line of its file, or its place in the JSON list.")
    ref = models.CharField(max_length=REF_LENGTH, blank=True, help_text="The other dashboard's id.")
    # A digest of what identifies it without an id, and how many rows before it have the same.
    key = models.CharField(max_length=40, blank=True)
    nth = models.PositiveIntegerField(default=0)
    values = models.JSONField(default=dict)
    verdict = models.CharField(max_length=10, choices=Verdict, default=Verdict.UNREAD, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.NONE, blank=True)
    message = models.TextField(default="", blank=True)
    object_id = models.BigIntegerField(null=True, blank=True)
    done = models.JSONField(default=dict, blank=True, help_text="What was changed beside making it.")
    goes = models.BooleanField(null=True, help_text="Whether undoing would take it back, as last previewed.")

    class Meta:
        ordering = ["migration", "number"]
        constraints = [
            models.UniqueConstraint(fields=["migration", "number"], name="one_row_per_migration_and_number")
        ]
        indexes = [
            models.Index(fields=["migration", "kind", "ref"], name="migration_row_ref"),
            models.Index(fields=["migration", "kind", "key"], name="migration_row_key"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}, line {self.line}"
