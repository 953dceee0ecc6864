"""Groups: the matrix of directions, two teams on one group, and who leaves."""

import pytest
from django.utils import timezone

from core.errors import Refusal
from core.models import (
    Direction,
    GroupAssignment,
    GroupMembership,
    Membership,
    OutboxEntry,
    SiteSettings,
    ThinkificGroup,
    User,
)
from core.services import groups, memberships, outbox, people
from core.services.teams import leaving
from integrations.thinkific.push.prerequisites import NotYet, id_of_group
from tests.factories import TeamFactory, UserFactory, builtin_role

from .conftest import counts

PUSHING = [Direction.BIDIRECTIONAL, Direction.DASHBOARD_TO_THINKIFIC]
PULLING = [Direction.BIDIRECTIONAL, Direction.THINKIFIC_TO_DASHBOARD]


@pytest.fixture
def student():
    return builtin_role("student")


@pytest.fixture
def team(_connected):
    return TeamFactory(name="Acme")


@pytest.fixture
def group(site, pull, team):
    """A group in Thinkific without members."""
    site.write("create_group", name="Acme people")
    pull("users")
    pull("groups")
    return ThinkificGroup.objects.get(name="Acme people")


def members(site, group):
    return set(site.members[group.thinkific_id])


def somebody_there():
    return User.objects.filter(thinkific_id__isnull=False, is_dashboard_user=False).first()


@pytest.mark.parametrize("direction", Direction.values)
def test_who_joins_a_team_goes_to_the_group_by_its_direction(site, push, team, group, student, direction):
    groups.assign(group=group, team=team, direction=direction)
    push()
    before = members(site, group)
    user = somebody_there()

    memberships.add_member(team=team, user=user, role=student)
    push()

    assert (members(site, group) - before == {user.thinkific_id}) is (direction in PUSHING)
    assert not OutboxEntry.objects.unsent().exists()


@pytest.mark.parametrize("direction", Direction.values)
def test_who_joins_a_group_comes_to_the_team_by_its_direction(site, pull, team, group, direction):
    groups.assign(group=group, team=team, direction=direction)
    user = somebody_there()
    site.write("add_members", user_ids=[user.thinkific_id], group_ids=[group.thinkific_id])
    entries = OutboxEntry.objects.count()

    pull("groups")

    assert Membership.objects.filter(team=team, user=user).exists() is (direction in PULLING)
    assert OutboxEntry.objects.count() == entries  # a pull pushes nothing


@pytest.mark.parametrize("direction", Direction.values)
def test_nobody_leaves_on_either_side_by_default(site, push, pull, team, group, student, direction):
    groups.assign(group=group, team=team, direction=direction)
    stays, leaves = User.objects.filter(thinkific_id__isnull=False, is_dashboard_user=False)[:2]
    for user in (stays, leaves):
        memberships.add_member(team=team, user=user, role=student)
        memberships.add_member(team=TeamFactory(), user=user, role=student)
        site.write("add_members", user_ids=[user.thinkific_id], group_ids=[group.thinkific_id])
    push()
    pull("groups")

    leaving.remove_members(team=team, users=[leaves])
    push()
    assert leaves.thinkific_id in members(site, group)

    site.write("remove_from_groups", user_ids=[stays.thinkific_id], group_ids=[group.thinkific_id])
    pull("groups")
    assert Membership.objects.filter(team=team, user=stays).exists()


@pytest.mark.parametrize("direction", PULLING)
def test_a_pull_does_not_bring_back_who_was_taken_out_of_the_team(
    site, pull, team, group, student, direction
):
    groups.assign(group=group, team=team, direction=direction)
    user = somebody_there()
    memberships.add_member(team=TeamFactory(), user=user, role=student)
    site.write("add_members", user_ids=[user.thinkific_id], group_ids=[group.thinkific_id])
    pull("groups")

    leaving.remove_members(team=team, users=[user])
    pull("groups")
    assert not Membership.objects.filter(team=team, user=user).exists()

    # Who leaves the group and comes again joins again.
    site.write("remove_from_groups", user_ids=[user.thinkific_id], group_ids=[group.thinkific_id])
    pull("groups")
    site.write("add_members", user_ids=[user.thinkific_id], group_ids=[group.thinkific_id])
    pull("groups")
    assert Membership.objects.filter(team=team, user=user).exists()


