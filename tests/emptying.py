"""Emptying the database after a transactional test.

Django's way is to truncate every table and then to announce a migration, which makes all content types and
permissions anew: a third of a second, where most of these tests take no longer themselves.
"""

from collections.abc import Callable
from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

# What migrations made and no test changes.
KEPT = {"auth_permission", "django_content_type", "django_migrations"}


def emptying(restore: Callable[[], None]) -> Callable[[Any], None]:
    """What a transactional test case does at its end: empty the tables that hold rows, then `restore` those
    that migrations put there."""

    def empty_used_tables(case: Any) -> None:
        for name in case._databases_names(include_mirrors=False):
            _empty(connections[name])
        restore()

    return empty_used_tables


def _empty(connection: BaseDatabaseWrapper) -> None:
    tables = set(connection.introspection.django_table_names(only_existing=False)) - KEPT
    looks = (f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM \"{table}\")" for table in sorted(tables))
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(looks))
        used = [f'"{row[0]}"' for row in cursor.fetchall()]
        if used and connection.vendor == "postgresql":
            cursor.execute(f"TRUNCATE {', '.join(used)} CASCADE")
        elif used:
            for table in used:  # keys are checked at the commit
                cursor.execute(f"DELETE FROM {table}")
