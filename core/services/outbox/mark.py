"""Writing outbox entries, and retrying or discarding failed ones.

An entry says *which* object is out of date in Thinkific, never what to send: the push reads the object when
it sends it. So ten edits cost one request, and a push that runs twice does no harm.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Model, QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from core.models import Enrollment, GroupMembership, OutboxEntry, User
from core.models.fields.push_state import PushState
from core.services import directions
from core.services.storage import bulk
from core.services.storage.last_seen import plain

LastSeen = Mapping[int, Mapping[str, Any]]  # primary key -> field -> the value that Thinkific still has

MANY = 20  # so many objects at once get a lower priority: nobody waits for each of them on a screen
AT_ONCE = 1000
KEPT_VALUES = 20  # sent values kept per field: of attempts with an unknown outcome and edits between them
Status = OutboxEntry.Status
WAITING = (Status.PENDING, Status.IN_FLIGHT)
# The objects that say themselves how they stand with Thinkific.
STATES: dict[str, type[Enrollment] | type[GroupMembership]] = {
    "enrollment": Enrollment,
    "groupmembership": GroupMembership,
}


def mark_stale(
    objects: Iterable[Model],
    *,
    reason: str,
    last_seen: LastSeen | None = None,
    requested_by: User | None = None,
) -> int:
    """Record that Thinkific's copies of these objects are out of date, and wake the drain.

    Call it after the change and in the same transaction: either both commit or neither does. `last_seen`
    gives for each object the changed fields with the values that Thinkific had before, to find out later
    whether Thinkific changed them too. Returns how many of the objects are sent to Thinkific.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("mark_stale() belongs into the transaction of the change.")
    stale = directions.pushed(objects)
    if not stale:
        return 0
    values = {"reason": reason, "requested_by": requested_by, "priority": 0 if len(stale) < MANY else -1}
    by_entity: dict[str, list[Model]] = {}
    for instance in stale:
        by_entity.setdefault(instance._meta.model_name or "", []).append(instance)
    for entity, instances in by_entity.items():
        for start in range(0, len(instances), AT_ONCE):
            _note(entity, instances[start : start + AT_ONCE], last_seen or {}, values)
    wake_drain()
    return len(stale)


def mark_new_users(keys: Sequence[int], *, reason: str, requested_by: User | None = None) -> None:
    """`mark_stale` for users (primary keys) whom this transaction has made: nothing waits for them yet, so
    nothing is looked up."""
    if not keys:
        return
    priority = 0 if len(keys) < MANY else -1
    bulk.insert(
        OutboxEntry,
        ["entity", "object_id", "person_id", "reason", "priority", "requested_by_id"],
        [("user", key, key, reason, priority, requested_by and requested_by.pk) for key in keys],
    )
    wake_drain()


def mark_gone(*, entity: str, object_id: int, thinkific_id: int, reason: str, by: User | None = None) -> None:
    """Record that an object was deleted here and must be deleted in Thinkific too. Call it in the transaction
    of the deletion."""
    OutboxEntry.objects.filter(entity=entity, object_id=object_id, status__in=OutboxEntry.UNSENT).update(
        status=Status.DISCARDED, finished_at=timezone.now(), sent={}
    )
    OutboxEntry.objects.create(
        entity=entity, object_id=object_id, thinkific_id=thinkific_id, reason=reason, requested_by=by
    )
    wake_drain()


def forget_sent_values(entity: str, object_id: int) -> None:
    """Forget Thinkific's values from before our sent changes of an object. If a pull brings such a value from
    now on, it is stored, and not ignored as older than our change."""
    OutboxEntry.objects.filter(entity=entity, object_id=object_id, status=Status.DONE).update(
        last_seen={}, sent={}
    )


def wake_drain() -> None:
    """Queue a drain of the outbox after the commit, once per transaction. If the task is lost, the schedule
    drains within a minute.

    It is queued even when a drain is running: that one may have read the outbox before this commit.
    """
    if not any(_wake in waiting for waiting in connection.run_on_commit):
        transaction.on_commit(_wake)


def _wake() -> None:
    async_task(settings.OUTBOX_DRAIN_TASK, save=False)


def _note(entity: str, instances: list[Model], last_seen: LastSeen, values: dict[str, Any]) -> None:
    """Make one pending entry per object. An entry that is pending or failed takes the new change over."""
    known = _lock(entity, instances)
    for pk, entry in known.items():
        entry.last_seen = _plain(last_seen.get(pk, {})) | entry.last_seen
        if entry.status == Status.FAILED:
            entry.status, entry.error, entry.finished_at = Status.PENDING, "", None
            entry.attempts = entry.crashes = 0
        entry.reason, entry.not_before = values["reason"], timezone.now()
        entry.priority = max(entry.priority, values["priority"])
    OutboxEntry.objects.bulk_update(
        known.values(),
        [
            "last_seen",
            "status",
            "error",
            "attempts",
            "crashes",
            "finished_at",
            "reason",
            "not_before",
            "priority",
        ],
    )
    new = [instance for instance in instances if instance.pk not in known]
    if not new:
        return
    OutboxEntry.objects.bulk_create(
        [
            OutboxEntry(
                entity=entity,
                object_id=instance.pk,
                person_id=_person(instance),
                last_seen=_plain(last_seen.get(instance.pk, {})),
                **values,
            )
            for instance in new
        ],
        ignore_conflicts=True,
    )
    # Where another transaction made the entry at the same moment, ours was ignored. The other entry must not
    # be sent before this change is committed: lock it, or, if it was taken already, make a new one.
    there = _lock(entity, new)
    for pk, entry in there.items():
        merged = _plain(last_seen.get(pk, {})) | entry.last_seen
        if merged != entry.last_seen:
            entry.last_seen = merged
            entry.save(update_fields=["last_seen"])
    if sent := [instance for instance in new if instance.pk not in there]:
        _note(entity, sent, last_seen, values)


