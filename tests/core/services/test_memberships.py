import pytest

from core.errors import Refusal
from core.models import Direction, GroupMembership, Membership, OutboxEntry, SiteSettings
from core.services import memberships
from core.services.teams import leaving
from tests.factories import GroupAssignmentFactory, MembershipFactory, TeamFactory, UserFactory, builtin_role

pytestmark = pytest.mark.django_db


@pytest.fixture
def student(db):
    return builtin_role("student")


def test_joining_is_recorded_with_who_did_it(acme, mara, otto, student):
    membership = memberships.add_member(team=acme, user=otto, role=student, by=mara)

    assert membership.history.get().history_user == mara
    assert memberships.add_member(team=acme, user=otto, role=builtin_role("manager")).pk == membership.pk
    assert Membership.objects.get(team=acme, user=otto).role.code == "manager"


def test_a_full_team_takes_no_student_but_a_manager(acme, ana, otto, student):
    acme.max_members = 1
    acme.save()
    with pytest.raises(memberships.TeamIsFull, match="1 of 1"):
        memberships.add_member(team=acme, user=otto, role=student)
    memberships.add_member(team=acme, user=otto, role=builtin_role("manager"))


def test_a_global_role_is_none_for_a_team(acme, otto):
    with pytest.raises(Refusal, match="is a global role"):
        memberships.add_member(team=acme, user=otto, role=builtin_role("administrator"))


def test_the_owner_cannot_leave(acme):
    with pytest.raises(Refusal, match="Make somebody else the owner first"):
        leaving.remove_members(team=acme, users=[acme.owner])
    assert Membership.objects.filter(team=acme, user=acme.owner).exists()


def test_the_owner_is_replaced_and_not_made_something_else(acme, owen, student):
    with pytest.raises(Refusal, match="owns Acme"):
        memberships.change_role(Membership.objects.get(team=acme, user=owen), role=student)

    assert Membership.objects.get(team=acme, user=owen).role.code == "owner"


@pytest.mark.parametrize("mirrors", [True, False])
def test_who_leaves_a_team_leaves_its_groups_where_the_setting_says_so(acme, ana, globex, mirrors):
    SiteSettings.load()
    SiteSettings.objects.update(mirror_group_removals=mirrors)
    MembershipFactory(team=globex, user=ana)
    sent, received, shared = (
        GroupAssignmentFactory(team=acme, direction=direction).group
        for direction in (Direction.BIDIRECTIONAL, Direction.THINKIFIC_TO_DASHBOARD, Direction.BIDIRECTIONAL)
    )
    GroupAssignmentFactory(team=globex, group=shared, direction=Direction.BIDIRECTIONAL)
    for group in (sent, received, shared):
        GroupMembership.objects.create(group=group, user=ana)

    leaving.remove_members(team=acme, users=[ana])

    left = GroupMembership.objects.filter(removed_at__isnull=False)
    assert [row.group for row in left] == ([sent] if mirrors else [])


def test_the_last_team_is_kept_unless_there_is_a_default_one(acme, ana, mara):
    membership = Membership.objects.get(team=acme, user=ana)
    with pytest.raises(Refusal, match="the only team of Ana Ames"):
        leaving.remove_members(team=membership.team, users=[membership.user])

    settings = SiteSettings.load()
    settings.default_team = TeamFactory(name="Everybody")
    settings.save()
    leaving.remove_members(team=membership.team, users=[membership.user], by=mara)

    assert [m.team.name for m in ana.memberships.all()] == ["Everybody"]
    assert Membership.history.filter(history_type="-").get().history_user == mara


@pytest.mark.parametrize("direction", Direction.values)
def test_joining_a_team_marks_the_groups_that_it_sends_to(acme, otto, student, direction):
    assignment = GroupAssignmentFactory(team=acme, direction=direction)
    GroupAssignmentFactory(group=assignment.group, direction=Direction.BIDIRECTIONAL)  # of another team

    memberships.add_member(team=acme, user=otto, role=student)

    sent = set(OutboxEntry.objects.values_list("entity", flat=True))
    pushes = direction in (Direction.BIDIRECTIONAL, Direction.DASHBOARD_TO_THINKIFIC)
    assert sent == ({"groupmembership", "user"} if pushes else set())
    assert GroupMembership.objects.filter(user=otto, push_state="pending").exists() is pushes


def test_who_is_in_the_group_already_is_not_sent_again(acme, student):
    assignment = GroupAssignmentFactory(team=acme)
    user = UserFactory(from_thinkific=True)
    GroupMembership.objects.create(group=assignment.group, user=user)
    MembershipFactory(user=user)

    memberships.add_member(team=acme, user=user, role=student)
    assert not OutboxEntry.objects.exists()
