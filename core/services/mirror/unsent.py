"""What a pull must leave alone: fields whose change of ours Thinkific has not heard of, or only just."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from core.models import OutboxEntry, SiteSettings
from core.moments import recent
from core.services import directions
from core.services.mirror.outcome import Applied, Conflict
from core.services.storage.last_seen import plain

# Longer than a page waits between its request and its storing: until then it may be older than our last push.
JUST_SENT = timedelta(minutes=5)


@dataclass
class OwnChange:
    """What we changed of an object: the fields that Thinkific must still be told (None: all of them), and the
    values that it had, may still have, or may have from us already, of each."""

    unsent: set[str] | None = field(default_factory=set)
    seen: dict[str, list[Any]] = field(default_factory=dict)


def waiting_or_just_sent() -> Q:
    """The entries that what a pull has read may not know of yet."""
    just_sent = recent("finished_at", timezone.now(), within=JUST_SENT)
    return Q(status__in=OutboxEntry.UNSENT) | (Q(status=OutboxEntry.Status.DONE) & just_sent)


def own_changes(entity: str, pks: list[int]) -> dict[int, OwnChange]:
    """What we changed of these objects (primary keys); the others are left out."""
    entries = OutboxEntry.objects.filter(waiting_or_just_sent(), entity=entity)
    own: dict[int, OwnChange] = {}
    for entry in entries.filter(object_id__in=pks):
        change = own.setdefault(entry.object_id, OwnChange())
        if entry.status != OutboxEntry.Status.DONE and change.unsent is not None:
            change.unsent = change.unsent | set(entry.last_seen) if entry.last_seen else None
        for name, value in entry.last_seen.items():
            change.seen.setdefault(name, []).append(value)
        for name, values in entry.sent.items():
            change.seen.setdefault(name, []).extend(values)
    return own


def settle(
    entity: str,
    pk: int,
    own: OwnChange,
    name: str,
    before: dict[str, Any],
    after: dict[str, Any],
    applied: Applied,
) -> Any:
    """The value that stays of a field of an object that we changed: ours, unless both sides changed it and a
    setting says otherwise."""
    ours, theirs = before[name], after[name]
    if _whole(ours) == theirs:
        return theirs  # what Thinkific makes of ours
    if plain(theirs) in own.seen.get(name, []):
        # It had this before our change, or has it from us: it has not heard of the newest, or this is old.
        return ours
    if own.unsent is not None and name not in own.unsent:
        return theirs  # our change is of another field
    if name not in own.seen or entity not in directions.CONFLICT_BY_SETTING:
        return ours
    keep_ours = SiteSettings.load().conflict_winner == SiteSettings.Winner.DASHBOARD
    applied.conflicts.append(
        Conflict(
            entity=entity,
            object_id=pk,
            label=str(before.get("email") or pk),
            field=name,
            ours=str(ours),
            theirs=str(theirs),
            kept="ours" if keep_ours else "theirs",
        )
    )
    return ours if keep_ours else theirs


def _whole(value: Any) -> Any:
    """A moment in whole seconds: Thinkific keeps no more of what it is sent."""
    return value.replace(microsecond=0) if isinstance(value, datetime) else value
