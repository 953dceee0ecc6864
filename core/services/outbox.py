"""What Thinkific must still be told: marking it, and a person's say over what failed.

An entry says *what* is stale, never what to send: the push reads the object as it is then. So ten edits cost
one request, and a push that runs twice does no harm.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Model
from django.utils import timezone
from django_q.tasks import async_task

from core.models import Enrollment, GroupMembership, OutboxEntry, User
from core.services import directions

LastSeen = Mapping[int, Mapping[str, Any]]  # primary key -> field -> the value that Thinkific still has


def mark_stale(
    objects: Iterable[Model],
    *,
    reason: str,
    last_seen: LastSeen | None = None,
    requested_by: User | None = None,
) -> int:
    """Record that Thinkific's copies of these objects are out of date, and wake the drain.

    Call it inside the transaction that made the change: either both commit or neither does. `last_seen` names
    per object the changed fields with the values that Thinkific had before, for telling later whether it
    changed them too. Answers how many objects are Thinkific's business at all.
    """
    stale = [instance for instance in objects if directions.pushes(instance)]
    if not stale:
        return 0
    idle = not OutboxEntry.objects.due().exists()
    by_entity: dict[str, list[Model]] = {}
    for instance in stale:
        by_entity.setdefault(instance._meta.model_name or "", []).append(instance)
    for entity, instances in by_entity.items():
        _note(entity, instances, reason, last_seen or {}, requested_by)
    if idle:  # otherwise a drain is on its way
        wake_drain()
    return len(stale)


def wake_drain() -> None:
    """Send a worker to the outbox, once the transaction is committed. A lost wake-up costs a minute."""
    transaction.on_commit(partial(async_task, settings.OUTBOX_DRAIN_TASK))


def _note(
    entity: str, instances: list[Model], reason: str, last_seen: LastSeen, requested_by: User | None
) -> None:
    """One pending entry per object: a waiting or failed one takes the new change in."""
    waiting = OutboxEntry.objects.select_for_update().filter(
        entity=entity,
        object_id__in=[instance.pk for instance in instances],
        status__in=[OutboxEntry.Status.PENDING, OutboxEntry.Status.FAILED],
    )
    known = {entry.object_id: entry for entry in waiting.order_by("id")}
    for instance in instances:
        entry = known.get(instance.pk)
        if entry is not None:
            entry.last_seen = _plain(last_seen.get(instance.pk, {})) | entry.last_seen
            if entry.status == OutboxEntry.Status.FAILED:
                entry.status, entry.error, entry.attempts = OutboxEntry.Status.PENDING, "", 0
            entry.reason, entry.not_before = reason, timezone.now()
    OutboxEntry.objects.bulk_update(
        known.values(), ["last_seen", "status", "error", "attempts", "reason", "not_before"]
    )
    OutboxEntry.objects.bulk_create(
        [
            OutboxEntry(
                entity=entity,
                object_id=instance.pk,
                person_id=_person(instance),
                reason=reason,
                last_seen=_plain(last_seen.get(instance.pk, {})),
                requested_by=requested_by,
            )
            for instance in instances
            if instance.pk not in known
        ],
        ignore_conflicts=True,  # somebody marked it at this very moment: the drain will see this change too
    )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they will come back from the JSON column."""
    encode = DjangoJSONEncoder().default
    return {
        name: value if value is None or isinstance(value, str | int | float | bool) else encode(value)
        for name, value in values.items()
    }


def _person(instance: Model) -> int | None:
    """Whose change it is: one person's entries are pushed in order."""
    if isinstance(instance, User):
        return instance.pk
    if isinstance(instance, Enrollment | GroupMembership):
        return instance.user_id
    return None


@transaction.atomic
def retry(entries: Iterable[OutboxEntry]) -> int:
    """Try failed entries again, now. Where a newer change of the object waits already, that one serves."""
    count = 0
    for entry in entries:
        pending = OutboxEntry.objects.filter(
            entity=entry.entity, object_id=entry.object_id, status=OutboxEntry.Status.PENDING
        ).exists()
        status = OutboxEntry.Status.DISCARDED if pending else OutboxEntry.Status.PENDING
        failed = OutboxEntry.objects.filter(pk=entry.pk, status=OutboxEntry.Status.FAILED)
        count += failed.update(status=status, attempts=0, not_before=timezone.now(), error="")
    if count:
        wake_drain()
    return count


@transaction.atomic
def discard(entries: Iterable[OutboxEntry]) -> int:
    """Give waiting or failed changes up: Thinkific keeps what it has, and the next pull brings that here."""
    count = 0
    for entry in entries:
        mine = OutboxEntry.objects.filter(
            pk=entry.pk, status__in=[OutboxEntry.Status.PENDING, OutboxEntry.Status.FAILED]
        )
        if mine.update(status=OutboxEntry.Status.DISCARDED, finished_at=timezone.now()):
            forget(entry)
            count += 1
    return count


def forget(entry: OutboxEntry) -> None:
    """Make the next pull compare the object in full, and its state no longer say that something waits."""
    if entry.entity == "user":
        User.objects.filter(pk=entry.object_id).update(remote_digest=None)
    elif entry.entity == "enrollment":
        rows = Enrollment.objects.filter(pk=entry.object_id)
        rows.update(remote_digest=None, push_state=Enrollment.PushState.CLEAN)
    elif entry.entity == "groupmembership":
        members = GroupMembership.objects.filter(pk=entry.object_id)
        members.update(push_state=GroupMembership.PushState.CLEAN)
