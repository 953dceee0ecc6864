"""Overrides on a membership: what is inherited, allowed and denied, seen by every question of scope.py."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.models import Membership, Role, SiteSettings, User
from core.permissions import scope
from core.permissions.backend import codes_of, may_impersonate, rights_of
from core.permissions.codes import MANAGER_PERMISSIONS, PERMISSIONS
from core.permissions.overrides import effective, without_required
from core.services import identity, memberships
from core.services.teams import teams
from tests.factories import MembershipFactory, RoleFactory, UserFactory, builtin_role

pytestmark = pytest.mark.django_db


def override(user: User, team, **effects: str) -> User:
    """Store overrides as `users_create="deny"`. Returns the user as the next request reads them."""
    stored = {code.replace("_", ".", 1): effect for code, effect in effects.items()}
    assert Membership.objects.filter(user=user, team=team).update(overrides=stored) == 1
    return User.objects.get(pk=user.pk)


def test_what_is_denied_is_gone_in_this_team_only(mara, acme, globex):
    MembershipFactory(team=globex, user=mara, role=builtin_role("manager"))
    mara = override(mara, acme, enrollments_delete="deny")

    assert "enrollments.delete" not in scope.codes_in(mara, acme.pk)
    assert "enrollments.delete" in scope.codes_in(mara, globex.pk)
    assert list(scope.teams_where(mara, "enrollments.delete")) == [globex]
    assert mara.has_perm("core.delete_enrollment")


def test_what_is_allowed_is_held_without_a_role_that_has_it(ana, acme):
    assert not ana.has_perm("core.view_user")
    ana = override(ana, acme, users_view="allow", teams_view="allow")

    assert ana.has_perm("core.view_user")
    assert codes_of(ana) == rights_of(ana) == {"users.view", "teams.view"}
    assert list(ana.managed_teams()) == [acme]


def test_who_may_not_see_the_team_any_more_sees_nobody_of_it(mara, ana, acme):
    assert ana in User.objects.visible_to(mara)
    mara = override(mara, acme, teams_view="deny")

    assert list(User.objects.visible_to(mara)) == [mara]
    assert not mara.managed_teams().exists()


def test_another_override_leaves_what_is_inherited(mara, acme):
    mara = override(mara, acme, enrollments_delete="deny", seats_edit="allow")

    assert list(mara.managed_teams()) == [acme]
    assert scope.codes_in(mara, acme.pk) == {*MANAGER_PERMISSIONS, "seats.edit"} - {"enrollments.delete"}


def test_a_file_of_people_needs_the_right_to_add_people(owen, acme):
    assert "tools.csv" in scope.codes_in(owen, acme.pk)
    owen = override(owen, acme, users_create="deny")

    assert not {"tools.csv", "users.create"} & scope.codes_in(owen, acme.pk)
    assert "users.create" not in codes_of(owen) and "tools.csv" not in codes_of(owen)
    assert "Allow both" in without_required({"tools.csv"})
    assert without_required({"tools.csv", "users.create"}) == ""


def test_codes_that_this_version_does_not_know_are_nobodys():
    assert effective(["users.view", "users.fly"], {"teams.fly": "allow"}) == {"users.view"}


def test_a_member_with_more_rights_by_override_is_out_of_reach(mara, ana, bo, acme):
    assert {ana, bo} <= {m.user for m in scope.memberships_where(mara, "teams.assign")}
    override(ana, acme, teams_edit="allow")
    override(bo, acme, enrollments_delete="allow")

    reached = {m.user for m in scope.memberships_where(mara, "teams.assign")}

    assert ana not in reached and bo in reached
    assert not scope.may_change_account(mara, ana)
    assert scope.may_change_account(mara, bo)


def test_a_member_with_fewer_rights_by_override_is_within_reach(mara, acme):
    other = MembershipFactory(team=acme, role=builtin_role("manager")).user
    mara = override(mara, acme, enrollments_delete="deny")
    assert other not in {m.user for m in scope.memberships_where(mara, "teams.assign")}

    override(other, acme, enrollments_delete="deny")

    assert {mara, other} <= {m.user for m in scope.memberships_where(mara, "teams.assign")}


@pytest.mark.parametrize("everywhere", [False, True])
def test_the_rows_that_may_be_changed_are_those_with_no_more_rights(acme, everywhere):
    """The condition in SQL and the comparison in Python say the same."""
    codes = {"teams.view", "teams.assign", "users.view"}
    role = RoleFactory(permissions=sorted(codes), is_global=everywhere)
    viewer = UserFactory(global_role=role if everywhere else None)
    if not everywhere:
        MembershipFactory(team=acme, user=viewer, role=role)
    some = [["users.view"], ["users.view", "users.edit"], [], ["users.edit"]]
    for permissions in some:
        held = RoleFactory(permissions=permissions)
        for overrides in (
            None,
            {},
            {"users.edit": "deny"},
            {"users.edit": "allow"},
            {"teams.view": "allow", "users.view": "deny"},
            {"users.edit": "deny", "audit.view": "allow"},
        ):
            MembershipFactory(team=acme, role=held, overrides=overrides)

    found = set(scope.memberships_where(viewer, "teams.assign"))

    assert found == {m for m in Membership.objects.filter(team=acme) if m.codes() <= codes}
    assert 8 < len(found) < 24


def test_a_student_with_an_allowed_right_is_a_protected_account(ana, acme):
    assert not identity.is_protected(ana)
    override(ana, acme, users_view="deny")
    assert not identity.is_protected(ana)

    override(ana, acme, users_view="allow")

    assert identity.is_protected(ana)
    assert identity.describe_rights(ana) == ["Student in Acme"]


def test_nobody_acts_as_a_person_with_a_right_that_they_lack(ana, acme):
    codes = sorted(PERMISSIONS.keys() - {"seats.assign"})
    hugo = UserFactory(is_staff=True, global_role=RoleFactory(is_global=True, permissions=codes))
    assert may_impersonate(hijacker=hugo, hijacked=ana)

    ana = override(ana, acme, seats_assign="allow")

    assert not may_impersonate(hijacker=hugo, hijacked=ana)


def test_new_members_begin_with_the_default_permissions_of_their_role(alma, acme, bo):
    settings = SiteSettings.load()
    settings.default_overrides = {"owner": {"tools.csv": "deny"}, "manager": {"enrollments.delete": "deny"}}
    settings.save()

    made = teams.create(name="Umbrella", owner=bo, by=alma)
    manager = memberships.add_member(
        team=acme, user=UserFactory(), role=Role.objects.get(code="manager"), by=alma
    )
    student = memberships.add_member(
        team=acme, user=UserFactory(), role=Role.objects.get(code="student"), by=alma
    )

    assert made.memberships.get().overrides == {"tools.csv": "deny"}
    assert manager.overrides == {"enrollments.delete": "deny"}
    assert student.overrides is None


def test_a_role_that_begins_with_a_right_that_the_giver_lacks_is_not_offered(mara, acme):
    assert scope.roles_to_give(mara, acme).filter(code="manager").exists()
    SiteSettings.load()
    SiteSettings.objects.update(default_overrides={"manager": {"teams.edit": "allow"}})
    assert not scope.roles_to_give(mara, acme).filter(code="manager").exists()

    SiteSettings.objects.update(default_overrides={"manager": {"enrollments.delete": "deny"}})
    mara = override(mara, acme, enrollments_delete="deny")

    assert scope.roles_to_give(mara, acme).filter(code="manager").exists()


def test_another_role_keeps_what_is_denied_and_drops_what_was_allowed(alma, ana, acme):
    override(ana, acme, teams_edit="allow", enrollments_delete="deny")
    membership = Membership.objects.get(user=ana, team=acme)

    memberships.change_role(membership, role=Role.objects.get(code="manager"), by=alma)

    membership.refresh_from_db()
    assert membership.overrides == {"enrollments.delete": "deny"}
    assert membership.history.latest().overrides == {"enrollments.delete": "deny"}


def test_rights_cost_the_same_number_of_queries_for_one_team_and_for_many(mara):
    def count() -> int:
        viewer = User.objects.get(pk=mara.pk)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            viewer.has_perm("core.view_user")
            scope.holds(viewer, "users.view")
            list(scope.memberships_where(viewer, "teams.assign"))
            list(scope.roles_to_give(viewer))
            list(viewer.managed_teams())
        return len(asked)

    first = count()
    for _ in range(5):
        MembershipFactory(
            user=mara, role=RoleFactory(permissions=["teams.view"]), overrides={"teams.assign": "allow"}
        )

    assert count() == first
