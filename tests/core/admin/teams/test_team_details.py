"""Editing a team, handing it over, archiving it: who may, what is refused, what is said."""

import pytest
from django.urls import reverse

from core.models import Membership, Team
from core.permissions import scope
from tests.factories import MembershipFactory, OrganizationFactory, RoleFactory, UserFactory, builtin_role


def do(slug: str, team: Team) -> str:
    return reverse("admin:core_team_do", args=[team.pk, slug])


def details(**values) -> dict:
    return {"name": "Acme", "description": "", "max_members": ""} | values


def test_an_administrator_changes_everything_about_a_team(alma, acme, signed_in):
    holding = OrganizationFactory(name="Holding")
    form = details(name="Acme North", description="Two lines", organization=holding.pk, max_members="12")

    page = signed_in(alma).post(do("edit", acme), form, follow=True).content.decode()

    acme.refresh_from_db()
    assert (acme.name, acme.description, acme.organization, acme.max_members) == (
        "Acme North",
        "Two lines",
        holding,
        12,
    )
    assert "Acme North is saved." in page


def test_a_limit_below_what_is_there_is_taken_and_explained(alma, acme, ana, bo, signed_in):
    page = signed_in(alma).post(do("edit", acme), details(max_members="1"), follow=True).content.decode()

    assert "It has 2 students, more than its limit" in page
    assert Membership.objects.filter(team=acme, user__in=[ana, bo]).count() == 2


def test_an_owner_changes_name_and_description_only(owen, acme, signed_in):
    holding = OrganizationFactory()
    client = signed_in(owen)

    asked = client.get(do("edit", acme)).content.decode()
    client.post(do("edit", acme), details(name="Ours", organization=holding.pk, max_members="500"))

    acme.refresh_from_db()
    assert (acme.name, acme.organization, acme.max_members) == ("Ours", None, None)
    assert "Organization" not in asked


@pytest.mark.parametrize(
    ("values", "beside", "says"),
    [
        ({"name": ""}, "name", "A team needs a name"),
        ({"name": " \t "}, "name", "A team needs a name"),
        ({"name": "n" * 10_000}, "name", "255"),
        ({"name": "gloBEX"}, "name", "already"),
        ({"description": "d" * 10_001}, "description", "10000"),
        ({"max_members": "-1"}, "max_members", "greater than or equal to 0"),
        ({"max_members": "9" * 30}, "max_members", "less than or equal"),
        ({"max_members": "many"}, "max_members", "whole number"),
        ({"organization": "987654"}, "organization", "no such organization"),
    ],
)
def test_rubbish_is_answered_beside_the_field(alma, acme, globex, signed_in, values, beside, says):
    response = signed_in(alma).post(do("edit", acme), details() | values)

    assert says in str(response.context["form"].errors[beside])
    assert Team.objects.get(pk=acme.pk).history.count() == 1


def test_a_team_is_handed_to_a_member(owen, acme, mara, signed_in):
    form = {"owner": mara.pk, "role": builtin_role("manager").pk}

    page = signed_in(owen).post(do("change-owner", acme), form, follow=True).content.decode()

    acme.refresh_from_db()
    assert acme.owner == mara
    assert "Mara Marsh owns Acme now; Owen Owner stays in it as Manager." in page


def test_a_team_that_was_handed_over_meanwhile_is_not_taken_from_the_new_owner(
    alma, owen, acme, mara, ana, signed_in
):
    client, role = signed_in(alma), builtin_role("manager").pk
    shown = client.get(do("change-owner", acme)).context["form"]["former"].value()
    client.post(do("change-owner", acme), {"owner": mara.pk, "role": role, "former": shown})
    late = {"owner": ana.pk, "role": role, "former": shown}

    response = client.post(do("change-owner", acme), late)

    assert "Mara Marsh owns Acme now" in str(response.context["form"].errors["owner"])
    assert Team.objects.get(pk=acme.pk).owner == mara
    client.post(do("change-owner", acme), late | {"former": response.context["form"]["former"].value()})
    assert Team.objects.get(pk=acme.pk).owner == ana


@pytest.mark.parametrize("who", ["otto", "alma", "owen"])
def test_a_team_is_not_handed_to_who_is_not_in_it(request, alma, owen, otto, acme, signed_in, who):
    form = {"owner": request.getfixturevalue(who).pk, "role": builtin_role("manager").pk}

    response = signed_in(alma).post(do("change-owner", acme), form)

    assert "must be a member of the team" in str(response.context["form"].errors["owner"])
    assert Team.objects.get(pk=acme.pk).owner == owen


def test_nobody_raises_themselves_to_the_owner(acme, owen, signed_in):
    editor = RoleFactory(name="Editor", permissions=["teams.view", "teams.edit"])
    ed = MembershipFactory(team=acme, role=editor).user
    form = {"owner": ed.pk, "role": builtin_role("student").pk}

    assert signed_in(ed).get(do("edit", acme)).status_code == 200
    assert signed_in(ed).post(do("change-owner", acme), form).status_code == 403
    assert Team.objects.get(pk=acme.pk).owner == owen


def test_archiving_says_what_it_does_and_is_taken_back(alma, acme, ana, bo, signed_in):
    client = signed_in(alma)
    assert "Its members (3)" in client.get(do("archive", acme)).content.decode()

    client.post(do("archive", acme))
    page = client.get(reverse("admin:core_team_change", args=[acme.pk])).content.decode()
    assert Team.objects.get(pk=acme.pk).archived_at
    assert "Archived" in page
    assert do("edit", acme) not in page

    client.post(do("restore", acme))
    assert Team.objects.get(pk=acme.pk).archived_at is None


def test_a_name_taken_meanwhile_is_said_on_restoring(alma, acme, signed_in):
    client = signed_in(alma)
    client.post(do("archive", acme))
    Team.objects.create(name="ACME", owner=acme.owner)

    assert "There is a team “Acme” already" in client.post(do("restore", acme)).content.decode()
    assert Team.objects.get(pk=acme.pk).archived_at


@pytest.mark.parametrize(
    ("who", "allowed"),
    [("mara", set()), ("ana", set()), ("owen", {"edit", "change-owner"}), ("gwen", None)],
)
def test_who_may_change_what(request, acme, ana, mara, gwen, globex, signed_in, who, allowed):
    client = signed_in(request.getfixturevalue(who))

    for slug in ("edit", "change-owner", "archive"):
        expected = 404 if allowed is None else (200 if slug in allowed else 403)
        assert client.get(do(slug, acme)).status_code == expected, slug
        assert client.post(do(slug, acme), {}).status_code == expected, slug
    acme.refresh_from_db()
    assert (acme.name, acme.archived_at) == ("Acme", None)


def test_a_helper_for_everywhere_without_the_permission_changes_no_team(acme, signed_in):
    looker = RoleFactory(name="Looker", is_global=True, permissions=["teams.view"])
    lena = UserFactory(global_role=looker)

    for slug in ("edit", "change-owner", "archive"):
        assert signed_in(lena).post(do(slug, acme), details()).status_code == 403
    assert not scope.may_change_owner(lena, acme)
