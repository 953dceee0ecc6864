"""Who may act as whom. How it begins, goes on and ends is in tests/project/pages/test_impersonation.py."""

import itertools

import pytest
from django.urls import NoReverseMatch, reverse

from core.models import User
from core.permissions.backend import may_impersonate
from core.permissions.codes import BUILTIN_ROLES, FOR_THE_SITE
from tests.factories import MembershipFactory, RoleFactory, TeamFactory, UserFactory, builtin_role


@pytest.mark.parametrize("address", ["/hijack/", "/hijack/acquire/", "/hijack/release/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_no_address_begins_an_impersonation(alma, ana, signed_in, address, method):
    browser = signed_in(alma)

    response = getattr(browser, method)(address, {"user_pk": ana.pk})

    assert response.status_code == 404
    assert browser.session["_auth_user_id"] == str(alma.pk)


def test_the_package_has_no_addresses_under_another_name():
    for name in ("hijack:acquire", "hijack:release"):
        with pytest.raises(NoReverseMatch):
            reverse(name)


# --- who may act as whom ----------------------------------------------------------------------------------

GLOBAL = {
    "administrator": BUILTIN_ROLES["administrator"][2],
    "helper who may impersonate": ["users.view", "users.impersonate"],
    "helper with an owner's rights": [*BUILTIN_ROLES["owner"][2], "users.impersonate"],
    "helper who may not": ["users.view", "users.edit"],
}
IN_A_TEAM = {
    "owner": BUILTIN_ROLES["owner"][2],
    "manager": BUILTIN_ROLES["manager"][2],
    "student": [],
    "team role that may impersonate": ["users.view", "users.impersonate"],
    "team role with tools": ["tools.import"],
}


@pytest.fixture
def people(db) -> dict[str, User]:
    """One person for each role, and one in two teams."""
    team = TeamFactory(owner_membership=False)
    found = {"superuser": UserFactory(is_superuser=True, is_staff=True), "nobody": UserFactory()}
    for name, codes in GLOBAL.items():
        builtin = name in BUILTIN_ROLES
        role = builtin_role(name) if builtin else RoleFactory(name=name, is_global=True, permissions=codes)
        found[name] = UserFactory(global_role=role, is_staff=True)
    for name, codes in IN_A_TEAM.items():
        role = builtin_role(name) if name in BUILTIN_ROLES else RoleFactory(name=name, permissions=codes)
        found[name] = MembershipFactory(team=team, role=role).user
    found["student here, owner there"] = MembershipFactory(team=team).user
    MembershipFactory(user=found["student here, owner there"], role=builtin_role("owner"))
    found["helper who owns a team"] = UserFactory(global_role=found["helper who may not"].global_role)
    MembershipFactory(user=found["helper who owns a team"], role=builtin_role("owner"))
    return found


RIGHTS = GLOBAL | {name: set(codes) - FOR_THE_SITE for name, codes in IN_A_TEAM.items()}
RIGHTS |= {"nobody": [], "student here, owner there": IN_A_TEAM["owner"]}
RIGHTS["helper who owns a team"] = [*GLOBAL["helper who may not"], *IN_A_TEAM["owner"]]


def test_every_pair_of_roles(people):
    """The target's rights, in whatever team, are a part of what the impersonator has everywhere."""
    for (who, hijacker), (whom, hijacked) in itertools.product(people.items(), repeat=2):
        if who == whom or whom == "superuser":
            expected = False
        elif who == "superuser":
            expected = True
        else:
            able = who in GLOBAL and "users.impersonate" in GLOBAL[who]
            expected = able and set(RIGHTS[whom]) <= set(RIGHTS[who])
        assert may_impersonate(hijacker=hijacker, hijacked=hijacked) == expected, f"{who} as {whom}"


def test_the_table_above_says_yes_often_enough(people):
    helper = people["helper who may impersonate"]

    assert may_impersonate(hijacker=helper, hijacked=people["student"])
    assert not may_impersonate(hijacker=helper, hijacked=people["administrator"])
    assert not may_impersonate(hijacker=helper, hijacked=people["student here, owner there"])
    assert may_impersonate(hijacker=people["administrator"], hijacked=people["helper who owns a team"])


@pytest.mark.parametrize("whose", ["hijacker", "hijacked"])
def test_a_switched_off_account_takes_no_part(people, whose):
    pair = {"hijacker": people["administrator"], "hijacked": people["student"]}
    assert may_impersonate(**pair)

    User.objects.filter(pk=pair[whose].pk).update(is_active=False)

    assert not may_impersonate(**pair | {whose: User.objects.get(pk=pair[whose].pk)})


def test_only_staff_act_as_staff(people):
    helper, colleague = people["helper who may impersonate"], people["nobody"]
    assert may_impersonate(hijacker=helper, hijacked=colleague)

    User.objects.filter(pk=helper.pk).update(is_staff=False)
    User.objects.filter(pk=colleague.pk).update(is_staff=True)

    again = {name: User.objects.get(pk=person.pk) for name, person in people.items()}
    assert not may_impersonate(hijacker=again["helper who may impersonate"], hijacked=again["nobody"])


def test_impersonations_do_not_nest(people):
    administrator = people["administrator"]
    administrator.is_hijacked = True

    assert not may_impersonate(hijacker=administrator, hijacked=people["student"])
