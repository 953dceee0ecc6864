"""Roles: nobody gives a right that they do not hold, and nobody loses a role by its deletion."""

import pytest

from core.errors import Refusal
from core.models import Membership, Role, SiteSettings, User
from core.permissions import scope
from core.permissions.codes import PERMISSIONS
from core.services import memberships
from core.services.roles import overrides, roles
from tests.factories import InvitationFactory, MembershipFactory, RoleFactory, UserFactory, builtin_role

pytestmark = pytest.mark.django_db


@pytest.fixture
def rita() -> User:
    """She may change roles, and otherwise see and add people."""
    held = ["roles.view", "roles.create", "roles.edit", "roles.delete", "users.view", "users.create"]
    return UserFactory(first_name="Rita", global_role=RoleFactory(is_global=True, permissions=held))


def test_a_role_is_made_with_its_history(alma, acme):
    role = roles.create(
        name="  Course  coach ", permissions=["users.view", "teams.view"], limited_to=[acme], by=alma
    )

    assert (role.name, role.permissions, role.is_global) == (
        "Course coach",
        ["teams.view", "users.view"],
        False,
    )
    row = role.history.get()
    assert (row.history_user, row.history_change_reason) == (alma, "role made, offered in Acme only")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"name": " "}, "needs a name"),
        ({"name": "x" * 101}, "at most 100"),
        ({"name": "MANAGER"}, "called Manager already"),
        ({"name": "Coach", "permissions": ["users.fly"]}, "no permission called users.fly"),
        ({"name": "Coach", "permissions": ["tools.csv"]}, "Allow both"),
    ],
)
def test_a_role_that_makes_no_sense_is_refused(alma, values, why):
    with pytest.raises(Refusal, match=why):
        roles.create(by=alma, **values)

    assert Role.objects.filter(code=None).count() == 0


def test_nobody_gives_a_permission_that_they_lack(rita, mara):
    role = roles.create(name="Adder", permissions=["users.view"], by=rita)
    with pytest.raises(Refusal, match="Edit users"):
        roles.create(name="Editor", permissions=["users.view", "users.edit"], by=rita)
    with pytest.raises(Refusal, match="Edit users"):
        roles.change_permissions(role, add=["users.edit"], by=rita)
    with pytest.raises(Refusal, match="do not have"):
        roles.create(name="Coach", permissions=["users.view"], by=mara)  # holds it in her team only

    role.refresh_from_db()
    assert role.permissions == ["users.view"]


def test_nobody_widens_the_role_that_they_hold_themselves(rita):
    with pytest.raises(Refusal):
        roles.change_permissions(rita.global_role, add=["settings.edit"], by=rita)


def test_a_role_with_more_rights_than_the_viewer_is_out_of_reach(rita):
    role = RoleFactory(name="Accountant", permissions=["users.view", "seats.edit"])
    for change in (
        lambda: roles.update(role, name="Mine", by=rita),
        lambda: roles.update(role, name="Accountant", is_global=True, by=rita),
        lambda: roles.change_permissions(role, remove=["seats.edit"], by=rita),
        lambda: roles.delete(role, by=rita),
        lambda: roles.change_permissions(Role.objects.get(code="manager"), remove=["users.edit"], by=rita),
    ):
        with pytest.raises(Refusal, match="permissions that you do not have"):
            change()

    assert Role.objects.filter(name="Accountant", permissions=role.permissions).exists()


@pytest.mark.parametrize("code", ["administrator", "student"])
def test_the_permissions_of_administrators_and_students_are_fixed(root, code):
    role = Role.objects.get(code=code)
    before = role.permissions

    with pytest.raises(Refusal, match=role.name):
        roles.change_permissions(role, add=["users.view"], remove=["settings.edit"], by=root)

    role.refresh_from_db()
    assert role.permissions == before