def _lock(entity: str, instances: list[Model]) -> dict[int, OutboxEntry]:
    """Returns the entries that can take a change over, by object. They are locked until the transaction ends,
    so the drain skips them."""
    entries = OutboxEntry.objects.select_for_update().filter(
        entity=entity,
        object_id__in=[instance.pk for instance in instances],
        status__in=[Status.PENDING, Status.FAILED],
    )
    # Prefer a pending entry to a failed one: there must not be two pending entries.
    ordered = sorted(entries, key=lambda entry: (entry.status == Status.PENDING, entry.pk))
    return {entry.object_id: entry for entry in ordered}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in values.items()}


def _person(instance: Model) -> int | None:
    """Returns the user (primary key) that the change is about: one user's entries are pushed in order."""
    if isinstance(instance, User):
        return instance.pk
    if isinstance(instance, Enrollment | GroupMembership):
        return instance.user_id
    return None


@transaction.atomic
def retry(entries: Iterable[OutboxEntry]) -> int:
    """Make failed entries pending again, due now. An entry is discarded instead when a newer one for the same
    object is pending. Returns how many were failed."""
    count, now = 0, timezone.now()
    for entry in OutboxEntry.objects.select_for_update().filter(
        pk__in=[entry.pk for entry in entries], status=Status.FAILED
    ):
        waiting = OutboxEntry.objects.select_for_update().filter(
            entity=entry.entity, object_id=entry.object_id, status=Status.PENDING
        )
        if (newer := waiting.first()) is not None:
            transfer_values(entry, newer)
        entry.status = Status.DISCARDED if newer is not None else Status.PENDING
        entry.finished_at = now if entry.status == Status.DISCARDED else None
        entry.attempts, entry.crashes, entry.not_before, entry.error = 0, 0, now, ""
        entry.save(update_fields=["status", "attempts", "crashes", "not_before", "error", "finished_at"])
        set_state(newer or entry, PushState.PENDING)
        count += 1
    if count:
        wake_drain()
    return count


@transaction.atomic
def discard(entries: Iterable[OutboxEntry]) -> int:
    """Discard pending or failed entries: Thinkific keeps its values, and the next pull stores them here.
    Returns how many were discarded."""
    count = 0
    for entry in entries:
        mine = OutboxEntry.objects.filter(pk=entry.pk, status__in=[Status.PENDING, Status.FAILED])
        if mine.update(status=Status.DISCARDED, finished_at=timezone.now(), sent={}):
            _forget(entry)
            count += 1
    return count


def _forget(entry: OutboxEntry) -> None:
    """Make the next pull compare the object in full, and its state no longer say that something waits."""
    if entry.entity == "user":
        User.objects.filter(pk=entry.object_id).update(remote_digest=None)
    elif entry.entity == "enrollment":
        Enrollment.objects.filter(pk=entry.object_id).update(remote_digest=None)
    set_state(entry, PushState.CLEAN)


def set_state(entry: OutboxEntry, state: PushState) -> None:
    """Write on the object how it stands with Thinkific, unless a newer change of it waits. Call it in a
    transaction."""
    model = STATES.get(entry.entity)
    if model is None:
        return
    # Locked before looking, so that a change committed in between is seen.
    row = model.objects.select_for_update().filter(pk=entry.object_id)
    if list(row.values_list("push_state")) and not others(entry).filter(status__in=WAITING).exists():
        model.objects.filter(pk=entry.object_id).update(push_state=state)


def others(entry: OutboxEntry) -> QuerySet[OutboxEntry]:
    """The other entries of the same object."""
    return OutboxEntry.objects.filter(entity=entry.entity, object_id=entry.object_id).exclude(pk=entry.pk)


def make_due(person_id: int) -> None:
    """Make this user's (primary key) pending entries due now: the account that they waited for exists."""
    waiting = OutboxEntry.objects.filter(person=person_id, status=Status.PENDING)
    waiting.filter(not_before__gt=timezone.now()).update(not_before=timezone.now())


def transfer_values(entry: OutboxEntry, later: OutboxEntry) -> None:
    """Copy what an entry knows of Thinkific's values to a newer entry of the same object (locked): the values
    before our first unsent change, and those that we may have sent."""
    later.last_seen = later.last_seen | entry.last_seen
    later.sent = {
        name: list(dict.fromkeys([*entry.sent.get(name, []), *later.sent.get(name, [])]))[-KEPT_VALUES:]
        for name in {**entry.sent, **later.sent}
    }
    later.save(update_fields=["last_seen", "sent"])