def test_two_teams_share_a_group_in_two_directions(site, push, pull, group, student):
    sends, takes = TeamFactory(name="Sends"), TeamFactory(name="Takes")
    groups.assign(group=group, team=sends, direction=Direction.DASHBOARD_TO_THINKIFIC)
    groups.assign(group=group, team=takes, direction=Direction.THINKIFIC_TO_DASHBOARD)
    push()
    before = members(site, group)
    one, two, three = User.objects.filter(thinkific_id__isnull=False, is_dashboard_user=False)[:3]

    memberships.add_member(team=sends, user=one, role=student)
    memberships.add_member(team=takes, user=two, role=student)
    push()
    site.write("add_members", user_ids=[three.thinkific_id], group_ids=[group.thinkific_id])
    pull("groups")

    assert members(site, group) - before == {one.thinkific_id, three.thinkific_id}
    assert set(
        Membership.objects.filter(team=takes, user__in=[one, two, three]).values_list("user", flat=True)
    ) == {
        one.pk,
        two.pk,
        three.pk,
    }
    assert not Membership.objects.filter(team=sends, user__in=[two, three]).exists()


def test_assigning_sends_the_members_that_a_team_has(site, push, team, group, student):
    user = somebody_there()
    memberships.add_member(team=team, user=user, role=student)
    assignment = groups.assign(group=group, team=team, direction=Direction.THINKIFIC_TO_DASHBOARD)
    push()
    assert user.thinkific_id not in members(site, group)

    groups.change_direction(assignment, direction=Direction.BIDIRECTIONAL)
    push()
    assert user.thinkific_id in members(site, group)
    assert team.owner.email in [site.users[number].email for number in members(site, group)]


def test_a_new_group_and_a_new_person_are_made_first(site, push, pull, team, student):
    group = groups.create(name="Brand new")
    groups.assign(group=group, team=team)
    user = people.create_user(email="ada@new.example", first_name="Ada", memberships=[(team, student)])

    outcome = push()

    group.refresh_from_db()
    user.refresh_from_db()
    assert outcome["done"] == 5  # the group, Ada, the owner, and both in it
    assert members(site, group) >= {user.thinkific_id}
    assert group.token == site.groups[group.thinkific_id]["token"]
    pull("users")
    pull("groups")
    assert counts(pull("groups")) == {}


def test_what_another_thread_has_just_made_is_not_made_again(push):
    group = groups.create(name="Brand new")
    read_before = ThinkificGroup.objects.get(pk=group.pk)
    push()

    with pytest.raises(NotYet):
        id_of_group(read_before)

    assert not OutboxEntry.objects.unsent().exists()


def test_a_lost_answer_makes_no_second_group(site, push, thinkific):
    thinkific.faults.add("lost_answer", method="POST", path="/groups$", next=1)
    group = groups.create(name="Brand new")

    assert push() == {"retried": 1, "done": 1}
    group.refresh_from_db()
    assert [g["id"] for g in site.groups if g["name"] == "Brand new"] == [group.thinkific_id]


def test_a_lost_answer_to_adding_a_member_does_no_harm(site, push, team, group, student, thinkific):
    groups.assign(group=group, team=team)
    push()
    thinkific.faults.add("lost_answer", method="POST", path="/group_users", next=1)
    memberships.add_member(team=team, user=somebody_there(), role=student)

    assert push() == {"retried": 1, "done": 1}
    assert somebody_there().thinkific_id in members(site, group)


def test_where_the_settings_allow_it_who_leaves_the_team_leaves_the_group(
    site, push, pull, team, group, student
):
    _allow_removals()
    groups.assign(group=group, team=team)
    user = somebody_there()
    memberships.add_member(team=TeamFactory(), user=user, role=student)
    membership = memberships.add_member(team=team, user=user, role=student)
    push()
    assert user.thinkific_id in members(site, group)

    leaving.remove_members(team=membership.team, users=[membership.user])
    pull("groups")  # while it waits, a pull does not undo it
    assert not Membership.objects.filter(team=team, user=user).exists()
    push()
    pull("groups")

    assert user.thinkific_id not in members(site, group)
    assert GroupMembership.objects.get(group=group, user=user).removed_at is not None
    assert not Membership.objects.filter(team=team, user=user).exists()


def test_another_team_s_group_keeps_who_leaves_one(site, push, team, group, student):
    _allow_removals()
    other = TeamFactory()
    for one in (team, other):
        groups.assign(group=group, team=one)
    user = somebody_there()
    membership = memberships.add_member(team=team, user=user, role=student)
    memberships.add_member(team=other, user=user, role=student)
    leaving.remove_members(team=membership.team, users=[membership.user])
    push()

    assert user.thinkific_id in members(site, group)


