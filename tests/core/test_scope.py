"""Whose account, and which roles: nobody gets at more rights than they have (docs/security.md)."""

import pytest

from core.models import Membership, User
from core.permissions import scope
from tests.factories import MembershipFactory, RoleFactory, UserFactory, builtin_role

pytestmark = pytest.mark.django_db


@pytest.fixture
def hugo() -> User:
    """He sees everything and may change accounts, and nothing else."""
    role = RoleFactory(name="Helper", is_global=True, permissions=["users.view", "users.edit"])
    return UserFactory(first_name="Hugo", global_role=role)


def global_roles(viewer: User) -> set[str]:
    return {role.name for role in scope.global_roles_to_give(viewer)}


def test_an_administrator_with_few_rights_changes_no_account_with_more(hugo, ana, mara, owen, alma, root):
    assert [scope.may_change_account(hugo, person) for person in (ana, mara, owen, alma, root)] == [
        True,
        False,
        False,
        False,
        False,
    ]
    assert scope.may_change_account(alma, owen)
    assert scope.may_change_account(alma, hugo)
    assert not scope.may_change_account(alma, root)


def test_an_administrator_needs_the_right_to_change_accounts(hugo, ana):
    hugo.global_role.permissions = ["users.view", "teams.edit"]
    hugo.global_role.save()

    assert not scope.may_change_account(hugo, ana)


@pytest.mark.parametrize("right", ["staff", "superuser", "global role", "role with more rights"])
def test_a_manager_changes_nobody_of_their_home_team_who_has_more_rights(mara, ana, acme, right):
    assert scope.may_change_account(mara, ana)
    if right == "role with more rights":
        Membership.objects.filter(team=acme, user=ana).update(role=builtin_role("owner"))
    elif right == "global role":
        ana.global_role = RoleFactory(is_global=True)
    else:
        setattr(ana, f"is_{right}", True)
    ana.save()

    assert not scope.may_change_account(mara, User.objects.get(pk=ana.pk))


def test_who_has_left_the_home_team_is_out_of_its_reach(mara, ana, acme, globex):
    MembershipFactory(team=globex, user=ana)
    Membership.objects.filter(team=acme, user=ana).delete()

    assert ana.home_team == acme
    assert not scope.may_change_account(mara, ana)


def test_a_manager_who_is_switched_off_may_nothing(mara, ana, acme):
    User.objects.filter(pk=mara.pk).update(is_active=False)
    mara = User.objects.get(pk=mara.pk)

    assert not scope.may_change_account(mara, ana)
    assert not scope.holds(mara, "users.edit")
    assert not scope.teams_where(mara, "teams.assign").exists()


def test_nobody_gives_a_global_role_with_more_rights_than_theirs(hugo, alma, mara):
    RoleFactory(name="Auditor", is_global=True, permissions=["users.view"])
    RoleFactory(name="Editor", is_global=True, permissions=["users.view", "teams.edit"])

    assert global_roles(hugo) == {"Helper", "Auditor"}
    assert global_roles(alma) == {"Administrator", "Helper", "Auditor", "Editor"}
    assert global_roles(mara) == set()


def test_nobody_gives_a_team_role_with_more_rights_than_theirs(hugo, mara, owen, acme, globex):
    strong = RoleFactory(name="Strong", permissions=["users.edit", "seats.edit"])
    MembershipFactory(team=globex, user=owen, role=strong)

    def names(viewer: User, team=None) -> set[str]:
        return {role.name for role in scope.roles_to_give(viewer, team)}

    assert names(mara, acme) == {"Manager", "Student"}
    assert names(mara, globex) == {"Student"}
    assert names(owen, acme) == {"Manager", "Student"}  # what he has at Globex he has there only
    assert names(owen, globex) == {"Strong", "Student"}
    assert names(hugo) == {"Student"}


def test_a_role_in_a_team_opens_nothing_of_the_whole_site(mara, acme, alma):
    role = RoleFactory(permissions=["tools.import", "settings.edit", "sync.manage"])
    Membership.objects.filter(team=acme, user=mara).update(role=role)
    mara = User.objects.get(pk=mara.pk)

    for permission in ("core.run_tools", "core.change_sitesettings", "core.change_outboxentry"):
        assert not mara.has_perm(permission)
        assert not scope.holds_for_the_site(mara, permission)
        assert scope.holds_for_the_site(alma, permission)
    assert not scope.may_start_runs(mara)
