"""Putting back what the tables held, for tests whose rows are committed.

Django's way to end such a test is to truncate every table and then to announce a migration, which makes all
content types and permissions anew: a third of a second, where most of these tests take no longer themselves.
And pulling a whole site, as many of them begin, takes ten times as long as copying its rows.
"""

from collections.abc import Callable

from django.apps import apps
from django.db import connection, transaction

# What migrations made and no test changes.
NEVER_EMPTIED = {"auth_permission", "django_content_type", "django_migrations"}
# What can be written, by table.
COLUMNS = {
    model._meta.db_table: [f.column for f in model._meta.local_concrete_fields if not f.generated]
    for model in apps.get_models(include_auto_created=True)
}


class Refill:
    """`refill(origin, make)` calls `make` the first time that this process meets this `origin`, and keeps
    copies of all rows that are there then. From then on it empties the tables and copies the rows back.

    For rows that are committed. What equals in `repr()` must make equal rows.
    """

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, str]] = {}

    def __call__(self, origin: object, make: Callable[[], object]) -> None:
        key = repr(origin)
        with transaction.atomic(), connection.cursor() as cursor:
            if key in self._kept:
                # Foreign keys are checked at the commit.
                for table in _used():
                    cursor.execute(f'DELETE FROM "{table}"')
                for table, copy in self._kept[key].items():
                    columns = ", ".join(f'"{name}"' for name in COLUMNS[table])
                    cursor.execute(f'INSERT INTO "{table}" ({columns}) SELECT {columns} FROM {copy}')
                return
        make()
        with transaction.atomic(), connection.cursor() as cursor:
            copies = {table: f'"kept_{len(self._kept)}_{table}"' for table in _used()}
            for table, copy in copies.items():
                cursor.execute(f'CREATE TABLE {copy} AS SELECT * FROM "{table}"')
        self._kept[key] = copies


def _used() -> list[str]:
    """The tables that hold rows."""
    tables = set(connection.introspection.django_table_names(only_existing=False)) - NEVER_EMPTIED
    looks = (f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM \"{table}\")" for table in sorted(tables))
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(looks))
        return [row[0] for row in cursor.fetchall()]
