"""What a team is: name, owner, organization, limit, archived or in use."""

import pytest

from core.errors import Refusal
from core.models import Membership, SiteSettings, Team, User
from core.services import memberships
from core.services.mirror.groups import pulling_targets
from core.services.teams import teams
from tests.factories import (
    GroupAssignmentFactory,
    MembershipFactory,
    OrganizationFactory,
    TeamFactory,
    UserFactory,
    builtin_role,
)

pytestmark = pytest.mark.django_db


def role_of(team, user) -> str:
    return Membership.objects.get(team=team, user=user).role.code


def test_what_is_changed_is_recorded_with_who_did_it(acme, alma):
    holding = OrganizationFactory()

    teams.update(acme, name="  Acme  North ", organization=holding, max_members=5, by=alma)

    acme.refresh_from_db()
    assert (acme.name, acme.organization, acme.max_members) == ("Acme North", holding, 5)
    change = acme.history.first()
    assert (change.history_user, change.history_change_reason) == (alma, "details changed")


def test_what_stays_the_same_is_not_written(acme):
    rows = acme.history.count()

    teams.update(acme, name="Acme ", description="")

    assert acme.history.count() == rows


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": " \x00 "}, "needs a name"),
        ({"name": "n" * 256}, "256 characters; 255"),
        ({"name": "GLOBEX"}, "There is a team “GLOBEX” already"),
        ({"description": "d" * 10_001}, "10,001 characters; 10,000"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(acme, globex, values, words):
    with pytest.raises(Refusal, match=words):
        teams.update(acme, **({"description": "new"} | values))

    assert Team.objects.get(pk=acme.pk).description == ""


def test_the_name_of_an_archived_team_is_free_until_that_is_restored(acme, globex, alma):
    teams.archive(globex, by=alma)
    teams.update(acme, name="Globex")

    with pytest.raises(Refusal, match="There is a team “Globex” already"):
        teams.restore(globex)
    teams.update(acme, name="Acme")
    teams.restore(globex, by=alma)
    assert Team.objects.get(pk=globex.pk).archived_at is None
    assert [row.history_change_reason for row in globex.history.all()[:2]] == ["restored", "archived"]


# --- owner -------------------------------------------------------------------------------------------


def test_a_member_becomes_the_owner_and_the_former_one_stays(acme, owen, ana, alma):
    teams.change_owner(acme, owner=ana, former_role=builtin_role("manager"), by=alma)

    acme.refresh_from_db()
    assert acme.owner == ana
    assert (role_of(acme, ana), role_of(acme, owen)) == ("owner", "manager")
    assert User.objects.get(pk=ana.pk).is_dashboard_user
    assert acme.history.first().history_user == alma
    assert Membership.history.filter(user=owen).first().history_user == alma


def test_who_is_not_in_the_team_or_switched_off_does_not_own_it(acme, otto, bo, owen):
    with pytest.raises(Refusal, match=r"is not in Acme\. Add them to the team first"):
        teams.change_owner(acme, owner=otto, former_role=builtin_role("manager"))
    bo.is_active = False
    bo.save()
    with pytest.raises(Refusal, match="switched off"):
        teams.change_owner(acme, owner=bo, former_role=builtin_role("manager"))

    assert Team.objects.get(pk=acme.pk).owner == owen


def test_a_full_team_takes_no_former_owner_as_a_student(acme, owen, mara, ana):
    teams.update(acme, max_members=1)

    with pytest.raises(memberships.TeamIsFull, match="1 of 1"):
        teams.change_owner(acme, owner=mara, former_role=builtin_role("student"))
    assert Team.objects.get(pk=acme.pk).owner == owen
    assert role_of(acme, owen) == "owner"
    # The place of a student who becomes the owner is free.
    teams.change_owner(acme, owner=ana, former_role=builtin_role("student"))
    assert role_of(acme, owen) == "student"


# --- archived ----------------------------------------------------------------------------------------


def test_an_archived_team_takes_nobody_and_keeps_its_people(acme, ana, otto, alma):
    teams.archive(acme, by=alma)

    with pytest.raises(Refusal, match="Acme is archived"):
        memberships.add_member(team=acme, user=otto, role=builtin_role("student"))
    assert Membership.objects.filter(team=acme, user=ana).exists()
    assert acme.history.first().history_user == alma


def test_archiving_twice_is_recorded_once(acme):
    teams.archive(acme)
    rows = acme.history.count()

    teams.archive(acme)

    assert acme.history.count() == rows


def test_the_default_team_is_not_archived(acme):
    SiteSettings.load()
    SiteSettings.objects.update(default_team=acme)

    with pytest.raises(Refusal, match="is the default team"):
        teams.archive(acme)
    assert Team.objects.get(pk=acme.pk).archived_at is None


def test_the_groups_of_an_archived_team_bring_nobody(acme):
    assignment = GroupAssignmentFactory(team=acme, direction="bidirectional")
    other = GroupAssignmentFactory(group=assignment.group, direction="thinkific_to_dashboard")

    teams.archive(acme)

    assert [target.team_id for target in pulling_targets(assignment.group)] == [other.team_id]


def test_a_manager_does_not_become_a_student_of_a_full_team():
    team = TeamFactory(max_members=1)
    MembershipFactory(team=team)
    manager = MembershipFactory(team=team, user=UserFactory(), role=builtin_role("manager"))

    with pytest.raises(memberships.TeamIsFull):
        memberships.change_role(manager, role=builtin_role("student"))


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        (" New  Ltd ", "New Ltd", "New Ltd 2"),
        ("Acme", "Acme 2", "Acme 3"),
        ("n" * 255, "n" * 255, "n" * 248 + " 2"),
    ],
)
def test_a_taken_name_gets_the_next_free_number(acme, name, first, second):
    made = [teams.create(name=name, owner=UserFactory(), numbered=True).name for _ in range(2)]
    assert made == [first, second]


def test_a_name_with_a_number_is_free_again_when_its_team_is_archived(acme):
    made = teams.create(name="Acme", owner=UserFactory(), numbered=True)
    teams.archive(made)
    other = teams.create(name="New", owner=UserFactory())
    assert teams.update(other, name="acme", numbered=True).name == "acme 2"
    assert teams.update(acme, name="ACME", numbered=True).name == "ACME"
