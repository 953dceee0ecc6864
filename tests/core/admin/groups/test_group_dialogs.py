"""Assigning groups to teams, their directions and members: who may, what is refused, what follows."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from core.models import GroupAssignment, GroupMembership, OutboxEntry, SiteSettings
from integrations.models import SyncRun
from tests.dialogs import Inputs, row_is_gone, send_confirmed
from tests.factories import (
    GroupAssignmentFactory,
    GroupMembershipFactory,
    MembershipFactory,
    RoleFactory,
    ThinkificGroupFactory,
)

LIST = reverse("admin:core_thinkificgroup_changelist")
JOIN_ACME = "1 person of the group Interns will join Acme with the next sync of the groups."
JOIN_INTERNS = "3 people of Acme will join the group Interns in Thinkific."


def do(slug: str, *keys: int) -> str:
    return reverse(
        f"admin:core_thinkificgroup_{'do' if len(keys) == 1 else 'do_row'}", args=[keys[0], slug, *keys[1:]]
    )


def page_of(group, tab: str) -> str:
    return f"{reverse('admin:core_thinkificgroup_change', args=[group.pk])}?tab={tab}"


@pytest.fixture
def interns(db):
    return ThinkificGroupFactory(name="Interns", thinkific_id=9, last_synced_at=timezone.now())


@pytest.fixture
def gina(acme):
    """May assign groups at Acme, by a role of Acme's own."""
    role = RoleFactory(
        name="Group keeper", permissions=["teams.view", "users.view", "groups.view", "groups.assign"]
    )
    return MembershipFactory(team=acme, role=role).user


@pytest.mark.parametrize(
    ("direction", "sent"),
    [("disabled", 0), ("bidirectional", 2), ("dashboard_to_thinkific", 2), ("thinkific_to_dashboard", 0)],
)
def test_a_team_is_assigned_with_a_direction(alma, acme, ana, interns, signed_in, direction, sent):
    client = signed_in(alma)
    assert do("assign-team", interns.pk) in client.get(LIST).content.decode()

    send = send_confirmed if sent else type(client).post
    page = send(client, do("assign-team", interns.pk), {"team": acme.pk, "direction": direction}, follow=True)

    assignment = GroupAssignment.objects.get()
    assert (assignment.team, assignment.direction) == (acme, direction)
    assert OutboxEntry.objects.filter(entity="groupmembership").count() == sent  # Ana and the owner
    assert not SyncRun.objects.exists()
    assert "Interns is assigned to Acme now" in page.content.decode()


def test_assign_and_sync_now_reads_this_group(alma, acme, interns, signed_in, connected):
    form = {"team": acme.pk, "direction": "bidirectional", "and_sync": "1"}

    page = send_confirmed(signed_in(alma), do("assign-team", interns.pk), form, follow=True).content.decode()

    run = SyncRun.objects.get()
    assert (run.kind, run.options) == ("groups", {"group_id": interns.pk})
    assert reverse("admin:integrations_syncrun_change", args=[run.pk]) in page


@pytest.mark.parametrize(
    ("pressed", "asks"), [({}, "Yes, assign"), ({"and_sync": "1"}, "Yes, assign and sync now")]
)
def test_the_step_that_asks_has_one_button_for_what_was_pressed(
    alma, acme, ana, interns, signed_in, connected, pressed, asks
):
    url, client = do("assign-team", interns.pk), signed_in(alma)
    page = client.post(url, {"team": acme.pk, "direction": "bidirectional", **pressed}).content.decode()

    dialog = page.split('id="dialog"', 1)[1]
    assert re.findall(r"<button[^>]*>([^<]*)</button>", dialog) == [asks]
    client.post(url, Inputs(dialog).sent | {"team": acme.pk})
    assert GroupAssignment.objects.get().team == acme
    assert SyncRun.objects.exists() == bool(pressed)


def test_without_a_connection_assign_and_sync_changes_nothing_and_says_why(
    alma, acme, interns, signed_in, settings
):
    settings.THINKIFIC_SUBDOMAIN = ""
    form = {"team": acme.pk, "direction": "bidirectional", "and_sync": "1"}

    page = send_confirmed(signed_in(alma), do("assign-team", interns.pk), form).content.decode()

    assert "No Thinkific site is connected" in page
    assert not GroupAssignment.objects.exists()


@pytest.mark.parametrize(
    ("form", "beside"),
    [
        ({"direction": "bidirectional"}, "team"),
        ({"direction": "sideways"}, "direction"),
        ({"direction": ""}, "direction"),
    ],
)
def test_bad_input_is_answered_beside_the_field(alma, acme, interns, signed_in, form, beside):
    response = signed_in(alma).post(do("assign-team", interns.pk), {"team": "", **form})

    assert beside in response.context["form"].errors
    assert not GroupAssignment.objects.exists()


