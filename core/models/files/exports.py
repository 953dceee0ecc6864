"""Exported files that the worker makes. They are stored in the database, in pieces: several machines need no
disk that they share, and no piece is too large for memory."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Case, Value, When
from django.utils import timezone

from core.models.fields.history import kept_name
from core.models.fields.leased import Lease, Leased, LeasedQuerySet
from core.models.people import User

PERSON = "person"  # the kind of a file with all that is held about one person


class ExportFileQuerySet(LeasedQuerySet["ExportFile"]):
    def visible_to(self, viewer: User) -> "ExportFileQuerySet":
        """Administrators who may read the record of impersonations see all files, others their own. Only
        their own can be downloaded."""
        sees_all = viewer.sees_everything and viewer.has_perm("core.view_impersonationsession")
        return self if sees_all else self.filter(created_by=viewer)

    def with_own(self, viewer: User) -> "ExportFileQuerySet":
        """Annotate `is_own`: whether the viewer asked for the file."""
        own = When(created_by=viewer, then=Value(True))
        return self.annotate(is_own=Case(own, default=Value(False)))


class ExportFile(Leased):
    """A file that somebody asked for: waiting, being made, ready, or gone. The row stays for some time when
    the file is gone."""

    class Status(models.TextChoices):
        PENDING = "pending", "Waiting"
        RUNNING = "running", "Being made"
        SUCCEEDED = "succeeded", "Ready"
        FAILED = "failed"
        CANCELLED = "cancelled"
        DELETED = "deleted"
        EXPIRED = "expired"

    ACTIVE = (Status.PENDING, Status.RUNNING)

    lease = Lease(
        length=timedelta(minutes=3),
        longest_wait=timedelta(minutes=30),
        waiting=Status.PENDING,
        claimed=Status.RUNNING,
    )
    kind = models.CharField("list", max_length=100)
    title = models.CharField(max_length=300)
    file_format = models.CharField("format", max_length=10)
    # What the file has: the list's address, the columns, the chosen rows.
    parameters = models.JSONField(default=dict, editable=False)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="exports_about",
        help_text="Whom the file is about, if it has all that is held about a person. It goes with them.",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="export_files"
    )
    created_by_name = kept_name()
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    rows_total = models.PositiveIntegerField("rows", default=0)
    rows_done = models.PositiveIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)
    made_in = models.PositiveIntegerField(default=0, editable=False)  # the attempt whose pieces count
    sight = models.JSONField(default=dict, editable=False)  # what the person could see when it was made
    outcome = models.TextField(blank=True, default="")  # why there is no file
    created_at = models.DateTimeField("asked for", default=timezone.now)
    finished_at = models.DateTimeField("finished", null=True, blank=True)
    expires_at = models.DateTimeField("file expires", null=True, blank=True)
    downloaded_at = models.DateTimeField("last download", null=True, blank=True)

    objects = ExportFileQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "export"
        indexes = [models.Index(fields=["status", "not_before"], name="export_file_due")]

    def __str__(self) -> str:
        return self.title


class ExportPiece(models.Model):
    """A piece of a file. A worker that lost its claim may still write some: those have another attempt."""

    file = models.ForeignKey(ExportFile, on_delete=models.CASCADE, related_name="pieces", db_index=False)
    attempt = models.PositiveIntegerField()
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["file", "attempt", "number"], name="one_piece_of_a_file")
        ]

    def __str__(self) -> str:
        return f"Piece {self.number} of {self.file_id}"