def test_what_changes_is_felt_at_the_next_request(alma, mara, acme):
    manager = Role.objects.get(code="manager")
    assert mara.has_perm("core.delete_enrollment")

    roles.change_permissions(manager, add=["teams.edit"], remove=["enrollments.delete"], by=alma)

    mara = User.objects.get(pk=mara.pk)
    assert not mara.has_perm("core.delete_enrollment")
    assert scope.holds_in(mara, "teams.edit", acme)
    assert manager.history.latest().history_change_reason == "permissions changed"


def test_two_people_change_different_permissions_of_one_role(alma, root):
    role = RoleFactory(permissions=["users.view"])
    stale = Role.objects.get(pk=role.pk)
    roles.change_permissions(role, add=["users.create"], by=alma)

    roles.change_permissions(stale, remove=["users.view"], by=root)

    role.refresh_from_db()
    assert role.permissions == ["users.create"]


def test_a_used_role_is_not_deleted_and_says_how_many_have_it(alma, acme, globex):
    role = RoleFactory(name="Coach")
    one = MembershipFactory(team=acme, role=role).user
    MembershipFactory(team=globex, user=one, role=role)
    MembershipFactory(team=acme, role=role)
    InvitationFactory(team=acme, role=role)

    with pytest.raises(Refusal, match="2 people have this role, 1 invitation names it"):
        roles.delete(role, by=alma)

    assert Role.objects.filter(pk=role.pk).exists()


def test_a_global_role_of_somebody_is_not_deleted(alma, rita):
    with pytest.raises(Refusal, match="1 person has this role"):
        roles.delete(rita.global_role, by=alma)


def test_an_unused_role_is_deleted_and_a_built_in_one_is_not(alma):
    role = RoleFactory()
    roles.delete(role, by=alma)

    assert not Role.objects.filter(pk=role.pk).exists()
    with pytest.raises(Refusal, match="built in"):
        roles.delete(Role.objects.get(code="manager"), by=alma)


def test_a_used_role_does_not_become_global_and_an_unused_one_does(alma, acme):
    used, unused = RoleFactory(name="Coach"), RoleFactory(name="Auditor")
    member = MembershipFactory(team=acme, role=used)
    unused.limited_to.set([acme])

    with pytest.raises(Refusal, match="1 person has this role"):
        roles.update(used, name="Coach", is_global=True, by=alma)
    roles.update(unused, name="Auditor", is_global=True, by=alma)

    unused.refresh_from_db()
    assert unused.is_global and not unused.limited_to.exists()
    assert Membership.objects.get(pk=member.pk).role == used
    with pytest.raises(Refusal, match="built in"):
        roles.update(Role.objects.get(code="manager"), name="Manager", is_global=True, by=alma)


def test_a_role_is_offered_and_given_in_its_teams_only(alma, mara, acme, globex):
    role = RoleFactory(name="Coach", permissions=["users.view"])
    roles.update(role, name="Coach", limited_to=[globex], by=alma)

    assert role not in scope.roles_to_give(mara, acme)
    assert role not in scope.roles_to_give(alma, acme)
    assert role in scope.roles_to_give(alma, globex)
    with pytest.raises(Refusal, match="not offered in Acme"):
        memberships.add_member(team=acme, user=UserFactory(), role=role, by=alma)
    with pytest.raises(Refusal, match="not offered in Acme"):
        memberships.change_role(Membership.objects.get(user=mara, team=acme), role=role, by=alma)
    assert memberships.add_member(team=globex, user=UserFactory(), role=role, by=alma).role == role


def test_a_role_is_not_limited_to_fewer_teams_than_it_is_used_in(alma, acme, globex):
    role = RoleFactory(name="Coach")
    MembershipFactory(team=acme, role=role)

    with pytest.raises(Refusal, match="used in Acme too"):
        roles.update(role, name="Coach", limited_to=[globex], by=alma)
    roles.update(role, name="Coach", limited_to=[acme, globex], by=alma)

    assert role.limited_to.count() == 2
    with pytest.raises(Refusal, match="built in"):
        roles.update(Role.objects.get(code="manager"), name="Manager", limited_to=[acme], by=alma)


