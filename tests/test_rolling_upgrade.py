"""While an upgrade rolls, old code writes to new tables; docs/operations.md says more."""

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations import AddField, CreateModel
from django.db.migrations.loader import MigrationLoader
from django.db.models import Field
from django.db.models.fields import NOT_PROVIDED

from core.models import User

OURS = ("api", "core", "integrations")


def added_later() -> list[Field]:
    """The columns that a table got after the migration that made it, as the models have them now."""
    graph = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    made = {
        (app, operation.name.lower()): name
        for (app, name), migration in graph.items()
        for operation in migration.operations
        if isinstance(operation, CreateModel)
    }
    found = []
    for (app, name), migration in sorted(graph.items()):
        for operation in migration.operations if app in OURS else []:
            if isinstance(operation, AddField) and made.get((app, operation.model_name.lower())) != name:
                fields = apps.get_model(app, operation.model_name)._meta.get_fields()
                # A field that is gone by now is nobody's.
                found += [field for field in fields if field.name == operation.name]
    return found


def accepts_nothing(field: Field) -> bool:
    given = field.many_to_many or field.null or field.generated
    return given or field.db_default is not NOT_PROVIDED


@pytest.mark.once
def test_a_column_that_old_code_does_not_know_may_be_left_out():
    lacking = [str(field) for field in added_later() if not accepts_nothing(field)]

    assert lacking == [], "Give each of them null=True or a db_default beside its default."


def test_the_test_above_looks_at_something():
    assert [str(field) for field in added_later()]


@pytest.mark.django_db
def test_code_from_before_the_column_can_still_insert():
    assert User.objects.count() == 0  # the tables are there
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO integrations_connectionstate (surface, ok, detail, checked_at) "
            "VALUES ('rest', %s, '', %s)",
            [True, "2026-11-01 00:00:00+00:00"],
        )
        cursor.execute("SELECT answered FROM integrations_connectionstate")
        assert bool(cursor.fetchone()[0]) is True
