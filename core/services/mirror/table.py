"""Compares rows from Thinkific with the database and writes only differences, for every mirrored model.

It never marks anything stale. It does not overwrite the fields of `directions.OWNED_WHILE_UNSENT` while a
change of ours is not sent.
"""

from collections.abc import Callable, Collection, Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from django.db import DataError, IntegrityError, connection, models, transaction
from django.utils import timezone
from django.utils.text import capfirst

from core.moments import is_ahead
from core.services import directions
from core.services.history import record_initial_state
from core.services.mirror.outcome import Applied
from core.services.mirror.source import Source
from core.services.mirror.unsent import own_changes, settle
from core.services.storage import bulk

Values = dict[str, Any]  # attname -> value, as the model stores it


@dataclass(frozen=True)
class Table:
    """A mirrored model: the fields that Thinkific sends, and those of them whose changes are in the
    history."""

    model: type[models.Model]
    fields: tuple[str, ...]
    key: str = "thinkific_id"
    tracked: frozenset[str] = frozenset()
    stamp: tuple[str, ...] = ()  # bookkeeping fields: written with a change, not compared
    as_of: str = ""  # the field with the time of Thinkific's last update of a row, if there is one
    listed_since: datetime | None = None  # when the complete list was begun that the rows come from
    # Fields and defaults. A row with None keeps the stored value; a new row gets the default.
    untold: tuple[tuple[str, Any], ...] = ()

    @property
    def entity(self) -> str:
        return self.model._meta.model_name or ""

    def stored(self, *conditions: models.Func, **lookup: Any) -> dict[Any, tuple[int, Values]]:
        """Returns `key -> (primary key, values)` of the stored rows that match."""
        manager = self.model._default_manager
        rows = manager.filter(*conditions, **lookup).order_by().values_list("pk", self.key, *self.fields)
        return {row[1]: (row[0], dict(zip(self.fields, row[2:], strict=True))) for row in rows}

    def filled(self, row: Values, stored: Values | None) -> Values:
        """Returns the row with the stored value, or the default, for each `untold` field that is None."""
        for name, default in self.untold:
            if row[name] is None:
                row = row | {name: default if stored is None else stored[name]}
        return row

    def is_older(self, row: Values, stored: Values) -> bool:
        """Whether a row was updated in Thinkific before the stored one, and so must not overwrite it. False
        when the stored time lies in the future, and so is wrong, or is before `listed_since`."""
        mine, theirs = (row[self.as_of], stored[self.as_of]) if self.as_of else (None, None)
        if mine is None or theirs is None or mine >= theirs or is_ahead(theirs, timezone.now()):
            return False
        return self.listed_since is None or theirs >= self.listed_since

    def stored_of(
        self, rows: Iterable[Values], known: Container[Any] | None
    ) -> dict[int, tuple[int, Values]]:
        """Returns the stored rows of these rows, by Thinkific id. With `known` only those ids are queried."""
        ids = [row["thinkific_id"] for row in rows if known is None or row["thinkific_id"] in known]
        return self.stored(bulk.among("thinkific_id", ids)) if ids else {}


@dataclass
class Changes:
    """The result of `compare`: new rows, changed ones with their former values, and equal ones."""

    table: Table
    new: list[Values]
    changed: list[tuple[int, Values, Values]]  # primary key, before, after
    equal: list[tuple[int, Values]]  # primary key, row


def compare(
    table: Table,
    pairs: Iterable[tuple[Values, tuple[int, Values] | None]],
    applied: Applied,
    *,
    lock: bool = True,
) -> Changes:
    """Sort rows, each with its stored row or None, into new, changed and equal. Locks the rows that will
    change; without `lock` it only reads, for callers that write nothing."""
    changes = Changes(table, [], [], [])
    for row, have in pairs:
        if table.untold:
            row = table.filled(row, have[1] if have else None)
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
    if lock:
        _look_again(changes, applied)
    _keep_unsent(changes, applied)
    return changes


def _look_again(changes: Changes, applied: Applied) -> None:
    """Lock the rows that will change and compare them again: a change that was committed since they were read
    must not be overwritten. Not needed on SQLite, where only one transaction writes at a time."""
    if not changes.changed or not connection.features.has_select_for_update:
        return
    table, pks = changes.table, [pk for pk, _, _ in changes.changed]
    rows = table.model._default_manager.select_for_update(of=("self",)).filter(bulk.among("pk", pks))
    now = {row[0]: row[1:] for row in rows.order_by("pk").values_list("pk", *table.fields)}
    still_changed = []
    for pk, _, after in changes.changed:
        if pk not in now:
            continue  # deleted here in the meantime
        before = dict(zip(table.fields, now[pk], strict=True))
        if table.is_older(after, before):
            applied.unchanged += 1
        elif any(before[name] != after[name] for name in table.fields):
            still_changed.append((pk, before, after))
        else:
            changes.equal.append((pk, after))
            applied.unchanged += 1
    changes.changed = still_changed


