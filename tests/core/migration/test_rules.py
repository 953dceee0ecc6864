"""A migration only adds, an address proves nothing, and Thinkific learns nothing."""

import pytest

from core.models import (
    Enrollment,
    GroupAssignment,
    GroupMembership,
    Membership,
    Note,
    OutboxEntry,
    Seat,
    SeatAssignment,
    Team,
    User,
)
from tests.core.migration.carrying import applied, archive, checked, problems
from tests.core.migration.examples import ANA, JOINED, OWEN, TEAM, seat
from tests.factories import (
    ProductFactory,
    SeatFactory,
    ThinkificGroupFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def test_an_account_that_is_here_joins_and_is_not_changed(root):
    mara = UserFactory(email="mara@here.example", first_name="Mara", last_name="Marsh", password="secret-1")
    before = User.objects.filter(pk=mara.pk).values().get()
    people = [OWEN, {"id": "m", "email": "MARA@here.example", "first_name": "Evil", "active": "no"}]
    roles = [{"team": "t", "person": "m", "role": "manager", "home": "yes"}]

    migration = applied(archive({"people": people, "teams": [TEAM], "memberships": roles}), by=root)

    assert User.objects.filter(pk=mara.pk).values().get() == before
    assert Membership.objects.get(user=mara).role.code == "manager"
    row = migration.rows.get(ref="m")
    assert row.verdict == "differs"
    assert row.message.startswith("Stays as it is here: the first name is “Mara”, in the file “Evil”; ")


def test_an_account_that_is_here_gets_no_global_role(root):
    here = UserFactory(email="here@here.example")
    files = {
        "people": [{"id": "h", "email": here.email}, ANA],
        "global_roles": [{"person": p, "role": "administrator"} for p in ("h", "a")],
    }

    migration = applied(archive(files), by=root)

    assert "has an account here already" in problems(migration)[0]
    here.refresh_from_db()
    assert here.global_role is None
    assert User.objects.get(email=ANA["email"]).global_role.code == "administrator"


def test_nobody_has_a_note_written_for_them(root):
    here = UserFactory(email="here@here.example", first_name="Hera", last_name="")
    people = [{"id": "h", "email": here.email}, ANA, OWEN]
    said = {"person": "a", "written_at": "2026-01-31T14:05:00+00:00", "author_name": "Somebody"}
    notes = [{**said, "author": "h", "text": "One"}, {**said, "author": "o", "text": "Two"}]

    applied(archive({"people": people, "notes": notes}), by=root)

    one, two = Note.objects.order_by("pk")
    assert (one.author, one.author_name) == (None, "Somebody")
    assert two.author.email == OWEN["email"]
    assert two.created_at.isoformat() == "2026-01-31T14:05:00+00:00"


def test_a_team_of_the_same_name_with_another_owner_is_no_match(root, acme):
    files = {"people": [OWEN, ANA], "teams": [{**TEAM, "name": "ACME"}], "memberships": [JOINED]}

    migration = applied(archive(files), by=root)

    first, second = problems(migration)
    assert "there is a team “Acme” here, which Owen Owner owns" in first
    assert second == "memberships 2: team: teams.csv, line 2 is refused, so this row is too."
    assert not Membership.objects.filter(user__email=ANA["email"]).exists()


def test_a_seat_of_another_team_is_not_shared(root, acme):
    product = ProductFactory()
    theirs = SeatFactory(name="Places", product=product, max_seats=5, teams=[acme])
    files = {"people": [OWEN], "teams": [TEAM], "seats": [seat(product)]}

    applied(archive({**files, "seat_assignments": [{"team": "t", "seat": "s"}]}), by=root)

    given = SeatAssignment.objects.get(team__name="North")
    assert given.seat != theirs
    assert given.seat.max_seats == 5


def test_a_second_seat_on_a_product_is_refused(root, acme):
    product = ProductFactory()
    SeatFactory(name="Theirs", product=product, max_seats=5, teams=[acme])
    owner = {"id": "o", "email": acme.owner.email}
    files = {"people": [owner], "teams": [{**TEAM, "name": "Acme"}], "seats": [seat(product)]}

    migration = applied(archive({**files, "seat_assignments": [{"team": "t", "seat": "s"}]}), by=root)

    assert "Acme has the seat “Theirs” on this product already" in problems(migration)[0]


def test_a_full_team_that_is_here_takes_nobody(root, acme, ana):
    Team.objects.filter(pk=acme.pk).update(max_members=2)
    people = [{"id": "o", "email": acme.owner.email}, ANA, {"id": "b", "email": "bo@new.example"}]
    joined = [JOINED, {**JOINED, "person": "b"}]
    file = archive({"people": people, "teams": [{**TEAM, "name": "Acme"}], "memberships": joined})

    assert len(problems(checked(file, by=root))) == 1
    migration = applied(file, by=root)

    assert "has no room for another student" in problems(migration)[0]
    assert acme.memberships.filter(role__code="student").count() == 2


def test_thinkific_learns_nothing(root):
    group = ThinkificGroupFactory(thinkific_id=71)
    product = ProductFactory()
    files = {
        "people": [OWEN, ANA],
        "teams": [TEAM],
        "memberships": [JOINED],
        "seats": [seat(product)],
        "seat_assignments": [{"team": "t", "seat": "s"}],
        "group_matches": [{"team": "t", "group_id": 71, "direction": "dashboard_to_thinkific"}],
    }

    migration = applied(archive(files), by=root)

    assert problems(migration) == []
    assert not OutboxEntry.objects.exists()
    assert not GroupMembership.objects.exists()
    assert not Enrollment.objects.exists()
    match = GroupAssignment.objects.get(group=group)
    assert match.last_synced_at is not None
    assert Seat.objects.get().used_count == 0


def test_products_and_groups_are_found_and_never_made(root):
    twins = [ThinkificGroupFactory(name="Twin") for _ in range(2)]
    product = ProductFactory(name="Course A")
    seats = [
        seat(product, product_id="", product_name="Course A"),
        seat(product, id="s2", product_id=4, product_name="Gone"),
    ]
    matches = [
        {"team": "t", "group_token": twins[1].token, "direction": "disabled"},
        {"team": "t", "group_name": "twin", "direction": "disabled"},
        {"team": "t", "group_name": "Gone", "direction": "disabled"},
    ]
    twins[1].token = "tok"
    twins[1].save()
    matches[0]["group_token"] = "tok"

    files = {"people": [OWEN], "teams": [TEAM], "seats": seats, "group_matches": matches}
    migration = applied(archive(files), by=root)

    said = problems(migration)
    assert "the product “Gone” is not here. Sync the products first" in said[0]
    assert "2 groups are called “twin”" in said[1]
    assert "the group “Gone” is not here" in said[2]
    assert Seat.objects.get().product == product
    assert GroupAssignment.objects.get().group == twins[1]
