"""How a push ended, on its entry and on the object that it was about."""

from datetime import datetime

from django.db import transaction

from core.models import Enrollment, GroupMembership, OutboxEntry

Status = OutboxEntry.Status


@transaction.atomic
def finish(entry: OutboxEntry, *, now: datetime) -> bool:
    """Thinkific has it. Answers False when the entry was no longer in flight by this process."""
    mine = OutboxEntry.objects.filter(pk=entry.pk, status=Status.IN_FLIGHT, claimed_by=entry.claimed_by)
    if not mine.update(status=Status.DONE, finished_at=now, error="", uncertain=False):
        return False
    newer = OutboxEntry.objects.filter(
        entity=entry.entity, object_id=entry.object_id, status__in=[Status.PENDING, Status.IN_FLIGHT]
    )
    if not newer.exists():
        _set_state(entry, "clean")
    return True


@transaction.atomic
def fail(entry: OutboxEntry, words: str, *, now: datetime) -> None:
    """Thinkific said no: a person must look. A newer change of the same object goes on by itself."""
    mine = OutboxEntry.objects.filter(pk=entry.pk, status=Status.IN_FLIGHT, claimed_by=entry.claimed_by)
    newer = OutboxEntry.objects.filter(entity=entry.entity, object_id=entry.object_id, status=Status.PENDING)
    if newer.exists():
        mine.update(status=Status.DISCARDED, finished_at=now, error=words)
    elif mine.update(status=Status.FAILED, finished_at=now, error=words):
        _set_state(entry, "failed")


def _set_state(entry: OutboxEntry, state: str) -> None:
    if entry.entity == "enrollment":
        Enrollment.objects.filter(pk=entry.object_id).update(push_state=state)
    elif entry.entity == "groupmembership":
        GroupMembership.objects.filter(pk=entry.object_id).update(push_state=state)
