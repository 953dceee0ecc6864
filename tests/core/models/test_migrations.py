import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from core.models import Role, User
from core.permissions import BUILTIN_ROLES

OURS = ("core", "integrations")


def test_the_models_have_no_change_without_a_migration(db):
    call_command("makemigrations", *OURS, "--check", "--dry-run", verbosity=0)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_migrations_run_forward_from_nothing_and_back():
    names = [*OURS, "admin", "django_q"]  # admin's log refers to users
    try:
        for name in reversed(names):
            call_command("migrate", name, "zero", verbosity=0)
        assert not [table for table in connection.introspection.table_names() if table.startswith("core_")]
    finally:
        call_command("migrate", verbosity=0)

    assert set(Role.objects.values_list("code", flat=True)) == set(BUILTIN_ROLES)
    executor = MigrationExecutor(connection)
    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []


@pytest.mark.django_db
def test_search_by_part_of_an_address_uses_the_index_that_postgresql_has():
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # the table is empty, and reading it is cheapest

    plan = User.objects.order_by().filter(email__icontains="mara").explain()

    assert ("user_email_search" in plan) is (connection.vendor == "postgresql")
