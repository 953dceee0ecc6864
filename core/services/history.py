"""History rows: who made a change and why, and a first row with the values from before the first change."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.db import connection, transaction
from django.db.models import (
    BigIntegerField,
    CharField,
    DateTimeField,
    Exists,
    F,
    Model,
    OuterRef,
    QuerySet,
    Value,
)
from django.db.models.functions import Least
from django.utils import timezone

from core import acting
from core.models import User
from core.models.fields.history import AS_IT_WAS
from core.services.storage import bulk

M = TypeVar("M", bound=Model)
MADE = ("created_at", "joined_at")  # columns with the time when an object was made


def signed(instance: M, *, by: User | None, reason: str) -> M:
    """Returns the same object; its next save or deletion is recorded with this user and reason.

    Without `by` the history names the user of the current request, if there is one.
    """
    if by is not None:
        instance._history_user = by  # type: ignore[attr-defined]
    else:
        instance.__dict__.pop("_history_user", None)  # set by an earlier change of this object
    instance._change_reason = reason  # type: ignore[attr-defined]
    return instance


def record_initial_state(model: type[Model], pks: Iterable[int]) -> None:
    """Write the present values of these objects (primary keys) to the history, for objects that have none.

    Objects from a pull, a fixture or a migration have no history, so their first change would have nothing to
    be compared with. Call it before the change is written; `save()` does so itself (core/audit.py).
    """
    pks = list(pks)
    if not pks:
        return
    history: Any = model.history.model  # type: ignore[attr-defined]
    recorded = history._base_manager.filter(id=OuterRef("pk"))
    rows = model._base_manager.filter(bulk.among("pk", pks), ~Exists(recorded)).order_by()
    with transaction.atomic(savepoint=False):
        # Locked: of two first changes at the same time, the second waits and finds the row of the first.
        if rows.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True):
            _insert_as_it_was(rows)


def record_initial_states(instances: Sequence[Model]) -> None:
    """`record_initial_state` for objects of one model that are saved one by one next."""
    if instances:
        record_initial_state(type(instances[0]), [instance.pk for instance in instances])
    for instance in instances:
        instance._initial_state_recorded = True  # type: ignore[attr-defined]


def record_many(rows: QuerySet, kind: str, *, by: User | None, reason: str) -> None:
    """Write the present values of these rows to the history, in one statement: after they were inserted
    ("+") or updated ("~"), or before they are deleted ("-"). Their first change needs
    `record_initial_state`, as any other."""
    _insert_history(
        rows,
        {
            "history_date": Value(timezone.now(), output_field=DateTimeField()),
            "history_type": Value(kind, output_field=CharField()),
            "history_change_reason": Value(reason, output_field=CharField()),
            "history_user_id": Value(by and by.pk, output_field=BigIntegerField()),
            "impersonator_id": Value(acting.impersonator_id(), output_field=BigIntegerField()),
            "impersonation_id": Value(acting.session_id(), output_field=BigIntegerField()),
        },
    )


def _insert_as_it_was(rows: QuerySet) -> None:
    """The rows are locked before, so it reads what others have committed."""
    now = Value(timezone.now(), output_field=DateTimeField())
    made = next((name for name in MADE if name in {f.name for f in rows.model._meta.fields}), None)
    _insert_history(
        rows,
        {
            "history_date": Least(F(made), now) if made else now,
            "history_type": Value("+", output_field=CharField()),
            "history_change_reason": Value(AS_IT_WAS, output_field=CharField()),
        },
    )


def _insert_history(rows: QuerySet, extra: dict[str, Any]) -> None:
    """Copy all rows to their history in one statement, with `extra` values for its own columns."""
    history: Any = rows.model.history.model
    kept = [field.attname for field in history.tracked_fields]
    rows = rows.order_by().annotate(**{f"as_{name}": value for name, value in extra.items()})
    select = rows.values_list(*kept, *(f"as_{name}" for name in extra)).query
    statement, values = select.get_compiler(connection=connection).as_sql()
    columns = [field.column for field in history.tracked_fields]
    columns += [next(f.column for f in history._meta.fields if f.attname == name) for name in extra]
    names = ", ".join(f'"{column}"' for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(f'INSERT INTO "{history._meta.db_table}" ({names}) {statement}', values)
