"""Exported files that the worker makes: asking for one, its pieces, and how it goes."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from core import acting
from core.errors import Refusal
from core.exports import sight
from core.models import ExportFile, ExportPiece, SiteSettings, User

PIECE = 1024 * 1024  # bytes
MOST_WAITING = 5  # of one person
LONGEST_TASK = 6 * 3600  # seconds; a worker that hangs is found by its lease
OWN_NAME = "Files that are made in the background belong to the person who asks for them."
OWN_FILES = "A file is downloaded only by the person who asked for it."
Status = ExportFile.Status


@transaction.atomic
def order(
    *,
    by: User,
    kind: str,
    title: str,
    file_format: str,
    parameters: dict[str, Any],
    rows: int = 0,
    person: User | None = None,
) -> ExportFile:
    """Let the worker make a file, of which the person is told by a notice. Raises Refusal."""
    acting.refuse(OWN_NAME)
    waiting = ExportFile.objects.filter(created_by=by, status__in=ExportFile.ACTIVE)
    if waiting.count() >= MOST_WAITING:
        raise Refusal(
            f"{MOST_WAITING} exports of yours are being made. Wait for one of them, or cancel one under "
            "Exports."
        )
    file = ExportFile.objects.create(
        kind=kind,
        title=title[:300],
        file_format=file_format,
        parameters=parameters,
        created_by=by,
        rows_total=rows,
        person=person,
    )
    wake()
    return file


def wake() -> None:
    """Queue the task that makes files, after the current transaction commits."""
    options = {"timeout": LONGEST_TASK, "save": False}
    transaction.on_commit(lambda: async_task(settings.EXPORTS_TASK, q_options=options))


def cancel(file: ExportFile) -> bool:
    """Stop a file from being made. Returns False when it is no longer being made."""
    rows = ExportFile.objects.filter(pk=file.pk, status__in=ExportFile.ACTIVE)
    stopped = rows.update(
        status=Status.CANCELLED, finished_at=timezone.now(), claimed_by="", claimed_until=None
    )
    if stopped:
        _empty(ExportFile.objects.filter(pk=file.pk))
    return bool(stopped)


def delete(file: ExportFile) -> bool:
    """Delete a file. Its row stays. Returns False when there is no file any more."""
    return bool(_end(ExportFile.objects.filter(pk=file.pk), Status.DELETED))


def expire() -> int:
    """Delete the files whose time is over, and those that nobody can download. Returns how many."""
    over = Q(expires_at__lte=timezone.now()) | Q(created_by__isnull=True)
    count = _end(ExportFile.objects.filter(over), Status.EXPIRED)
    # What a worker wrote that had lost its claim, or that was killed.
    _empty(ExportFile.objects.exclude(status__in=[*ExportFile.ACTIVE, Status.SUCCEEDED]))
    return count


def _end(files: QuerySet[ExportFile], status: str) -> int:
    keys = list(files.filter(status=Status.SUCCEEDED).values_list("pk", flat=True))
    ended = ExportFile.objects.filter(pk__in=keys, status=Status.SUCCEEDED).update(status=status)
    _empty(ExportFile.objects.filter(pk__in=keys))
    return ended


def _empty(files: QuerySet[ExportFile]) -> None:
    """Delete the pieces of files, one after the other: many at once would be large for a transaction."""
    pieces = ExportPiece.objects.filter(file__in=files.order_by().values("pk"))
    for key in pieces.values_list("pk", flat=True).order_by("pk"):
        ExportPiece.objects.filter(pk=key).delete()


def expiry() -> Any:
    return timezone.now() + timedelta(days=SiteSettings.load().export_file_days)


def why_not(file: ExportFile, viewer: User) -> str:
    """Returns why the viewer cannot download a file; empty if they can."""
    if file.created_by_id != viewer.pk:
        return OWN_FILES
    if why := acting.obstacle(OWN_FILES):
        return why
    if file.status != Status.SUCCEEDED:
        return NOT_THERE[file.status]
    if file.expires_at is not None and file.expires_at <= timezone.now():
        return NOT_THERE[Status.EXPIRED]
    if not viewer.has_perm("core.export_reports") or not sight.covers(sight.of(viewer), file.sight):
        return sight.CHANGED
    return ""


NOT_THERE: dict[str, str] = {
    Status.PENDING: "The file is not ready yet. You get a notice when it is.",
    Status.RUNNING: "The file is not ready yet. You get a notice when it is.",
    Status.FAILED: "The file could not be made. Export the list again.",
    Status.CANCELLED: "The export was cancelled. Export the list again.",
    Status.DELETED: "The file was deleted. Export the list again.",
    Status.EXPIRED: "The file has expired and was deleted. Export the list again.",
}


def contents(file: ExportFile) -> Iterator[bytes]:
    """Yields the bytes of a file, piece by piece."""
    pieces = ExportPiece.objects.filter(file=file, attempt=file.made_in)
    number = 0
    while (piece := pieces.filter(number=number).first()) is not None:
        yield bytes(piece.content)
        number += 1