def write(
    changes: Changes,
    applied: Applied,
    *,
    source: Source,
    extra: Sequence[str] = (),
    links: Container[int] = (),
) -> None:
    """Write the changes that `compare` found. Call it inside a transaction.

    `extra` names more fields to set on insert, and `links` contains the primary keys of stored rows
    that get another Thinkific id.
    """
    table = changes.table
    if changes.new:
        fields = [*([table.key] if table.key != "pk" else []), *table.fields, *table.stamp, *extra]
        fields = list(dict.fromkeys(fields))

        def insert(rows: list[Values]) -> None:
            applied.made += bulk.insert(table.model, fields, list(map(itemgetter(*fields), rows)))

        def leave_out(row: Values, reason: str) -> None:
            applied.fail(_called(table, row), reason, number=row.get("thinkific_id"))

        applied.created += _write(insert, changes.new, leave_out, source)
    if changes.changed:
        fields = list(dict.fromkeys([*table.fields, *table.stamp]))
        refused: set[int] = set()

        def refuse(change: tuple[int, Values, Values], reason: str) -> None:
            refused.add(change[0])
            applied.fail(_called(table, change[2]), reason, pk=change[0])

        def update(rows: list[tuple[int, Values, Values]]) -> None:
            record_initial_state(table.model, _for_history(table, rows, links))
            bulk.update(table.model, fields, [(pk, *(after[f] for f in fields)) for pk, _, after in rows])

        applied.updated += _write(update, changes.changed, refuse, source)
        changes.changed = [change for change in changes.changed if change[0] not in refused]
        note_history(table.model, _for_history(table, changes.changed, links), source)


def _write(
    write: Callable[[list[Any]], None], rows: list[Any], refuse: Callable[[Any, str], None], source: Source
) -> int:
    """Write rows, all or (see Source) all that the database takes. Returns how many."""
    if not source.row_by_row:
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
        return sum(_write(write, half, refuse, source) for half in (rows[:middle], rows[middle:]))
    return len(rows)


def _called(table: Table, row: Values) -> str:
    return f"{capfirst(table.model._meta.verbose_name)} {row.get('thinkific_id') or row.get(table.key)}"


def remember(changes: Changes, applied: Applied, links: dict[int, int], *, source: Source) -> None:
    """Store the digests of equal rows, and the Thinkific ids of stored rows that were recognised by another
    value (`links`, primary key -> Thinkific id). Call it after `write`."""
    model = changes.table.model
    linked = [(pk, links[pk], row["remote_digest"]) for pk, row in changes.equal if pk in links]
    record_initial_state(model, [pk for pk, _, _ in linked])
    bulk.update(model, ["thinkific_id", "remote_digest"], linked)
    note_history(model, [pk for pk, _, _ in linked], source)
    applied.updated += len(linked)
    applied.unchanged -= len(linked)
    digests = [
        (pk, row["remote_digest"]) for pk, row in changes.equal if pk not in links and row["remote_digest"]
    ]
    bulk.update(model, ["remote_digest"], digests)


def mark_removed(model: type[models.Model], pks: list[int], *, source: Source, now: datetime) -> int:
    """Mark rows (primary keys) as removed from Thinkific, with history if the model has one. Rows are never
    deleted. Returns how many were marked."""
    rows = model._default_manager.filter(pk__in=pks, removed_at__isnull=True)
    history = getattr(model, "history", None)
    objects = list(rows) if history is not None else []
    record_initial_state(model, [instance.pk for instance in objects])
    count = rows.update(removed_at=now)
    if objects:
        for instance in objects:
            instance.removed_at = now  # type: ignore[attr-defined]
        history.bulk_history_create(objects, update=True, default_change_reason=source.reason)  # type: ignore[union-attr]
    return count


def _keep_unsent(changes: Changes, applied: Applied) -> None:
    """Keep the values of owned fields (core/services/directions.py) on objects with a change of ours that is
    not sent, or was sent so recently that the list may have been read before."""
    table = changes.table
    owned = directions.owned_fields(table.entity) & set(table.fields)
    if not owned or not changes.changed:
        return
    own = own_changes(table.entity, [pk for pk, _, _ in changes.changed])
    if not own:
        return
    still_changed = []
    for pk, before, after in changes.changed:
        if pk in own:
            after = after | {"remote_digest": None}
            for name in owned:
                if before[name] != after[name]:
                    after[name] = settle(table.entity, pk, own[pk], name, before, after, applied)
            if all(before[name] == after[name] for name in table.fields):
                applied.unchanged += 1
                continue
        still_changed.append((pk, before, after))
    changes.changed = still_changed


def _for_history(table: Table, rows: list[tuple[int, Values, Values]], links: Container[int]) -> list[int]:
    """Returns the changed objects (primary keys) that get another Thinkific id or another tracked value."""
    if not table.tracked:
        return []
    return [
        pk
        for pk, before, after in rows
        if pk in links or any(before[name] != after[name] for name in table.tracked)
    ]


def note_history(model: type[models.Model], pks: Collection[int], source: Source) -> None:
    """Write the present values of these objects (primary keys) to their history. Call `record_initial_state`
    before the change itself is written."""
    if rows := list(model._default_manager.filter(bulk.among("pk", pks))) if pks else []:
        history = model.history  # type: ignore[attr-defined]
        history.bulk_history_create(rows, update=True, default_change_reason=source.reason)
