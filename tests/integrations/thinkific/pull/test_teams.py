"""Who joins which team: by the options of the run, by the settings, by the direction of a group."""

import pytest

from core.models import GroupMembership, Membership, OutboxEntry, SiteSettings, ThinkificGroup, User
from tests.factories import GroupAssignmentFactory, TeamFactory, builtin_role

pytestmark = pytest.mark.django_db


def members(team):
    return set(
        Membership.objects.filter(team=team)
        .exclude(user=team.owner)
        .values_list("user__thinkific_id", flat=True)
    )


def test_without_a_team_people_are_listed_as_unassigned(pull):
    pull("users")

    assert User.objects.unassigned().filter(thinkific_id__isnull=False).count() == 40


def test_people_without_a_team_join_the_default_one_once(pull, acme):
    SiteSettings.objects.update(default_team=acme)

    pull("users")
    pull("users")

    assert len(members(acme)) == 40
    assert set(acme.memberships.exclude(user=acme.owner).values_list("role__code", flat=True)) == {"student"}
    assert Membership.history.filter(history_change_reason__startswith="Thinkific").count() == 40


def test_people_join_the_team_that_the_import_names(pull, acme, globex):
    SiteSettings.objects.update(default_team=globex)

    pull("users", team_id=acme.pk)

    assert (len(members(acme)), len(members(globex))) == (40, 0)


@pytest.mark.parametrize(
    ("direction", "joins"),
    [
        ("disabled", False),
        ("dashboard_to_thinkific", False),
        ("thinkific_to_dashboard", True),
        ("bidirectional", True),
    ],
)
def test_the_direction_says_whether_members_join(pull, thinkific, acme, direction, joins):
    pull("groups")
    group = ThinkificGroup.objects.first()
    GroupAssignmentFactory(group=group, team=acme, direction=direction)

    pull("groups")

    assert members(acme) == (set(thinkific.site.members[group.thinkific_id]) if joins else set())


def test_one_group_serves_two_teams_in_two_directions(pull, thinkific):
    pull("groups")
    group = ThinkificGroup.objects.first()
    pulls, pushes = TeamFactory(), TeamFactory()
    GroupAssignmentFactory(
        group=group, team=pulls, direction="thinkific_to_dashboard", role=builtin_role("manager")
    )
    GroupAssignmentFactory(group=group, team=pushes, direction="dashboard_to_thinkific")

    pull("groups")

    assert members(pulls) == set(thinkific.site.members[group.thinkific_id])
    assert members(pushes) == set()
    roles = pulls.memberships.exclude(user=pulls.owner).values_list("role__code", flat=True)
    assert set(roles) == {"manager"}


def test_nobody_who_is_in_a_team_gets_another_role_there(pull, thinkific, acme):
    pull("groups")
    group = ThinkificGroup.objects.first()
    someone = User.objects.get(thinkific_id=next(iter(thinkific.site.members[group.thinkific_id])))
    Membership.objects.create(team=acme, user=someone, role=builtin_role("manager"))
    GroupAssignmentFactory(group=group, team=acme, direction="bidirectional")

    pull("groups")

    assert Membership.objects.get(team=acme, user=someone).role.code == "manager"


def test_an_import_from_groups_brings_members_into_the_teams_it_names(pull, thinkific, acme, globex):
    pull("groups")
    first, second, third = ThinkificGroup.objects.order_by("pk")

    pull(
        "groups",
        mappings=[
            {"group_id": first.pk, "team_id": acme.pk, "role_id": builtin_role("manager").pk},
            {"group_id": second.pk, "team_id": globex.pk, "role_id": None},
            {"group_id": third.pk, "team_id": 987_654, "role_id": None},
        ],
    )

    assert members(acme) == set(thinkific.site.members[first.thinkific_id])
    assert members(globex) == set(thinkific.site.members[second.thinkific_id])
    assert set(acme.memberships.exclude(user=acme.owner).values_list("role__code", flat=True)) == {"manager"}
    assert set(globex.memberships.exclude(user=globex.owner).values_list("role__code", flat=True)) == {
        "student"
    }


def sent(group):
    """Returns the Thinkific ids of people whom the outbox will add to the group, and the primary keys of
    those who asked."""
    rows = GroupMembership.objects.filter(group=group, push_state="pending")
    entries = OutboxEntry.objects.filter(entity="groupmembership", object_id__in=rows.values("pk"))
    assert set(entries.values_list("object_id", flat=True)) == set(rows.values_list("pk", flat=True))
    return set(rows.values_list("user__thinkific_id", flat=True)), set(
        entries.values_list("requested_by", flat=True)
    )


@pytest.mark.parametrize("named", [True, False], ids=["the team of the import", "the default team"])
def test_who_joins_a_team_by_a_pull_is_sent_to_its_groups(pull, acme, alma, named):
    group = GroupAssignmentFactory(team=acme, direction="dashboard_to_thinkific").group
    if not named:
        SiteSettings.objects.update(default_team=acme)

    pull("users", started_by=alma, **({"team_id": acme.pk} if named else {}))

    assert sent(group) == (members(acme), {alma.pk})
    assert len(members(acme)) == 40
    OutboxEntry.objects.all().delete()
    pull("users", started_by=alma)
    assert not OutboxEntry.objects.exists()


def test_who_joins_by_a_group_is_sent_to_the_teams_other_groups_only(pull, thinkific, acme):
    pull("groups")
    first, other, out, _ = [*ThinkificGroup.objects.order_by("pk"), None]
    GroupAssignmentFactory(group=first, team=acme, direction="bidirectional")
    GroupAssignmentFactory(group=other, team=acme, direction="dashboard_to_thinkific")
    GroupAssignmentFactory(group=out, team=acme, direction="disabled")

    pull("groups")

    there = {number: set(thinkific.site.members[number]) for number in thinkific.site.members}
    assert sent(first)[0] == sent(out)[0] == set()
    assert sent(other)[0] == there[first.thinkific_id] - there[other.thinkific_id]
