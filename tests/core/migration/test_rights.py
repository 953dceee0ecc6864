"""Nobody does by a file what they may not do, or gives what they lack."""

import pytest

from core.errors import NotAllowed
from core.migration import export, life
from core.models import (
    Role,
)
from tests.core.migration.carrying import applied, archive, checked, counts, finished, problems
from tests.core.migration.examples import ANA, JOINED, OWEN, TEAM, limited, seat
from tests.factories import (
    ProductFactory,
    RoleFactory,
    TeamFactory,
    ThinkificGroupFactory,
)

pytestmark = pytest.mark.django_db


def test_only_administrators_with_the_right_upload_and_apply(root, alma, acme, mara):
    file = archive({"people": [ANA]})
    for person in (mara, acme.owner, limited("tools.import")):
        with pytest.raises(NotAllowed):
            checked(file, by=person)
        assert not export.may(person)
    assert export.may(alma)
    migration = checked(file, by=alma)

    with pytest.raises(NotAllowed, match="checked with their permissions"):
        life.apply(migration, by=root)
    life.check_again(migration, by=root)
    life.apply(finished(migration), by=root)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("organizations.create", "organizations"),
        ("users.create", "people"),
        ("teams.create", "teams"),
        ("roles.create", "roles"),
        ("seats.create", "seats"),
        ("seats.assign", "seat_assignments"),
        ("groups.assign", "group_matches"),
        ("notes.create", "notes"),
        ("users.edit", "global_roles"),
    ],
)
def test_what_the_administrator_may_not_make_is_refused(code, kind):
    product, group = ProductFactory(), ThinkificGroupFactory(thinkific_id=5)
    note = {"person": "a", "written_at": "2026-01-31T14:05:00+00:00", "text": "Hello"}
    files = {
        "organizations": [{"id": "1", "name": "Holding"}],
        "people": [OWEN, ANA],
        "teams": [TEAM],
        "roles": [{"id": "r", "name": "Guide", "permissions": "notes.view"}],
        "global_roles": [{"person": "a", "role": "g"}],
        "memberships": [JOINED],
        "seats": [seat(product)],
        "seat_assignments": [{"team": "t", "seat": "s"}],
        "group_matches": [{"team": "t", "group_id": group.thinkific_id, "direction": "disabled"}],
        "notes": [note],
    }
    files["roles"].append({"id": "g", "name": "Reader", "scope": "global", "permissions": "notes.view"})
    by = limited(code)

    migration = applied(archive(files), by=by)

    said = [line for line in problems(migration) if line.startswith(f"{kind} ")]
    assert said
    assert "You do not have the permission" in said[0] or "cannot make owners" in said[0]
    assert kind not in counts(migration, "made")


def test_without_the_right_nobody_is_added_to_a_team(acme):
    files = {"people": [{"id": "o", "email": acme.owner.email}, ANA], "teams": [{**TEAM, "name": "Acme"}]}

    migration = applied(archive({**files, "memberships": [JOINED]}), by=limited("teams.assign"))

    assert "You do not have the permission “Add people to teams”" in problems(migration)[0]


def test_nobody_gives_a_right_that_they_do_not_hold():
    by = limited("notes.create", "reports.export")
    files = {
        "people": [OWEN, ANA],
        "roles": [{"id": "r", "name": "Writer", "permissions": "notes.view;notes.create"}],
        "global_roles": [{"person": "a", "role": "administrator"}],
    }

    migration = applied(archive({**files, "teams": [TEAM]}), by=by)

    said = problems(migration)
    assert any("You cannot make owners" in line for line in said)
    assert any("you cannot give what you do not have: Create notes" in line for line in said)
    assert any("Administrator has permissions that you do not have" in line for line in said)
    assert not Role.objects.filter(name="Writer").exists()


def test_overrides_and_roles_of_a_membership_are_checked(root):
    other = TeamFactory(name="Other")
    bound = RoleFactory(name="Bound", permissions=["notes.view"])
    bound.limited_to.add(other)
    rows = [
        {**JOINED, "allowed": "settings.edit"},
        {**JOINED, "person": "o", "role": "manager"},
        {**JOINED, "person": "b", "role": "owner"},
        {**JOINED, "person": "c", "role": "administrator"},
        {**JOINED, "person": "d", "role": "x"},
        {**JOINED, "person": "e", "allowed": "notes.view", "denied": "notes.view"},
    ]
    people = [OWEN, ANA, *({"id": i, "email": f"{i}@new.example"} for i in "bcde")]
    roles = [{"id": "x", "name": "bound", "permissions": "notes.view", "teams": ""}]

    migration = checked(
        archive({"people": people, "teams": [TEAM], "roles": roles, "memberships": rows}), by=root
    )

    said = [line.partition(": ")[2] for line in problems(migration)]
    assert "only a global role gives “Edit settings”" in said[0]
    assert "the owner of a team has the role owner" in said[1]
    assert "the owner of a team has the role owner" in said[2]
    assert "Administrator is a global role" in said[3]
    assert "Bound is not offered in this team" in said[4]
    assert "is denied in the same row" in said[5]


def test_what_became_impossible_since_the_check_is_refused(root):
    migration = checked(archive({"people": [OWEN], "teams": [TEAM]}), by=root)
    TeamFactory(name="North")

    life.apply(migration, by=root)
    migration = finished(migration)

    row = migration.rows.get(kind="teams")
    assert row.outcome == "refused"
    assert "there is a team “North” here" in row.message
