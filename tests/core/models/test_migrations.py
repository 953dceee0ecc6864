import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from core.models import Role, SiteSettings, User
from core.models.fields.folded import holding
from core.permissions.codes import BUILTIN_ROLES

OURS = ("core", "integrations")


@pytest.fixture
def empty(transactional_db, tmp_path):
    """Until the test ends, the connection leads to a database without tables. Coming to an old migration from
    there takes a fraction of the time of going back to it."""
    kept = connection.settings_dict["NAME"]
    own = tmp_path / "empty.sqlite3" if connection.vendor == "sqlite" else f"{kept}_empty"
    connection.close()
    if connection.vendor == "postgresql":
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {own}")
    connection.settings_dict["NAME"] = own
    yield
    connection.close()
    connection.settings_dict["NAME"] = kept
    if connection.vendor == "postgresql":
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {own}")


def test_the_models_have_no_change_without_a_migration(db):
    call_command("makemigrations", *OURS, "--check", "--dry-run", verbosity=0)


@pytest.mark.longest
@pytest.mark.slow
@pytest.mark.either  # every process of the tests begins with a SQLite file that was migrated from nothing
@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(500)  # of a busy machine
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


@pytest.mark.slow
def test_an_upgrade_numbers_what_has_one_name_and_never_stops(empty):
    before, after = [("core", "0008_allowances")], [("core", "0009_names_taken_once")]
    executor = MigrationExecutor(connection)
    long = "n" * 255
    executor.migrate(before)
    old = executor.loader.project_state(before).apps
    owner = old.get_model("core", "User").objects.create(email="olga@acme.example")
    team, group = old.get_model("core", "Team").objects, old.get_model("core", "ThinkificGroup").objects
    for name in ("Acme", "ACME", "acme", "Acme (2)", long, long):
        team.create(name=name, owner=owner)
    team.create(name="Acme", owner=owner, archived_at=timezone.now())
    for name in ("Night", "night"):
        group.create(name=name)
    group.create(name="Night", thinkific_id=7)
    executor = MigrationExecutor(connection)
    executor.migrate(after)

    new = executor.loader.project_state(after).apps
    teams, groups = new.get_model("core", "Team").objects, new.get_model("core", "ThinkificGroup").objects
    names = list(teams.order_by("id").values_list("name", flat=True))
    assert names == ["Acme", "ACME (3)", "acme (4)", "Acme (2)", long, f"{'n' * 251} (2)", "Acme"]
    assert list(groups.order_by("id").values_list("name", flat=True)) == ["Night", "night (2)", "Night"]
    told = new.get_model("core", "HistoricalTeam").objects.get(name="ACME (3)")
    assert "renamed by an upgrade" in told.history_change_reason
    assert (told.name, told.owner_id) == ("ACME (3)", owner.pk)


@pytest.mark.slow
def test_an_upgrade_fills_the_folded_columns_and_never_stops(empty):
    before, after = [("core", "0010_outbox_sent")], [("core", "0013_names_and_addresses_once")]
    executor = MigrationExecutor(connection)
    executor.migrate(before)
    old = executor.loader.project_state(before).apps
    people, tags = old.get_model("core", "User").objects, old.get_model("core", "Tag").objects
    people.create(email="\xf6z@m\xfcller.example", first_name="O\u0308z")
    people.create(email="ana@m\xfcller.example")
    people.create(email="ana@xn--mller-kva.example")
    tags.create(name="Etu\u0301des")
    tags.create(name="\xc9tudes")
    tags.create(name="E\u0301tudes \u200b")
    executor = MigrationExecutor(connection)
    executor.migrate(after)

    new = executor.loader.project_state(after).apps
    rows = new.get_model("core", "User").objects.order_by("id")
    first, *others = rows.values_list("email", "first_name", "folded", "email_key")
    assert first[:2] == ("\xf6z@xn--mller-kva.example", "\xd6z")
    assert first[2:] == (
        "\xf6z \xf6z@xn--mller-kva.example \xf6z@m\xfcller.example "
        "oz oz@xn--mller-kva.example oz@muller.example",
        "\xf6z@xn--mller-kva.example",
    )
    assert [(email, key) for email, _, _, key in others] == [
        ("ana@m\xfcller.example", "ana@xn--mller-kva.example"),
        ("ana@xn--mller-kva.example", None),
    ]
    assert set(new.get_model("core", "Tag").objects.values_list("name", "folded")) == {
        ("Et\xfades", "et\xfades"),
        ("\xc9tudes", "\xe9tudes"),
        ("\xc9tudes (2)", "\xe9tudes (2)"),
    }


@pytest.mark.django_db
def test_search_by_part_of_an_address_uses_the_index_that_postgresql_has():
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # the table is empty, and reading it is cheapest

    plan = User.objects.order_by().filter(holding("folded", "mara")).explain()

    assert ("user_search" in plan) is (connection.vendor == "postgresql")


@pytest.mark.slow
def test_sign_up_links_go_on_working_after_an_upgrade(empty):
    before, after = [("core", "0040_people_settings")], [("core", "0042_registration_where_links_are")]
    executor = MigrationExecutor(connection)
    executor.migrate(before)
    old = executor.loader.project_state(before).apps
    owner = old.get_model("core", "User").objects.create(email="olga@acme.example")
    old.get_model("core", "SignUpLink").objects.create(
        team=old.get_model("core", "Team").objects.create(name="Acme", owner=owner),
        role=old.get_model("core", "Role").objects.get(code="student"),
        max_uses=1,
        expires_at=timezone.now(),
        made_by=owner,
    )
    executor = MigrationExecutor(connection)
    executor.migrate(after)

    new = executor.loader.project_state(after).apps
    assert new.get_model("core", "SiteSettings").objects.filter(registration_enabled=True).exists()


@pytest.mark.django_db
def test_where_there_were_no_sign_up_links_they_stay_off():
    """The same migration has run in the database of every test, where there were none."""
    assert not SiteSettings.objects.filter(registration_enabled=True).exists()