def test_default_permissions_are_stored_merged_and_in_the_history(alma):
    manager = Role.objects.get(code="manager")
    overrides.change_default_overrides(manager, changes={"enrollments.delete": "deny"}, by=alma)
    overrides.change_default_overrides(manager, changes={"teams.edit": "allow"}, by=alma)
    overrides.change_default_overrides(manager, changes={"enrollments.delete": None}, by=alma)

    settings = SiteSettings.load()
    assert settings.default_overrides == {"manager": {"teams.edit": "allow"}}
    assert settings.history.latest().history_user == alma


def test_default_permissions_give_no_more_than_their_author_has(alma, rita):
    owner, manager = Role.objects.get(code="owner"), Role.objects.get(code="manager")
    for role, changes, by, why in [
        (manager, {"enrollments.delete": "deny"}, rita, "do not have"),
        (owner, {"users.create": "deny"}, alma, "Allow both"),  # Owner may import files
        (manager, {"users.fly": "allow"}, alma, "permissions that there are"),
        (manager, {"users.edit": "perhaps"}, alma, "permissions that there are"),
        (Role.objects.get(code="student"), {"users.view": "allow"}, alma, "owners and managers"),
        (RoleFactory(), {"users.view": "allow"}, alma, "owners and managers"),
    ]:
        with pytest.raises(Refusal, match=why):
            overrides.change_default_overrides(role, changes=changes, by=by)

    assert SiteSettings.load().default_overrides is None


def test_the_administrator_changes_nothing_by_what_an_older_version_stored(alma):
    """An administrator has every permission, also those that the stored list lacks."""
    Role.objects.filter(code="administrator").update(permissions=[])
    role = roles.create(name="All", is_global=True, permissions=PERMISSIONS, by=User.objects.get(pk=alma.pk))

    assert len(role.permissions) == len(PERMISSIONS)
    assert builtin_role("administrator").permissions == []


def test_a_team_role_is_stored_without_what_only_a_global_role_gives(alma):
    sent = ["users.view", "settings.edit", "audit.view", "users.impersonate"]

    role = roles.create(name="Coach", permissions=sent, by=alma)
    assert role.permissions == ["users.view"]
    roles.change_permissions(role, add=["settings.edit", "seats.view"], by=alma)
    role.refresh_from_db()
    assert role.permissions == ["seats.view", "users.view"]


@pytest.mark.parametrize("is_global", [True, False])
def test_a_role_gets_no_rights_of_the_site_by_changing_its_kind(rita, is_global):
    """Permissions that are stored on a team role from before would count once the role is global."""
    role = RoleFactory(name="Old", is_global=not is_global, permissions=["roles.view", "users.view"])
    if is_global:
        Role.objects.filter(pk=role.pk).update(permissions=["settings.edit", "users.view"])

    roles.update(role, name="Old", is_global=is_global, by=rita)

    role.refresh_from_db()
    assert (role.is_global, role.permissions) == (is_global, ["users.view"])


def test_what_a_team_never_gives_is_no_right_of_its_members(mara, owen, ana, acme):
    """A role with permissions of the whole site, stored by an older version, keeps nobody out of reach."""
    role = RoleFactory(name="Coach", permissions=["users.view", "settings.edit", "audit.view"])
    Membership.objects.filter(team=acme, user=ana).update(role=role, overrides={"sync.manage": "allow"})
    owen = User.objects.get(pk=owen.pk)

    assert Membership.objects.get(team=acme, user=ana).codes() == {"users.view"}
    assert scope.memberships_where(owen, "teams.assign").filter(user=ana).exists()
    assert role in scope.roles_to_give(owen, acme)
    assert not User.objects.get(pk=ana.pk).has_perm("core.view_history")