def test_assigning_twice_is_refused_beside_the_team(alma, acme, interns, signed_in):
    form = {"team": acme.pk, "direction": "disabled"}
    client = signed_in(alma)
    client.post(do("assign-team", interns.pk), form)

    response = client.post(do("assign-team", interns.pk), form)

    assert "is assigned to Acme already" in str(response.context["form"].errors["team"])
    assert GroupAssignment.objects.count() == 1


def test_a_direction_is_changed_and_an_assignment_removed(alma, acme, interns, signed_in):
    assignment = GroupAssignmentFactory(group=interns, team=acme, direction="disabled")
    client = signed_in(alma)
    assert (
        do("change-direction", interns.pk, assignment.pk)
        in client.get(page_of(interns, "teams")).content.decode()
    )

    client.post(do("change-direction", interns.pk, assignment.pk), {"direction": "thinkific_to_dashboard"})
    assignment.refresh_from_db()
    assert assignment.direction == "thinkific_to_dashboard"

    client.post(do("unassign", interns.pk, assignment.pk))
    assert not GroupAssignment.objects.exists()


def test_an_assignment_of_another_group_is_not_reached(alma, acme, interns, signed_in):
    other = GroupAssignmentFactory(team=acme)

    assert row_is_gone(signed_in(alma).post(do("unassign", interns.pk, other.pk)))
    assert GroupAssignment.objects.filter(pk=other.pk).exists()


def test_members_are_added_and_removed_as_settings_and_directions_allow(
    alma, acme, bo, otto, interns, signed_in, settings
):
    settings.THINKIFIC_ACCESS_TOKEN = "a-token"
    client = signed_in(alma)
    refused = client.post(do("add-member", interns.pk), {"user": otto.pk}).content.decode()
    assert "No team sends changes of Interns to Thinkific" in refused
    GroupAssignmentFactory(group=interns, team=acme, direction="bidirectional")

    page = client.post(do("add-member", interns.pk), {"user": otto.pk}, follow=True).content.decode()
    membership = GroupMembership.objects.get(user=otto)
    assert "1 of its members waits to be sent" in page
    assert membership.push_state == "pending"

    assert not SiteSettings.load().mirror_group_removals
    client.post(do("remove-member", interns.pk, membership.pk))
    membership.refresh_from_db()
    assert membership.removed_at is not None


@pytest.mark.parametrize("lacks", ["a direction", "a token", "nothing"])
def test_removing_and_adding_members_is_offered_where_it_can_work_and_the_page_says_why_not(
    alma, acme, bo, interns, signed_in, settings, lacks
):
    settings.THINKIFIC_ACCESS_TOKEN = "" if lacks == "a token" else "a-token"
    direction = "thinkific_to_dashboard" if lacks == "a direction" else "bidirectional"
    GroupAssignmentFactory(group=interns, team=acme, direction=direction)
    member = GroupMembershipFactory(group=interns, user=bo)

    page = signed_in(alma).get(page_of(interns, "users")).content.decode()

    assert (do("remove-member", interns.pk, member.pk) in page) is (lacks == "nothing")
    assert (do("add-member", interns.pk) in page) is (lacks != "a direction")
    assert ("No team sends changes of Interns to Thinkific" in page) is (lacks == "a direction")
    assert ("there is no access token" in page) is (lacks == "a token")


def test_the_setting_of_automatic_removals_says_what_it_does_both_ways(alma, signed_in):
    address = reverse("admin:core_sitesettings_change", args=[SiteSettings.load().pk])

    page = signed_in(alma).get(f"{address}?tab=thinkific").content.decode()

    assert "who left a group in Thinkific leaves the team here" in page
    assert "who leaves a team here leaves its groups in Thinkific" in page
    assert "Remove from Group works without it" in page


@pytest.mark.parametrize(
    ("direction", "said"),
    [
        ("bidirectional", [JOIN_ACME, JOIN_INTERNS]),
        ("thinkific_to_dashboard", [JOIN_ACME]),
        ("dashboard_to_thinkific", [JOIN_INTERNS]),
        ("disabled", []),
    ],
)
@pytest.mark.parametrize("way", ["assign", "assign and sync", "attach", "change direction"])
def test_an_assignment_says_how_many_it_moves_before_and_after(
    alma, acme, ana, bo, otto, interns, signed_in, direction, said, way, connected
):
    GroupMembershipFactory(group=interns, user=otto)
    client, form = signed_in(alma), {"direction": direction}
    url = do("assign-team", interns.pk)
    if way == "change direction":
        before = "disabled" if said else "bidirectional"
        assignment = GroupAssignmentFactory(group=interns, team=acme, direction=before)
        url = do("change-direction", interns.pk, assignment.pk)
    elif way == "attach":
        url, form["group"] = reverse("admin:core_team_do", args=[acme.pk, "attach-group"]), interns.pk
    else:
        form |= {"team": acme.pk} | ({"and_sync": "1"} if way == "assign and sync" else {})

    if said:
        asked = client.post(url, form).context["confirm"]
        assert asked == " ".join(said)
        form["confirmed"] = asked
    page = client.post(url, form, follow=True).content.decode()

    assert [words for words in said if words not in page] == []
    assert page.count("will join") == len(said)
    assert GroupAssignment.objects.get().direction == direction


