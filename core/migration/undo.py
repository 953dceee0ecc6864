"""Taking back what a migration made, as far as it was not changed or used since."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from django.db import transaction
from django.db.models import F, Model, QuerySet

from core.errors import Refusal
from core.migration.format import KINDS
from core.migration.kinds.kind import Kind
from core.migration.kinds.people import GlobalRoles
from core.migration.kinds.table import KINDS as MEANING
from core.migration.rows import Outcome, Row, Run
from core.models import Membership, MigrationCount, MigrationRow, Notice, ShownColumns
from core.models.fields.history import StampedHistory
from core.services.storage import bulk

GONE = "It was deleted already."
# What says who acted, in a history; its other columns only repeat what was.
ACTED = {"history_user", "impersonator"}
NO_USE = {Notice, ShownColumns}  # the person's own, deleted with the account


def take_back(run: Run, name: str, found: Sequence[MigrationRow], hold: Callable[..., None]) -> None:
    """Take back the objects of these rows, or only say which would go (a dry run)."""
    kind = MEANING[name]
    rows = {
        one.object_id: Row(
            one.pk,
            one.number,
            one.line,
            one.ref,
            one.key,
            one.nth,
            one.values,
            object_id=one.object_id,
            done=one.done,
        )
        for one in found
        if one.object_id is not None
    }
    with transaction.atomic():
        there = _locked(kind, rows)
        kept = why_kept(kind, [rows[key] for key in there], run)
        going = [rows[key] for key in there if key not in kept]
        if going and not run.dry:
            try:
                with transaction.atomic():
                    kind.take_back(going, run.by, run.undo_reason)
            except Refusal as refusal:
                kept |= dict.fromkeys((row.object_id or 0 for row in going), str(refusal))
                going = []
        _store(run, name, found, there, kept)
    hold(rows_done=F("rows_done") + len(found))


def _locked(kind: Kind, keys: Iterable[int]) -> list[int]:
    rows = kind.model._base_manager.filter(bulk.among("pk", keys)).order_by("pk")
    return list(rows.select_for_update(of=("self",)).values_list("pk", flat=True))


def _store(
    run: Run, name: str, found: Sequence[MigrationRow], there: Sequence[int], kept: dict[int, str]
) -> None:
    present = set(there)
    values, counts = [], Counter[str]()
    for one in found:
        why = kept.get(one.object_id or 0, "")
        message = why or ("" if one.object_id in present else GONE)
        goes = not why
        outcome = one.outcome if run.dry else Outcome.KEPT if why else Outcome.UNDONE
        values.append((one.pk, str(outcome), message, goes))
        counts[("goes" if goes else "stays") if run.dry else ("stays" if why else "undone")] += 1
    bulk.update(MigrationRow, ["outcome", "message", "goes"], values)
    MigrationCount.objects.filter(migration=run.migration, position=KINDS.index(name)).update(
        **{column: F(column) + count for column, count in counts.items()}
    )


def why_kept(kind: Kind, rows: Sequence[Row], run: Run) -> dict[int, str]:
    """Returns why these objects stay, by primary key, as far as they do."""
    keys = [row.object_id for row in rows if row.object_id is not None]
    if not keys:
        return {}
    if why := run.lacks(kind.undo_code or kind.code):
        return dict.fromkeys(keys, why)
    kept: dict[int, str] = {}
    if not isinstance(kind, GlobalRoles):  # it is a column of a person, who stays
        kept |= _used(kind, keys, run) | _changed(kind.model, keys, run)
    return kept | kind.why_kept(rows, run)


def _changed(model: type[Model], keys: Sequence[int], run: Run) -> dict[int, str]:
    """What has a row of history that this migration did not write."""
    if not hasattr(model, "history"):
        return {}
    history: QuerySet = model.history.filter(bulk.among("id", keys)).order_by()
    others = history.exclude(history_change_reason__in=[run.reason, run.undo_reason])
    return dict.fromkeys(others.values_list("id", flat=True), "it was changed since")


def _used(kind: Kind, keys: Sequence[int], run: Run) -> dict[int, str]:
    """What other rows refer to, except those that go before it."""
    kept: dict[int, str] = {}
    passed = kind.may_cascade() | NO_USE
    for model, column in _references(kind.model):
        if model in passed:
            continue
        rows = model._base_manager.filter(bulk.among(f"{column}_id", keys))
        kinds = [name for name, other in MEANING.items() if other.model is model]
        if kinds and run.dry:
            going = MigrationRow.objects.filter(migration=run.migration, goes=True).order_by()
            rows = rows.exclude(pk__in=going.filter(kind__in=kinds).values("object_id"))
            if model is Membership:  # an owner's goes with the team, also when the file has no row for it
                rows = rows.exclude(team__in=going.filter(kind="teams").values("object_id"))
        label = str(model._meta.verbose_name)
        for key in rows.order_by().values_list(column, flat=True).distinct():
            kept.setdefault(key, f"it is used: {label}")
    return kept


@cache
def _references(model: type[Model]) -> tuple[tuple[type[Model], str], ...]:
    """Returns the models with a foreign key to this one, and the column."""
    found = []
    for relation in model._meta.get_fields(include_hidden=True):
        if not (relation.one_to_many or relation.one_to_one) or not relation.auto_created:
            continue
        other: Any = relation.related_model
        column = relation.field.name  # type: ignore[union-attr]
        if issubclass(other, StampedHistory) and column not in ACTED:
            continue
        found.append((other, column))
    return tuple(found)