def test_without_a_token_a_removal_says_what_to_do(site, push, team, group, student, settings):
    settings.THINKIFIC_ACCESS_TOKEN = ""
    _allow_removals()
    groups.assign(group=group, team=team)
    groups.add_member(group=group, user=somebody_there())
    push()
    groups.remove_member(GroupMembership.objects.get(user=somebody_there()))
    push()

    assert "Do it by hand in Thinkific" in OutboxEntry.objects.get(status="failed").error


def test_a_refused_token_holds_up_only_what_needs_it(site, push, team, group, student, settings):
    settings.THINKIFIC_ACCESS_TOKEN = "x" * 40
    _allow_removals()
    groups.assign(group=group, team=team)
    groups.add_member(group=group, user=somebody_there())
    push()
    groups.remove_member(GroupMembership.objects.get(user=somebody_there()))
    people.create_user(email="ada@new.example", first_name="Ada")
    push(2)

    assert site.user_by_email("ada@new.example")
    waiting = OutboxEntry.objects.unsent().get()
    assert (waiting.entity, waiting.status, waiting.attempts) == ("groupmembership", "pending", 0)


def test_a_group_that_nobody_sends_to_takes_no_members_from_here(team, group):
    groups.assign(group=group, team=team, direction=Direction.THINKIFIC_TO_DASHBOARD)

    with pytest.raises(Refusal, match="No team sends changes"):
        groups.add_member(group=group, user=UserFactory())
    assert not OutboxEntry.objects.exists()


def test_a_group_that_was_deleted_in_thinkific_is_said_to_be(site, push, team, group, student):
    groups.assign(group=group, team=team)
    push()
    site.write("delete_group", group_id=group.thinkific_id)
    memberships.add_member(team=team, user=somebody_there(), role=student)

    assert push() == {"failed": 1}
    assert "Invalid group_names. Sync the groups" in OutboxEntry.objects.get(status="failed").error
    assert GroupAssignment.objects.exists()


def test_who_leaves_a_team_whose_group_is_gone_leaves_nothing_to_be_done(
    site, push, pull, team, group, student
):
    _allow_removals()
    groups.assign(group=group, team=team)
    user = somebody_there()
    memberships.add_member(team=TeamFactory(), user=user, role=student)
    membership = memberships.add_member(team=team, user=user, role=student)
    push()
    ThinkificGroup.objects.filter(pk=group.pk).update(sync_requested_at=timezone.now())
    leaving.remove_members(team=membership.team, users=[membership.user])
    site.write("delete_group", group_id=group.thinkific_id)

    pull("groups")

    assert push() == {"done": 1}
    assert not ThinkificGroup.objects.with_pending().get(pk=group.pk).is_pending


def _allow_removals():
    settings = SiteSettings.load()
    settings.mirror_group_removals = True
    settings.save()


@pytest.mark.parametrize("with_member", [True, False])
@pytest.mark.parametrize("direction", [*Direction.values])
def test_the_status_is_active_from_an_assignment_to_the_end_of_the_run(
    site, push, pull, team, group, student, direction, with_member
):
    """Full -> Active -> Full, on the screen, whatever there is to send."""

    def status():
        return "Active" if ThinkificGroup.objects.with_pending().get(pk=group.pk).is_pending else "Full"

    if with_member:
        memberships.add_member(team=team, user=somebody_there(), role=student)
        push()
    assert status() == "Full"

    groups.assign(group=group, team=team, direction=direction)
    assert status() == ("Full" if direction == Direction.DISABLED else "Active")

    push()
    pull("groups")

    assert status() == "Full"
    assignment = GroupAssignment.objects.get()
    assert (assignment.last_synced_at is not None) is (direction != Direction.DISABLED)


def test_a_refusal_stands_at_the_assignment_until_it_is_sent(site, push, thinkific, team, group, student):
    assignment = groups.assign(group=group, team=team, direction=Direction.DASHBOARD_TO_THINKIFIC)
    push()
    thinkific.faults.add("422", path="group")
    user = somebody_there()
    memberships.add_member(team=team, user=user, role=student)

    assert push() == {"failed": 1}

    assignment.refresh_from_db()
    assert assignment.last_error.startswith(
        f"Not sent to Thinkific for {user}. Thinkific does not add people"
    )
    assert "Sync the groups to see whether it was renamed or deleted there." in assignment.last_error
    thinkific.faults.clear()
    outbox.retry(OutboxEntry.objects.filter(status="failed"))
    push()
    assignment.refresh_from_db()
    assert assignment.last_error == ""
