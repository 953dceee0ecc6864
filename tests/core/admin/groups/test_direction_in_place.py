"""The direction of an assignment is changed in its row: the answer to a script, and the form without one."""

import pytest
from django.urls import reverse

from core.models import GroupAssignment, Membership, OutboxEntry
from tests.factories import GroupAssignmentFactory, ThinkificGroupFactory, builtin_role

AS_SCRIPT = {"Accept": "application/json"}


@pytest.fixture
def assignment(acme, ana):
    group = ThinkificGroupFactory(name="Interns", thinkific_id=9)
    return GroupAssignmentFactory(group=group, team=acme, direction="disabled")


@pytest.fixture(params=["group", "team"])
def place(request, assignment):
    """The page of the group or of the team, and the address of the choice in the row there."""
    obj = getattr(assignment, request.param)
    name = f"admin:core_{obj._meta.model_name}"
    tab = {"group": "teams", "team": "groups"}[request.param]
    page = f"{reverse(f'{name}_change', args=[obj.pk])}?tab={tab}"
    return page, reverse(f"{name}_do_row", args=[obj.pk, "set-direction", assignment.pk])


def allow(user) -> None:
    Membership.objects.filter(user=user).update(overrides={"groups.assign": "allow", "groups.view": "allow"})


def choose(direction: str, shown: str = "disabled") -> dict[str, str]:
    return {"direction": direction, "initial-direction": shown}


@pytest.mark.parametrize("who", ["alma", "mara"])
def test_a_choice_is_saved_at_once_with_history(request, acme, assignment, place, mara, signed_in, who):
    person = request.getfixturevalue(who)
    allow(mara)
    page, url = place
    client = signed_in(person)
    assert f'action="{url}"' in client.get(page).content.decode()

    answer = client.post(url, choose("dashboard_to_thinkific"), headers=AS_SCRIPT)

    assignment.refresh_from_db()
    assert assignment.direction == "dashboard_to_thinkific"
    assert answer.json() == {
        "said": "Group Interns, team Acme: Dashboard-to-Thinkific from now on. 3 people of Acme will join "
        "the group Interns in Thinkific."
    }
    assert OutboxEntry.objects.filter(entity="groupmembership").count() == 3  # Owen, Mara, Ana
    row = assignment.history.latest()
    assert (row.direction, row.history_user, row.history_change_reason) == (
        "dashboard_to_thinkific",
        person,
        "direction changed",
    )


def test_the_role_on_joining_stays(alma, assignment, place, signed_in):
    assignment.role = builtin_role("manager")
    assignment.save()

    signed_in(alma).post(place[1], choose("bidirectional"), headers=AS_SCRIPT)

    assignment.refresh_from_db()
    assert (assignment.direction, assignment.role.code) == ("bidirectional", "manager")


def test_what_somebody_else_saved_meanwhile_is_said_and_kept(alma, assignment, place, signed_in):
    GroupAssignment.objects.update(direction="bidirectional")

    answer = signed_in(alma).post(place[1], choose("dashboard_to_thinkific"), headers=AS_SCRIPT)

    assert answer.status_code == 409
    assert "This is “Bidirectional” now. It was " in answer.json()["error"]
    assert answer.json()["now"] == {"direction": "bidirectional"}
    assignment.refresh_from_db()
    assert assignment.direction == "bidirectional"


def test_what_is_no_direction_is_refused_in_words(alma, assignment, place, signed_in):
    answer = signed_in(alma).post(place[1], choose("sideways"), headers=AS_SCRIPT)

    assert answer.json()["error"] == "Choose one of the four directions."
    assert answer.json()["now"] == {"direction": "disabled"}


def test_an_assignment_that_is_gone_is_said(alma, assignment, place, signed_in):
    assignment.delete()

    answer = signed_in(alma).post(place[1], choose("bidirectional"), headers=AS_SCRIPT)

    assert answer.status_code == 409
    assert "This row is no longer there" in answer.json()["error"]


def test_without_scripts_the_button_leads_back_with_a_message(alma, assignment, place, signed_in):
    page, url = place
    assert "<noscript><button" in signed_in(alma).get(page).content.decode()

    answer = signed_in(alma).post(url, choose("thinkific_to_dashboard"), follow=True)

    assert answer.redirect_chain[-1][0] == page
    assert "Group Interns, team Acme: Thinkific-to-Dashboard from now on." in answer.content.decode()


def test_others_read_a_text_and_change_nothing(assignment, place, mara, signed_in):
    Membership.objects.filter(user=mara).update(overrides={"groups.view": "allow"})
    page, url = place
    client = signed_in(mara)

    shown = client.get(page).content.decode()
    answer = client.post(url, choose("bidirectional"), headers=AS_SCRIPT)

    assert "Disabled" in shown and "set-direction" not in shown
    assert answer.status_code == 409 and "said" not in answer.json()
    assignment.refresh_from_db()
    assert assignment.direction == "disabled"


def test_the_assignment_of_another_team_is_like_missing(assignment, mara, globex, signed_in):
    """The group serves two teams; Mara may change hers."""
    theirs = GroupAssignmentFactory(group=assignment.group, team=globex, direction="disabled")
    allow(mara)
    client, name = signed_in(mara), "admin:core_thinkificgroup_do_row"

    answers = [
        client.post(
            reverse(name, args=[assignment.group_id, "set-direction", key]),
            choose("bidirectional"),
            headers=AS_SCRIPT,
        )
        for key in (theirs.pk, 999_999)
    ]

    assert answers[0].json() == answers[1].json()
    theirs.refresh_from_db()
    assert theirs.direction == "disabled"
