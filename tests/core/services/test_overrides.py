"""Changing what a membership allows or denies: nobody gives a right that they do not hold in the team."""

import pytest

from core.errors import Refusal
from core.models import Membership, Role
from core.permissions import scope
from core.services.roles import overrides
from tests.factories import MembershipFactory, RoleFactory, UserFactory, builtin_role

pytestmark = pytest.mark.django_db


def membership_of(user, team) -> Membership:
    return Membership.objects.get(user=user, team=team)


def test_an_owner_denies_and_allows_within_their_own_rights(owen, mara, acme):
    before = membership_of(mara, acme)
    changes = {"enrollments.delete": "deny", "enrollments.extend": "allow"}
    overrides.change_overrides(before, changes=changes, by=owen)
    overrides.change_overrides(before, changes={"enrollments.delete": None}, by=owen)

    stored = membership_of(mara, acme)
    assert stored.overrides == {"enrollments.extend": "allow"}
    assert [row.history_user for row in stored.history.all()[:2]] == [owen, owen]


@pytest.mark.parametrize("code", ["groups.assign", "seats.edit"])
def test_nobody_allows_what_they_lack(owen, mara, acme, code):
    with pytest.raises(Refusal, match="You cannot give permissions that you do not have"):
        overrides.change_overrides(membership_of(mara, acme), changes={code: "allow"}, by=owen)

    assert membership_of(mara, acme).overrides is None


@pytest.mark.parametrize("code", ["users.delete", "settings.edit"])
def test_a_membership_gives_nothing_about_the_whole_site(alma, mara, acme, code):
    with pytest.raises(Refusal, match="Only a global role gives"):
        overrides.change_overrides(membership_of(mara, acme), changes={code: "allow"}, by=alma)
    with pytest.raises(Refusal, match="Only a global role gives"):
        overrides.change_default_overrides(builtin_role("manager"), changes={code: "allow"}, by=alma)

    assert membership_of(mara, acme).overrides is None


def test_to_inherit_again_is_to_give(owen, mara, acme):
    """The role has the permission, the owner lacks it: taking the denial away would give it."""
    Role.objects.filter(code="manager").update(permissions=["teams.view", "groups.assign"])
    Membership.objects.filter(user=mara).update(overrides={"groups.assign": "deny"})

    with pytest.raises(Refusal, match="Assign groups"):
        overrides.change_overrides(membership_of(mara, acme), changes={"groups.assign": None}, by=owen)


@pytest.mark.parametrize("who", ["mara", "ana", "gwen"])
def test_who_may_not_edit_the_team_changes_nobody(request, owen, ana, acme, who):
    viewer = request.getfixturevalue(who)

    with pytest.raises(Refusal, match="cannot change"):
        overrides.change_overrides(membership_of(ana, acme), changes={"users.view": "allow"}, by=viewer)


def test_a_member_with_more_rights_is_out_of_reach(owen, mara, acme):
    Membership.objects.filter(user=mara).update(overrides={"groups.assign": "allow"})

    with pytest.raises(Refusal, match="cannot change"):
        overrides.change_overrides(membership_of(mara, acme), changes={"users.view": "deny"}, by=owen)


def test_a_guest_gets_more_only_from_an_administrator(alma, owen, acme):
    guest = MembershipFactory(team=acme, user=UserFactory(), as_guest=True)

    with pytest.raises(Refusal, match="is a guest"):
        overrides.change_overrides(guest, changes={"users.view": "allow"}, by=owen)
    overrides.change_overrides(guest, changes={"users.view": "allow", "users.edit": "allow"}, by=alma)
    overrides.change_overrides(guest, changes={"users.edit": "deny"}, by=owen)

    assert Membership.objects.get(pk=guest.pk).overrides == {"users.view": "allow", "users.edit": "deny"}


def test_importing_files_without_adding_people_is_invalid(alma, owen, acme):
    owner = membership_of(owen, acme)

    with pytest.raises(Refusal, match="Allow both, or neither"):
        overrides.change_overrides(owner, changes={"users.create": "deny"}, by=alma)
    overrides.change_overrides(owner, changes={"users.create": "deny", "tools.csv": "deny"}, by=alma)

    assert "tools.csv" not in scope.codes_in(owner.user, acme.pk)


@pytest.mark.parametrize("changes", [{"users.fly": "allow"}, {"users.view": "yes"}, {"__class__": "deny"}])
def test_what_is_no_override_is_refused(alma, mara, acme, changes):
    with pytest.raises(Refusal):
        overrides.change_overrides(membership_of(mara, acme), changes=changes, by=alma)


def test_a_role_in_another_team_gives_no_right_here(owen, acme, globex, mara):
    MembershipFactory(team=globex, user=owen, role=RoleFactory(permissions=["groups.assign", "teams.edit"]))

    with pytest.raises(Refusal, match="do not have"):
        overrides.change_overrides(membership_of(mara, acme), changes={"groups.assign": "allow"}, by=owen)
