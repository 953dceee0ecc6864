"""Making a team, its people and its groups, from the team's side."""

import pytest
from django.urls import reverse

from core.models import GroupAssignment, Membership, Team
from tests.dialogs import row_is_gone, send_confirmed
from tests.factories import GroupAssignmentFactory, OrganizationFactory, ThinkificGroupFactory, builtin_role


def do(slug: str, *keys: int) -> str:
    name = ("do_new", "do", "do_row")[len(keys)]
    return reverse(f"admin:core_team_{name}", args=[*keys[:1], slug, *keys[1:]])


def test_a_team_is_made_with_its_owner_in_it(alma, ana, signed_in):
    organization = OrganizationFactory(name="Holding")
    form = {"name": "  Night  shift ", "owner": ana.pk, "organization": organization.pk}

    signed_in(alma).post(do("add"), form)

    team = Team.objects.get(name="Night shift")
    assert (team.owner, team.organization) == (ana, organization)
    assert Membership.objects.get(team=team).role.code == "owner"
    ana.refresh_from_db()
    assert ana.is_dashboard_user


@pytest.mark.parametrize(
    ("values", "beside"), [({"name": ""}, "name"), ({"name": "ACME"}, "name"), ({"owner": ""}, "owner")]
)
def test_bad_input_is_answered_beside_the_field(alma, acme, ana, signed_in, values, beside):
    response = signed_in(alma).post(do("add"), {"name": "New", "owner": ana.pk} | values)

    assert beside in response.context["form"].errors
    assert list(Team.objects.all()) == [acme]


@pytest.mark.parametrize("who", ["mara", "owen", "ana"])
def test_teams_are_made_by_administrators(request, acme, signed_in, who):
    client = signed_in(request.getfixturevalue(who))

    assert client.post(do("add"), {"name": "Mine", "owner": acme.owner_id}).status_code == 403


def test_a_manager_adds_and_removes_people_they_see(mara, owen, ana, otto, acme, globex, signed_in, alma):
    client = signed_in(mara)
    student = builtin_role("student").pk
    membership = Membership.objects.get(team=acme, user=ana)

    hidden = client.post(do("add-person", acme.pk), {"user": otto.pk, "role": student})
    again = client.post(do("add-person", acme.pk), {"user": ana.pk, "role": student})
    signed_in(alma).post(do("add-person", acme.pk), {"user": otto.pk, "role": student})

    assert "You cannot add this person" in str(hidden.context["form"].errors["user"])
    assert "is in Acme already" in str(again.context["form"].errors["user"])
    ottos = Membership.objects.get(team=acme, user=otto)
    client.post(do("remove-person", acme.pk, ottos.pk))
    assert not Membership.objects.filter(pk=ottos.pk).exists()
    assert Membership.objects.filter(pk=membership.pk).exists()
    assert client.post(do("add-person", globex.pk), {"user": ana.pk, "role": student}).status_code == 404
    owners = Membership.objects.get(team=acme, user=owen)
    assert row_is_gone(client.post(do("remove-person", acme.pk, owners.pk)))  # he may do more


def test_a_group_is_attached_turned_and_detached(alma, acme, signed_in):
    group = ThinkificGroupFactory(name="Interns", thinkific_id=9)
    client = signed_in(alma)

    client.post(do("attach-group", acme.pk), {"group": group.pk, "direction": "disabled"})
    again = client.post(do("attach-group", acme.pk), {"group": group.pk, "direction": "disabled"})
    assignment = GroupAssignment.objects.get()
    send_confirmed(client, do("change-direction", acme.pk, assignment.pk), {"direction": "bidirectional"})

    assignment.refresh_from_db()
    assert "is assigned to Acme already" in str(again.context["form"].errors["group"])
    assert assignment.direction == "bidirectional"
    client.post(do("unassign", acme.pk, assignment.pk))
    assert not GroupAssignment.objects.exists()


def test_an_owner_without_the_permission_leaves_groups_alone(owen, acme, signed_in):
    assignment = GroupAssignmentFactory(team=acme, direction="disabled")
    client = signed_in(owen)

    assert client.post(do("attach-group", acme.pk), {"group": assignment.group_id}).status_code == 403
    assert client.post(do("unassign", acme.pk, assignment.pk)).status_code == 403
