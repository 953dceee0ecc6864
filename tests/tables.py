"""Restores the rows of all tables, for tests whose rows are committed.

After such a test, Django truncates every table and sends the signal of a migration, which creates all content
types and permissions again. That takes a third of a second, as long as most of these tests. Many of them
begin by pulling a whole site, which takes ten times as long as copying its rows.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from django.apps import apps
from django.db import connection, transaction

# Tables with rows of migrations that no test changes.
NEVER_EMPTIED = {"auth_permission", "django_content_type", "django_migrations"}
# The columns that can be written, by table.
COLUMNS = {
    model._meta.db_table: [f.column for f in model._meta.local_concrete_fields if not f.generated]
    for model in apps.get_models(include_auto_created=True)
}

# Tables whose rows the database refuses to delete, and the migration with their triggers.
KEPT = {"core_impersonationsession": "core.migrations.0032_impersonations"}


@contextmanager
def deletable() -> Iterator[None]:
    """Rows of KEPT can be deleted and changed inside the block."""
    editor: Any = SimpleNamespace(connection=connection, execute=lambda sql: connection.cursor().execute(sql))
    modules = [import_module(name) for name in KEPT.values()]
    for module in modules:
        module.leave_unprotected(None, editor)
    try:
        yield
    finally:
        for module in modules:
            module.protect(None, editor)


class Refill:
    """`refill(origin, make)` calls `make` at the first call with this `origin` in this process, and keeps all
    rows that exist then. Later calls empty the tables and insert those rows.

    Works for tests whose rows are committed and for those that are rolled back. Origins of equal `repr()`
    must create equal rows.
    """

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, bytes]] = {}

    def __call__(self, origin: object, make: Callable[[], object]) -> None:
        key = repr(origin)
        if key not in self._kept:
            make()
            self._kept[key] = {table: _read(table) for table in _used()}
            return
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                # Otherwise foreign keys are checked by plans for nearly empty tables, which read all rows.

                cursor.execute("DISCARD PLANS")
            # Foreign keys are checked at the commit.
            for table in _used():
                with deletable() if table in KEPT else nullcontext():
                    cursor.execute(f'DELETE FROM "{table}"')
            for table, rows in self._kept[key].items():
                _write(table, rows)


def _read(table: str) -> bytes:
    """Returns all rows in the format of the database."""
    columns = _columns(table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f'COPY "{table}" ({", ".join(columns)}) TO STDOUT') as rows:
                return b"".join(rows)
        quoted = " || ',' || ".join(f"quote({column})" for column in columns)
        cursor.execute(f"SELECT '(' || {quoted} || ')' FROM \"{table}\"")
        return ",".join(row[0] for row in cursor.fetchall()).encode()


def _write(table: str, rows: bytes) -> None:
    columns = ", ".join(_columns(table))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f'COPY "{table}" ({columns}) FROM STDIN') as copy:
                copy.write(rows)
        else:
            cursor.execute(f'INSERT INTO "{table}" ({columns}) VALUES {rows.decode()}')


def _columns(table: str) -> list[str]:
    return [f'"{name}"' for name in COLUMNS[table]]


def _used() -> list[str]:
    """Returns the names of the tables that have rows."""
    tables = set(connection.introspection.django_table_names(only_existing=False)) - NEVER_EMPTIED
    looks = (f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM \"{table}\")" for table in sorted(tables))
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(looks))
        return [row[0] for row in cursor.fetchall()]
