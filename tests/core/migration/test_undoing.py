"""Undoing takes back what was not changed or used since; the steps have their order."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.errors import Refusal
from core.migration import forgetting, life
from core.models import (
    Migration,
    Seat,
    Team,
    User,
    UserTag,
)
from tests.core.migration.carrying import applied, archive, checked, counts, finished, undone
from tests.core.migration.examples import ANA, JOINED, OWEN, TEAM, limited, seat
from tests.factories import (
    EnrollmentFactory,
    ProductFactory,
)

pytestmark = pytest.mark.django_db


def everything():
    product = ProductFactory()
    return {
        "organizations": [{"id": "1", "name": "Holding"}],
        "people": [OWEN, ANA],
        "teams": [{**TEAM, "organization": "1"}],
        "memberships": [{**JOINED, "home": "yes"}],
        "tags": [{"id": "1", "name": "vip"}],
        "person_tags": [{"person": "a", "tag": "1"}],
        "seats": [seat(product, tags="1")],
        "seat_assignments": [{"team": "t", "seat": "s"}],
    }


def test_what_was_used_or_changed_since_stays_and_is_named(root):
    migration = applied(archive(everything()), by=root)
    ana = User.objects.get(email=ANA["email"])
    EnrollmentFactory(user=ana, product=Seat.objects.get().product, last_seat=Seat.objects.get())

    migration = undone(migration, by=root)

    assert counts(migration, "undone") == {"memberships": 1, "person_tags": 1}
    assert migration.rows.get(ref="o").message == "it is used: team"
    assert migration.rows.get(ref="s").message.startswith("it is used: ")
    assert migration.rows.get(ref="a").message == "it is used: enrollment"
    assert Team.objects.filter(name="North").exists()


def test_the_preview_says_what_the_undo_does(root):
    migration = applied(archive(everything()), by=root)
    UserTag.objects.all().delete()
    life.preview(migration, by=root)
    migration = finished(migration)
    goes = counts(migration, "goes")

    life.undo(migration, by=root)
    migration = finished(migration)

    assert counts(migration, "undone") == goes
    assert sum(goes.values()) == sum(counts(migration, "made").values())
    assert not User.objects.filter(email__endswith="@new.example").exists()


def test_an_undone_migration_can_be_applied_again(root):
    migration = undone(applied(archive(everything()), by=root), by=root)
    life.check_again(migration, by=root)
    migration = finished(migration)
    assert counts(migration, "new") == counts(migration, "total")

    life.apply(migration, by=root)

    assert counts(finished(migration), "made") == counts(migration, "total")


def test_who_was_here_already_is_not_deleted(root, ana):
    migration = applied(archive({"people": [{"id": "a", "email": ana.email}, OWEN]}), by=root)

    undone(migration, by=root)

    assert User.objects.filter(pk=ana.pk).exists()
    assert not User.objects.filter(email=OWEN["email"]).exists()


def test_a_person_who_was_here_since_stays(root):
    migration = applied(archive({"people": [OWEN, ANA]}), by=root)
    User.objects.filter(email=ANA["email"]).update(last_activity_at=timezone.now())

    migration = undone(migration, by=root)

    assert migration.rows.get(ref="a").message == "the person has a password or was here"
    assert list(User.objects.filter(email__endswith="@new.example").values_list("email", flat=True)) == [
        ANA["email"]
    ]


def test_undoing_needs_the_right_to_delete():
    by = limited("users.delete")
    migration = applied(archive({"people": [ANA]}), by=by)

    migration = undone(migration, by=by)

    assert "You do not have the permission “Delete users”" in migration.rows.get().message
    assert User.objects.filter(email=ANA["email"]).exists()


def test_an_id_that_was_brought_before_is_found_again_under_another_name(root):
    files = {"organizations": [{"id": "1", "name": "Holding"}]}
    applied(archive(files), by=root)
    files["organizations"][0]["name"] = "Holding Group"

    again = applied(archive(files), by=root)
    other = applied(archive(files, source="https://other.example"), by=root)

    assert counts(again, "made") == {}
    assert "the name is “Holding”, in the file “Holding Group”" in again.rows.get().message
    assert counts(other, "made") == {"organizations": 1}


def test_the_steps_have_their_order(root):
    migration = checked(archive({"people": [ANA]}), by=root)
    with pytest.raises(Refusal, match="cannot be undone now"):
        life.undo(migration, by=root)
    life.apply(migration, by=root)
    with pytest.raises(Refusal, match="cannot be applied now: it is running"):
        life.apply(migration, by=root)
    assert life.stop(migration, by=root)
    migration.refresh_from_db()
    assert migration.status == "stopped"
    life.apply(migration, by=root)
    assert finished(migration).status == "applied"
    with pytest.raises(Refusal, match="Look first"):
        life.undo(migration, by=root)
    with pytest.raises(Refusal, match="cannot be deleted now"):
        life.delete(migration, by=root)
    life.delete(undone(migration, by=root), by=root)


def test_whoever_started_it_is_told(root):
    applied(archive({"people": [ANA, {"id": "x", "email": "bad"}]}), by=root)

    assert list(root.notices.order_by("pk").values_list("text", flat=True)) == [
        "The migration old.zip is checked: 1 thing would be made, 1 row is refused.",
        "The migration old.zip is applied: 1 thing made.",
    ]


def test_what_was_only_checked_cannot_be_applied_after_the_retention(root):
    migration = checked(archive({"people": [ANA]}), by=root)
    Migration.objects.update(finished_at=timezone.now() - timedelta(days=10_000))

    forgetting.forget()

    with pytest.raises(Refusal, match="cannot be applied now"):
        life.apply(migration, by=root)


def test_with_the_retention_the_file_goes_and_the_undo_stays(root):
    migration = applied(archive(everything()), by=root)
    forgetting.forget()
    assert migration.parts.exists()
    Migration.objects.update(finished_at=timezone.now() - timedelta(days=10_000))

    forgetting.forget()

    assert not migration.parts.exists()
    assert all(values == {} for values in migration.rows.values_list("values", flat=True))
    assert counts(undone(migration, by=root), "stays") == {}
