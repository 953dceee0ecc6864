"""Move to Another Team: in the row of a user's and of a team's page, and for chosen members."""

import re

import pytest
from django.urls import reverse

from core.models import Membership, Team
from tests.factories import EnrollmentFactory, GroupAssignmentFactory, MembershipFactory, builtin_role

pytestmark = pytest.mark.django_db


@pytest.fixture
def both(acme, globex, mara):
    """Mara manages Globex too."""
    return MembershipFactory(team=globex, user=mara, role=builtin_role("manager"))


def words(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode()).replace("&#x27;", "'")


def addresses(user, team) -> list[str]:
    row = Membership.objects.get(user=user, team=team).pk
    return [
        reverse("admin:core_user_do_row", args=[user.pk, "move-team", row]),
        reverse("admin:core_team_do_row", args=[team.pk, "move-person", row]),
    ]


def tab(team) -> str:
    return reverse("admin:core_team_change", args=[team.pk]) + "?tab=users"


@pytest.mark.parametrize("place", [0, 1])
def test_a_manager_of_both_moves_somebody(
    both, acme, globex, acme_seat, accounting, mara, ana, signed_in, place
):
    EnrollmentFactory(user=ana, product=accounting, last_seat=acme_seat)
    client, address = signed_in(mara), addresses(ana, acme)[place]
    page = reverse("admin:core_user_change", args=[ana.pk]) + "?tab=teams" if place == 0 else tab(acme)
    assert address in client.get(page).content.decode()
    assert "Enrollments stay exactly as they are" in words(client.get(address))

    asked = client.post(address, {"team": globex.pk})
    assert "Ana Ames moves from Acme to Globex." in asked.context["confirm"]
    assert "Acme no longer sees 1 enrollment." in asked.context["confirm"]
    assert Membership.objects.filter(user=ana, team=acme).exists()
    said = client.post(address, {"team": globex.pk, "confirmed": asked.context["confirm"]}, follow=True)

    assert "Ana Ames has moved to Globex. Enrollments stay." in words(said)
    assert [row.team for row in Membership.objects.filter(user=ana)] == [globex]


def test_a_second_click_finds_nothing_to_move(both, acme, globex, mara, ana, signed_in):
    client, [address, _] = signed_in(mara), addresses(ana, acme)
    confirm = client.post(address, {"team": globex.pk}).context["confirm"]
    Membership.objects.filter(user=ana, team=acme).delete()
    MembershipFactory(user=ana, team=globex)

    client.post(address, {"team": globex.pk, "confirmed": confirm}, follow=True)

    assert Membership.objects.filter(user=ana).count() == 1


def test_a_manager_of_one_team_has_no_such_action(acme, globex, mara, ana, signed_in):
    client = signed_in(mara)

    for page in (tab(acme), reverse("admin:core_user_change", args=[ana.pk]) + "?tab=teams"):
        assert "Move to Another Team" not in words(client.get(page))
    for address in addresses(ana, acme):
        assert client.get(address).status_code == 403
        assert client.post(address, {"team": globex.pk}).status_code == 403
    assert Membership.objects.get(user=ana).team == acme


def test_a_foreign_team_is_no_choice(both, acme, mara, ana, signed_in):
    foreign = MembershipFactory().team

    response = signed_in(mara).post(addresses(ana, acme)[0], {"team": foreign.pk})

    assert "You cannot add people to this team." in str(response.context["form"].errors["team"])


def test_a_full_team_is_said_beside_it(both, acme, globex, mara, ana, signed_in):
    Team.objects.filter(pk=globex.pk).update(max_members=0)

    response = signed_in(mara).post(addresses(ana, acme)[0], {"team": globex.pk})

    assert "Globex has no room" in str(response.context["form"].errors["team"])


def test_owners_have_no_such_action(both, acme, owen, alma, signed_in):
    page = signed_in(alma).get(tab(acme)).content.decode()

    assert addresses(owen, acme)[1] not in page


def test_chosen_members_are_moved_together(both, acme, globex, mara, ana, bo, signed_in):
    client = signed_in(mara)
    form = {"action": "move_to_team", "_selected_action": [ana.pk, bo.pk], "index": "0"}
    assert "Enrollments stay exactly" in words(client.post(tab(acme), form))

    asked = client.post(tab(acme), form | {"started": "1", "team": globex.pk})
    said = client.post(
        tab(acme),
        form | {"started": "1", "team": globex.pk, "confirmed": asked.context["confirm"]},
        follow=True,
    )

    assert (
        "Ana Ames and Bo" in asked.context["confirm"]
        and "move from Acme to Globex" in asked.context["confirm"]
    )
    assert "have moved to Globex" in words(said)
    assert {row.team for row in Membership.objects.filter(user__in=[ana, bo])} == {globex}


def test_who_is_there_already_gets_no_role_and_no_group(acme, globex, alma, ana, signed_in):
    MembershipFactory(user=ana, team=globex)
    GroupAssignmentFactory(team=globex, direction="bidirectional")
    client, address = signed_in(alma), addresses(ana, acme)[0]

    asked = client.post(address, {"team": globex.pk, "role": builtin_role("manager").pk}).context["confirm"]

    assert "Ana Ames moves from Acme to Globex." in asked and "as Manager" not in asked
    assert "1 is in Globex already, and keeps the role there." in asked
    assert "They will also join" not in asked
