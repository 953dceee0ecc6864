"""How an import ends, and who is told."""

from collections.abc import Sequence

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from core.models import ImportBatch, Notice, User
from core.services.leases import Claim
from core.services.site import notices
from core.wording import plural

Status = ImportBatch.Status


def finish(batch: ImportBatch, claim: Claim[ImportBatch], *, why: str = "", stays: Sequence[str] = ()) -> str:
    """End an import and tell whoever started it."""
    with transaction.atomic():
        batch.refresh_from_db()
        remark = why or "\n".join(stays)
        status = status_of(batch, why)
        ended = claim.finish(
            [batch.pk], status=status, remark=remark, undoing=False, finished_at=timezone.now()
        )
        if not ended:
            return "lost"
        was_undone = batch.undoing
        batch.refresh_from_db()
        starter = batch.options.get("undone_by") if was_undone else batch.created_by_id
        good = status in {Status.SUCCEEDED, Status.UNDONE} and not remark
        level = Notice.Level.SUCCESS if good else Notice.Level.WARNING
        readers = User.objects.filter(pk=starter)
        notices.tell(
            readers,
            summary(batch),
            level=Notice.Level.ERROR if status == Status.FAILED else level,
            url=page_of(batch),
        )
    return status


def status_of(batch: ImportBatch, why: str) -> str:
    if batch.undoing:
        return Status.FAILED if why else Status.UNDONE
    worked = batch.rows_done - batch.rows_failed
    if why:
        return Status.PARTIAL if worked else Status.FAILED
    if batch.rows_failed == 0:
        return Status.SUCCEEDED
    return Status.PARTIAL if worked else Status.FAILED


def summary(batch: ImportBatch) -> str:
    """Returns how an import ended, in a sentence or two."""
    if batch.status == Status.UNDONE:
        kept = batch.remark.splitlines()
        stays = (
            f" {plural(len(kept), 'thing stays', 'things stay')}: the import's page says which."
            if kept
            else ""
        )
        return f"The import of {batch} is undone.{stays}"
    counted = [
        (batch.rows_created, "created"),
        (batch.rows_updated, "updated"),
        (batch.rows_joined, "added"),
        (batch.rows_invited, "invited"),
        (batch.rows_unchanged, "unchanged"),
        (batch.rows_failed, "failed"),
    ]
    said = ", ".join(f"{count:,} {what}" for count, what in counted if count) or "nothing was done"
    how = {Status.CANCELLED: "was cancelled", Status.FAILED: "failed"}.get(Status(batch.status), "has ended")
    remark = f" {batch.remark}" if batch.remark else ""
    return f"The import of {batch} {how}: {said}.{remark}"


def page_of(batch: ImportBatch) -> str:
    """Returns the path of the import's page."""
    return reverse("admin:core_importbatch_change", args=[batch.pk])
