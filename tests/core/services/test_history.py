"""The first change of a row from a pull, a fixture or a migration keeps the earlier values in the history."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.models import Enrollment, Membership, Role, SiteSettings, User
from core.models.fields.history import AS_IT_WAS
from core.services import history, memberships, people
from core.services.enrollments import enrollments
from core.services.mirror.outcome import Applied
from core.services.mirror.source import Source
from core.services.mirror.table import Table, compare, mark_removed, write
from tests.factories import ProductFactory, UserFactory, builtin_role
from tests.history import watched

pytestmark = pytest.mark.django_db


def pulled(*objects):
    """As if they had come by a pull, which writes no history for what it makes."""
    for instance in objects:
        instance.history.all().delete()
    return objects[0]


def told(instance, *fields):
    """What the history says of these fields, oldest first."""
    rows = instance.history.order_by("history_id")
    return [(row.history_type, *(getattr(row, name) for name in fields)) for row in rows]


@pytest.fixture
def walsh(db):
    made = timezone.now() - timedelta(days=90)
    return pulled(UserFactory(first_name="Nell", last_name="Walsh", from_thinkific=True, created_at=made))


def test_who_came_by_a_pull_and_is_renamed_here_was_somebody_before(walsh, alma):
    people.update_user(walsh, last_name="Mended", by=alma)

    assert told(walsh, "last_name") == [("+", "Walsh"), ("~", "Mended")]
    kept, change = walsh.history.order_by("history_id")
    assert (kept.history_change_reason, kept.history_user, kept.impersonator) == (AS_IT_WAS, None, None)
    assert kept.history_date == walsh.created_at
    assert change.history_user == alma


def test_it_is_kept_once(walsh, alma):
    for name in ("Mended", "Broken"):
        people.update_user(walsh, last_name=name, by=alma)

    assert told(walsh, "last_name") == [("+", "Walsh"), ("~", "Mended"), ("~", "Broken")]


def test_a_moment_in_the_future_does_not_put_it_after_the_change(walsh, alma):
    User.objects.filter(pk=walsh.pk).update(created_at=timezone.now() + timedelta(days=900))

    people.update_user(walsh, last_name="Mended", by=alma)

    assert walsh.history.first().last_name == "Mended"
    assert walsh.history.last().history_date <= timezone.now()


def test_settings_and_roles_of_a_migration_say_what_they_were():
    settings, role = SiteSettings.load(), Role.objects.get(code="student")
    pulled(settings, role)
    settings.default_max_seats = 25
    settings.save()
    role.name = "Learners"
    role.save()

    assert told(settings, "default_max_seats") == [("+", 10), ("~", 25)]
    assert told(role, "name") == [("+", "Student"), ("~", "Learners")]


def test_a_member_who_joined_by_a_pull_had_another_role(ana, alma):
    membership = pulled(ana.memberships.get())

    memberships.change_role(membership, role=builtin_role("manager"), by=alma)

    student, manager = builtin_role("student").pk, builtin_role("manager").pk
    assert told(membership, "role_id") == [("+", student), ("~", manager)]
    assert membership.history.last().history_date == membership.joined_at


def test_what_is_new_has_no_past(alma):
    with CaptureQueriesContext(connection) as asked:
        user = UserFactory()

    assert len(user.history.all()) == 1
    assert not [q for q in asked.captured_queries if "NOT EXISTS" in q["sql"].upper()]


def test_a_save_asks_once_whether_there_is_a_past(ana):
    with CaptureQueriesContext(connection) as asked:
        ana.save()

    kinds = [query["sql"].split()[0] for query in asked.captured_queries]
    assert [kind for kind in kinds if kind in {"SELECT", "UPDATE", "INSERT"}] == [
        "SELECT",
        "UPDATE",
        "INSERT",
    ]


@pytest.mark.django_db(transaction=True)
def test_two_first_changes_at_once_keep_one_past():
    if not connection.features.has_select_for_update:
        pytest.skip("On SQLite who writes is alone.")
    user = pulled(UserFactory(first_name="Nell"))
    first_wrote, go_on = Event(), Event()

    def first():
        with transaction.atomic():
            history.record_initial_state(User, [user.pk])
            first_wrote.set()
            go_on.wait(10)
        connection.close()

    def second():
        history.record_initial_state(User, [user.pk])
        connection.close()

    with ThreadPoolExecutor(max_workers=2) as threads:
        one = threads.submit(first)
        assert first_wrote.wait(10)
        other = threads.submit(second)
        time.sleep(0.3)  # it waits for the row
        assert not other.done()
        go_on.set()
        one.result()
        other.result()

    assert user.history.count() == 1


def test_what_is_deleted_without_a_past_leaves_one_row(walsh):
    pk = walsh.pk
    walsh.delete()

    row = User.history.get(id=pk)
    assert (row.history_type, row.last_name) == ("-", "Walsh")


def test_who_is_gone_from_thinkific_was_there_before(walsh):
    mark_removed(User, [walsh.pk], source=Source("Thinkific, run 1"), now=timezone.now())

    (_, before), (_, after) = told(walsh, "removed_at")
    assert before is None
    assert after is not None


def thousand(count):
    student, number = UserFactory(), Enrollment.objects.count()
    products = [ProductFactory() for _ in range(count)]
    made = Enrollment.objects.bulk_create(
        Enrollment(user=student, product=product, thinkific_id=900_000 + number + n)
        for n, product in enumerate(products)
    )
    return [e.pk for e in made]


def asked_to_keep(queries):
    return [q["sql"] for q in queries if "NOT" in q["sql"] and "core_historicalenrollment" in q["sql"]]


@pytest.mark.parametrize("count", [2, 1000])
def test_a_thousand_are_kept_as_quickly_as_two(count, alma):
    pks = thousand(count)
    with CaptureQueriesContext(connection) as asked:
        history.record_initial_state(Enrollment, pks)
        history.record_initial_state(Enrollment, pks)

    assert len([q for q in asked.captured_queries if "SAVEPOINT" not in q["sql"]]) == 3
    assert Enrollment.history.filter(history_type="+").count() == count


@pytest.mark.parametrize("count", [2, 100])
def test_a_mass_action_asks_once_what_was(count, alma):
    pks = thousand(count)
    with CaptureQueriesContext(connection) as asked:
        enrollments.expire(Enrollment.objects.filter(pk__in=pks), by=alma)

    assert len(asked_to_keep(asked.captured_queries)) == 2
    assert Enrollment.history.filter(history_type="+", expiry_date=None).count() == count
    assert Enrollment.history.filter(history_type="~", expiry_date__isnull=False).count() == count


@pytest.mark.parametrize("count", [2, 2000])
def test_a_pull_of_changed_rows_asks_once_what_they_were(count):
    pks = thousand(count)
    table = Table(Enrollment, ("granted",), key="pk", tracked=frozenset({"granted"}))
    pairs = [({"granted": True, "pk": pk}, (pk, {"granted": False})) for pk in pks]
    with CaptureQueriesContext(connection) as asked, transaction.atomic():
        applied = Applied()
        write(compare(table, pairs, applied), applied, source=Source("Thinkific, run 1"))

    assert len(asked_to_keep(asked.captured_queries)) == 2
    assert Enrollment.history.filter(history_type="+", granted=False).count() == count
    assert Enrollment.history.filter(history_type="~", granted=True).count() == count


def test_the_watch_notices_a_first_change_without_a_past(walsh):
    with watched() as silent:
        User.objects.filter(pk=walsh.pk).update(last_name="Mended")
        walsh.refresh_from_db()
        User.history.bulk_history_create([walsh], update=True)

    assert len(silent) == 1
    assert "does not say what it was before" in silent[0]


def test_the_watch_notices_a_past_that_is_kept_too_late(walsh):
    with watched() as silent:
        User.objects.filter(pk=walsh.pk).update(last_name="Mended")
        history.record_initial_state(User, [walsh.pk])
        walsh.refresh_from_db()
        User.history.bulk_history_create([walsh], update=True)

    assert len(silent) == 1
    assert "too late" in silent[0]


def test_rows_that_a_fixture_writes_as_they_are_keep_nothing(ana):
    membership = pulled(ana.memberships.get())
    membership.save_base(raw=True)

    assert not Membership.history.filter(id=membership.pk).exists()
