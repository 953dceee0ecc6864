"""Comparing rows with what is stored and writing only what changed, for any mirrored model.

This door carries Thinkific's facts: it never marks anything stale, and it leaves alone the fields that we
own while a change of ours is unsent.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DataError, IntegrityError, models, transaction

from core.models import OutboxEntry, SiteSettings
from core.services import bulk, directions
from core.services.mirror.outcome import Applied, Conflict

Values = dict[str, Any]  # attname -> value, as the model stores it


_one_by_one: ContextVar[bool] = ContextVar("one_by_one", default=False)


@contextmanager
def one_by_one() -> Iterator[None]:
    """Inside, a row that the database refuses is left out and reported; outside, its batch is refused."""
    token = _one_by_one.set(True)
    try:
        yield
    finally:
        _one_by_one.reset(token)


@dataclass(frozen=True)
class Table:
    """A mirrored model: the fields that Thinkific speaks of, and those of them whose changes are history."""

    model: type[models.Model]
    fields: tuple[str, ...]
    key: str = "thinkific_id"
    tracked: frozenset[str] = frozenset()
    stamp: tuple[str, ...] = ()  # bookkeeping fields written along with a change, not compared

    @property
    def entity(self) -> str:
        return self.model._meta.model_name or ""

    def stored(self, *conditions: models.Func, **lookup: Any) -> dict[Any, tuple[int, Values]]:
        """`key -> (primary key, values)` of the stored rows that match."""
        manager = self.model._default_manager
        rows = manager.filter(*conditions, **lookup).order_by().values_list("pk", self.key, *self.fields)
        return {row[1]: (row[0], dict(zip(self.fields, row[2:], strict=True))) for row in rows}


@dataclass
class Changes:
    """What is to be written: new rows, and changed ones with what they held before."""

    table: Table
    new: list[Values]
    changed: list[tuple[int, Values, Values]]  # primary key, before, after
    equal: list[tuple[int, Values]]  # primary key, row


def compare(
    table: Table, pairs: Iterable[tuple[Values, tuple[int, Values] | None]], applied: Applied
) -> Changes:
    """Sort rows, each with the stored one it belongs to, into new, changed and unchanged."""
    changes = Changes(table, [], [], [])
    for row, have in pairs:
        if have is None:
            changes.new.append(row)
            continue
        pk, before = have
        applied.met.append(pk)
        if any(before[name] != row[name] for name in table.fields):
            changes.changed.append((pk, before, row))
        else:
            changes.equal.append((pk, row))
            applied.unchanged += 1
    _keep_unsent(changes, applied)
    return changes


def write(changes: Changes, applied: Applied, *, source: str, extra: Sequence[str] = ()) -> None:
    """Write what `compare` found. `source` is the reason in the history; `extra` names more fields of the
    rows that are set on insert. Call it inside a transaction.
    """
    table = changes.table
    if changes.new:
        fields = [*([table.key] if table.key != "pk" else []), *table.fields, *table.stamp, *extra]
        fields = list(dict.fromkeys(fields))
        applied.created += _write(
            lambda rows: bulk.insert(table.model, fields, [tuple(row[f] for f in fields) for row in rows]),
            changes.new,
            lambda row, reason: applied.fail(_called(table, row), reason),
        )
    if changes.changed:
        fields = list(dict.fromkeys([*table.fields, *table.stamp]))
        refused: set[int] = set()

        def refuse(change: tuple[int, Values, Values], reason: str) -> None:
            refused.add(change[0])
            applied.fail(_called(table, change[2]), reason, pk=change[0])

        applied.updated += _write(
            lambda rows: bulk.update(
                table.model, fields, [(pk, *(after[f] for f in fields)) for pk, _, after in rows]
            ),
            changes.changed,
            refuse,
        )
        changes.changed = [change for change in changes.changed if change[0] not in refused]
        _write_history(changes, source)


def _write(write: Callable[[list[Any]], None], rows: list[Any], refuse: Callable[[Any, str], None]) -> int:
    """Write rows, all or (see one_by_one) all that the database takes. Answers how many."""
    if not _one_by_one.get():
        write(rows)
        return len(rows)
    try:
        with transaction.atomic():
            write(rows)
    except (IntegrityError, DataError) as error:
        if len(rows) == 1:
            refuse(rows[0], f"The database refuses it: {str(error).splitlines()[0][:200]}")
            return 0
        middle = len(rows) // 2
        return _write(write, rows[:middle], refuse) + _write(write, rows[middle:], refuse)
    return len(rows)


def _called(table: Table, row: Values) -> str:
    return (
        f"{str(table.model._meta.verbose_name).capitalize()} {row.get('thinkific_id') or row.get(table.key)}"
    )


def remember(changes: Changes, applied: Applied, links: dict[int, int]) -> None:
    """After `write`: keep the digests of rows that turned out equal, and the Thinkific ids of stored rows
    that were recognised by something else (`links`, primary key -> Thinkific id)."""
    model = changes.table.model
    linked = [(pk, links[pk], row["remote_digest"]) for pk, row in changes.equal if pk in links]
    bulk.update(model, ["thinkific_id", "remote_digest"], linked)
    applied.updated += len(linked)
    applied.unchanged -= len(linked)
    digests = [
        (pk, row["remote_digest"]) for pk, row in changes.equal if pk not in links and row["remote_digest"]
    ]
    bulk.update(model, ["remote_digest"], digests)


def mark_removed(model: type[models.Model], pks: list[int], *, source: str, now: datetime) -> int:
    """Mark rows as gone from Thinkific, with history where the model has one. They are never deleted."""
    rows = model._default_manager.filter(pk__in=pks, removed_at__isnull=True)
    history = getattr(model, "history", None)
    objects = list(rows) if history is not None else []
    count = rows.update(removed_at=now)
    if objects:
        for instance in objects:
            instance.removed_at = now  # type: ignore[attr-defined]
        history.bulk_history_create(objects, update=True, default_change_reason=source)  # type: ignore[union-attr]
    return count


def _keep_unsent(changes: Changes, applied: Applied) -> None:
    """Leave the fields that we own as they are on objects with an unsent change of ours."""
    table = changes.table
    owned = directions.owned_fields(table.entity)
    if not owned or not changes.changed:
        return
    unsent = {
        entry.object_id: entry
        for entry in OutboxEntry.objects.unsent()
        .filter(entity=table.entity, object_id__in=[pk for pk, _, _ in changes.changed])
        .order_by("id")
    }
    if not unsent:
        return
    still_changed = []
    for pk, before, after in changes.changed:
        entry = unsent.get(pk)
        if entry is not None:
            after = after | {"remote_digest": None}
            for name in owned & set(table.fields):
                if before[name] != after[name]:
                    after[name] = _settle(table, entry, name, before, after, applied)
            if all(before[name] == after[name] for name in table.fields):
                applied.unchanged += 1
                continue
        still_changed.append((pk, before, after))
    changes.changed = still_changed


def _settle(
    table: Table, entry: OutboxEntry, name: str, before: Values, after: Values, applied: Applied
) -> Any:
    """The value that stays of a field with an unsent change: ours, unless both changed and a setting says
    otherwise. `last_seen` has what Thinkific held when we made the change."""
    ours, theirs = before[name], after[name]
    if entry.last_seen and name not in entry.last_seen:
        return theirs  # our change is of another field
    if not entry.last_seen or entry.last_seen[name] == theirs:
        return ours  # only we changed it
    if table.entity not in directions.CONFLICT_BY_SETTING:
        return ours
    keep_ours = SiteSettings.load().conflict_winner == SiteSettings.Winner.DASHBOARD
    applied.conflicts.append(
        Conflict(
            entity=table.entity,
            object_id=entry.object_id,
            label=str(before.get("email") or entry.object_id),
            field=name,
            ours=str(ours),
            theirs=str(theirs),
            kept="ours" if keep_ours else "theirs",
        )
    )
    return ours if keep_ours else theirs


def _write_history(changes: Changes, source: str) -> None:
    """History rows for the changed objects of which a tracked field really moved."""
    table = changes.table
    moved = [
        pk
        for pk, before, after in changes.changed
        if any(before[name] != after[name] for name in table.tracked)
    ]
    if moved:
        history = table.model.history  # type: ignore[attr-defined]
        history.bulk_history_create(
            list(table.model._default_manager.filter(pk__in=moved)), update=True, default_change_reason=source
        )
