"""Fields that a pull must not overwrite: our change of them is not sent to Thinkific, or was sent just
now."""

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

# Longer than a page can wait between its request and its storing. Within this time after a push, a page may
# have been read before the push.
JUST_SENT = timedelta(minutes=5)


@dataclass
class OwnChange:
    """Our changes of an object: the fields with unsent changes (None: all fields), and for each field the
    values that Thinkific may have: those before our changes and those that we have sent."""

    unsent: set[str] | None = field(default_factory=set)
    seen: dict[str, list[Any]] = field(default_factory=dict)


def waiting_or_just_sent() -> Q:
    """Returns the condition for outbox entries whose change a pull may not have seen: unsent or just sent."""
    just_sent = recent("finished_at", timezone.now(), within=JUST_SENT)
    return Q(status__in=OutboxEntry.UNSENT) | (Q(status=OutboxEntry.Status.DONE) & just_sent)


def own_changes(entity: str, pks: list[int]) -> dict[int, OwnChange]:
    """Returns our changes by object (primary key); objects without any are left out."""
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
    """Returns the value to keep for a field of an object with changes of ours. It is ours, unless only
    Thinkific changed the field, or both did and the setting prefers Thinkific."""
    ours, theirs = before[name], after[name]
    if _whole(ours) == theirs:
        return theirs  # our value, as Thinkific stores it
    if plain(theirs) in own.seen.get(name, []):
        # Thinkific's value from before our change, or an earlier one of ours: our newest is not there yet.
        return ours
    if own.unsent is not None and name not in own.unsent:
        return theirs  # we changed other fields only
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
    """Returns a moment in whole seconds, as Thinkific stores it; other values as they are."""
    return value.replace(microsecond=0) if isinstance(value, datetime) else value
