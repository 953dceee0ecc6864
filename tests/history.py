"""Checks that every write of a tracked column leaves a row of history.

This holds for `save()`, `update()`, `bulk_update()`, the statements of the mirror and other threads. The
first change of a row also needs a row of history with the values before it. Triggers note the writes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction
from django.utils import timezone
from simple_history.models import registered_models

from core.models.fields.history import AS_IT_WAS

LOG = "tests_tracked_writes"


def tracked_models() -> list[type[models.Model]]:
    found = (apps.get_model(model._meta.label) for model in registered_models.values())
    return sorted({model for model in found if hasattr(model, "history")}, key=lambda m: m._meta.label)


def tracked_fields(model: type[models.Model]) -> list[models.Field]:
    """Returns the fields of a model that its history has, without the primary key."""
    kept = {field.attname for field in model.history.model._meta.concrete_fields}
    fields = model._meta.concrete_fields
    return [f for f in fields if f.attname in kept and not f.primary_key and not f.generated]


@contextmanager
def watched() -> Iterator[list[str]]:
    """Note writes of tracked columns inside the block. Afterwards the list has a sentence for each object
    whose write left no history."""
    begun, silent = timezone.now(), []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'CREATE TABLE {LOG} ("name" varchar(100), "object_id" bigint)')
        for model in tracked_models():
            for statement in _triggers(model):
                cursor.execute(statement)
    try:
        yield silent
        silent += [text for model in tracked_models() for text in _silent(model, begun)]
    finally:
        with transaction.atomic(), connection.cursor() as cursor:
            for model in tracked_models():
                table = model._meta.db_table
                on = f' ON "{table}"' if connection.vendor == "postgresql" else ""
                cursor.execute(f'DROP TRIGGER IF EXISTS "watch_{table}"{on}')
                if connection.vendor == "postgresql":
                    cursor.execute(f'DROP FUNCTION IF EXISTS "watch_{table}"()')
            cursor.execute(f"DROP TABLE {LOG}")


def _triggers(model: type[models.Model]) -> list[str]:
    table, columns = model._meta.db_table, [field.column for field in tracked_fields(model)]
    note = f"INSERT INTO {LOG} VALUES ('{table}', NEW.\"{model._meta.pk.column}\");"
    if connection.vendor == "postgresql":
        differs = " OR ".join(f'OLD."{c}" IS DISTINCT FROM NEW."{c}"' for c in columns)
        return [
            f'CREATE FUNCTION "watch_{table}"() RETURNS trigger LANGUAGE plpgsql AS '
            f"$$ BEGIN {note} RETURN NULL; END $$",
            f'CREATE TRIGGER "watch_{table}" AFTER UPDATE ON "{table}" FOR EACH ROW WHEN ({differs}) '
            f'EXECUTE FUNCTION "watch_{table}"()',
        ]
    differs = " OR ".join(f'OLD."{c}" IS NOT NEW."{c}"' for c in columns)
    return [
        f'CREATE TRIGGER "watch_{table}" AFTER UPDATE ON "{table}" FOR EACH ROW WHEN {differs} '
        f"BEGIN {note} END"
    ]


def _silent(model: type[models.Model], begun: Any) -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT object_id FROM {LOG} WHERE name = %s", [model._meta.db_table])
        written = [row[0] for row in cursor.fetchall()]
    names = [field.attname for field in tracked_fields(model)]
    for instance in model._base_manager.filter(pk__in=written):
        rows = model.history.filter(**{model._meta.pk.attname: instance.pk})
        last = rows.order_by("-history_date", "-history_id").first()
        if last is None:
            if getattr(instance, "created_at", begun) < begun:
                yield f"{instance!r} was written, and has no history"
            continue  # created by a pull, and written while it was created
        kept_values = {name: getattr(last, name) for name in names}
        differs = {n: getattr(instance, n) for n in names if getattr(instance, n) != kept_values[n]}
        if differs:
            yield f"{instance!r} is {differs}, its history says { ({n: kept_values[n] for n in differs}) }"
        kept = list(rows.order_by("history_id"))
        if kept[0].history_type != "+":
            yield f"{instance!r} was changed, and its history does not say what it was before"
        elif kept[0].history_change_reason == AS_IT_WAS and not any(
            getattr(row, name) != getattr(kept[0], name) for row in kept for name in names
        ):
            yield f"{instance!r} was changed, and what it was before was kept too late"