def test_an_assignment_that_only_brings_people_here_asks_and_leaves_the_empty_half_out(
    alma, acme, otto, interns, signed_in
):
    everybody = [membership.user for membership in acme.memberships.all()]
    for user in [otto, *everybody]:
        GroupMembershipFactory(group=interns, user=user)
    form = {"team": acme.pk, "direction": "bidirectional"}
    client = signed_in(alma)

    asked = client.post(do("assign-team", interns.pk), form).context["confirm"]
    assert asked == JOIN_ACME
    assert not GroupAssignment.objects.exists()
    page = send_confirmed(client, do("assign-team", interns.pk), form, follow=True).content.decode()

    assert JOIN_ACME in page
    assert "0 people" not in page


def test_who_joins_a_team_by_an_assignment_goes_on_to_the_teams_other_groups(
    alma, acme, otto, interns, signed_in
):
    GroupMembershipFactory(group=interns, user=otto)
    GroupAssignmentFactory(team=acme, direction="dashboard_to_thinkific")
    form = {"team": acme.pk, "direction": "thinkific_to_dashboard"}

    asked = signed_in(alma).post(do("assign-team", interns.pk), form).context["confirm"]

    assert asked == f"{JOIN_ACME} They will also join the team's other group in Thinkific."


def test_the_page_says_how_the_group_stands(alma, ana, interns, signed_in):
    member = GroupMembershipFactory(group=interns, user=ana)
    client = signed_in(alma)
    says = [
        ("clean", "In step"),
        ("pending", "1 of its members waits to be sent"),
        ("failed", "Thinkific refused 1 of its members"),
    ]

    for state, sentence in says:
        GroupMembership.objects.filter(pk=member.pk).update(push_state=state)
        assert sentence in client.get(page_of(interns, "")).content.decode()


def test_a_group_with_a_new_assignment_is_not_called_in_step(alma, acme, interns, signed_in):
    client = signed_in(alma)
    assert "In step" in client.get(page_of(interns, "")).content.decode()
    assignment = GroupAssignmentFactory(
        group=interns, team=acme, direction="bidirectional", last_synced_at=None
    )

    assert "Waiting for a sync" in client.get(page_of(interns, "")).content.decode()
    assignment.last_error = "It has no members."
    assignment.save()
    assert "For Acme: It has no members." in client.get(page_of(interns, "")).content.decode()


def test_a_group_keeper_of_one_team_stays_in_it(gina, acme, globex, otto, ana, interns, signed_in):
    GroupAssignmentFactory(group=interns, team=acme, direction="bidirectional")
    theirs = GroupAssignmentFactory(group=interns, team=globex, direction="disabled")
    hidden = ThinkificGroupFactory(name="Hidden", thinkific_id=10)
    client = signed_in(gina)

    team = client.post(do("assign-team", interns.pk), {"team": globex.pk, "direction": "disabled"})
    user = client.post(do("add-member", interns.pk), {"user": otto.pk})
    client.post(do("add-member", interns.pk), {"user": ana.pk})

    assert "team" in team.context["form"].errors
    assert "user" in user.context["form"].errors
    assert [m.user for m in GroupMembership.objects.all()] == [ana]
    turned = client.post(do("change-direction", interns.pk, theirs.pk), {"direction": "bidirectional"})
    assert row_is_gone(turned)
    assert row_is_gone(client.post(do("unassign", interns.pk, theirs.pk)))
    assert GroupAssignment.objects.get(pk=theirs.pk).direction == "disabled"
    assert client.get(do("assign-team", hidden.pk)).status_code == 404


@pytest.mark.parametrize("who", ["mara", "ana"])
@pytest.mark.parametrize("slug", ["assign-team", "add-member", "sync-now"])
def test_without_the_permission_no_door_opens(request, acme, interns, signed_in, who, slug):
    GroupAssignmentFactory(group=interns, team=acme, direction="bidirectional")
    client = signed_in(request.getfixturevalue(who))

    assert client.get(do(slug, interns.pk)).status_code == 403
    assert client.post(do(slug, interns.pk), {"team": acme.pk, "direction": "disabled"}).status_code == 403


def test_a_group_that_is_gone_from_thinkific_is_neither_active_nor_offered_to_be_read(alma, acme, signed_in):
    asked = timezone.now()
    group = ThinkificGroupFactory(name="Gone", thinkific_id=7, removed_at=asked, sync_requested_at=asked)
    GroupAssignmentFactory(group=group, team=acme, direction="bidirectional")
    client = signed_in(alma)

    page = client.get(LIST).content.decode()
    detail = client.get(page_of(group, "teams")).content.decode()

    for html in (page, detail):
        assert do("sync-now", group.pk) not in html
        assert "Some changes are not synced yet" not in html
    assert "No longer in Thinkific" in page
    assert client.get(f"{LIST}?status=active").content.decode().count("Gone") == 0
    client.post(do("sync-now", group.pk))
    assert not SyncRun.objects.exists()
