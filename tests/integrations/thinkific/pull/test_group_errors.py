"""Each assignment of a group says when it was synced last, and what went wrong last, in a sentence that says
what helps."""

import pytest
from django.urls import reverse

from core.models import GroupAssignment, GroupMembership, ThinkificGroup, User
from core.services import groups
from core.services.mirror.groups import note_not_sent, note_pushed
from integrations.thinkific.sandbox import Scale, Site
from tests.factories import GroupMembershipFactory, MembershipFactory, TeamFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def origin():
    return Site.generate(Scale(users=20, courses=2, builder_courses=0, bundles=0, groups=2), seed=3)


@pytest.fixture
def assignment(pull, acme):
    pull("groups")
    group = ThinkificGroup.objects.order_by("pk").first()
    return groups.assign(group=group, team=acme, direction="thinkific_to_dashboard")


def said(assignment) -> str:
    return GroupAssignment.objects.get(pk=assignment.pk).last_error


FAULTS = {
    "500": "The next sync of the groups tries again.",
    "401": "An administrator can correct this in Settings.",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failed_sync_stands_at_the_assignment_until_one_succeeds(
    assignment, pull, thinkific, alma, mara, signed_in, fault
):
    thinkific.faults.add(fault, path="users")
    assert pull("groups", group_id=assignment.group_id).status in {"failed", "partial"}

    assert said(assignment).startswith("Members could not be read from Thinkific. ")
    assert said(assignment).endswith(FAULTS[fault])
    url = reverse("admin:core_thinkificgroup_change", args=[assignment.group_id])
    for viewer, page in ((alma, url), (mara, reverse("admin:core_team_change", args=[assignment.team_id]))):
        tab = "teams" if page == url else "groups"
        shown = signed_in(viewer).get(f"{page}?tab={tab}").content.decode()
        assert "Members could not be read from Thinkific." in shown and FAULTS[fault] in shown

    thinkific.faults.clear()
    pull("groups", group_id=assignment.group_id)
    assert said(assignment) == ""
    assert GroupAssignment.objects.get(pk=assignment.pk).last_synced_at is not None


def test_a_run_of_all_groups_says_it_for_those_that_were_not_read(assignment, pull, thinkific):
    other = groups.assign(
        group=ThinkificGroup.objects.order_by("pk").last(),
        team=TeamFactory(),
        direction="thinkific_to_dashboard",
    )
    pushes = GroupAssignment.objects.create(
        group=assignment.group, team=TeamFactory(), direction="dashboard_to_thinkific"
    )
    thinkific.faults.add("500", path=f"group_id%5D={other.group.thinkific_id}")

    pull("groups")

    assert said(assignment) == said(pushes) == ""
    assert "tries again" in said(other)


def test_a_refused_member_is_named_to_their_own_teams_only(acme, ana, globex):
    row = GroupMembershipFactory(user=ana, push_state=GroupMembership.PushState.FAILED)
    mine, theirs = (
        GroupAssignment.objects.create(group=row.group, team=team, direction="bidirectional")
        for team in (acme, globex)
    )

    note_not_sent(row.pk, "Thinkific does not add people to it.")

    assert said(mine) == "Not sent to Thinkific for Ana Ames. Thinkific does not add people to it."
    assert said(theirs) == ""
    MembershipFactory(team=globex, user=User.objects.get(pk=ana.pk))
    note_pushed(row.group, now=acme.created_at)
    assert said(mine)  # it is still refused
    GroupMembership.objects.update(push_state=GroupMembership.PushState.CLEAN)
    note_pushed(row.group, now=acme.created_at)
    assert said(mine) == ""
