"""Personal teams: shown on the team's page, switched on by administrators, one for each owner."""

import re

import pytest
from django.urls import reverse

from core.errors import Refusal
from core.models import SiteSettings, Team, User
from core.services.accounts import deletions
from core.services.teams import personal, teams
from tests.factories import MembershipFactory, TeamFactory, builtin_role

pytestmark = pytest.mark.django_db


def do(slug: str, team: Team) -> str:
    return reverse("admin:core_team_do", args=[team.pk, slug])


def words(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode()).replace("&#x27;", "'")


def details(**values) -> dict:
    return {"name": "Acme", "description": "", "max_members": ""} | values


def test_an_administrator_switches_it_on_and_off(alma, owen, acme, signed_in):
    client, page = signed_in(alma), reverse("admin:core_team_change", args=[acme.pk])
    assert re.search(r"Personal team of its owner.{0,400}No", words(client.get(page)))

    client.post(do("edit", acme), details(is_personal="on"))

    acme.refresh_from_db()
    owen.refresh_from_db()
    assert (acme.is_personal, owen.primary_team) == (True, acme)
    assert re.search(r"Personal team of its owner.{0,400}Yes", words(client.get(page)))
    for thing in (acme, owen):
        change = thing.history.latest()
        assert (change.history_user, change.history_change_reason) == (alma, "personal team")
    SiteSettings.load()
    SiteSettings.objects.update(delete_students_of_users=True)
    assert deletions.obstacle(owen, by=alma) == ""

    client.post(do("edit", acme), details())

    acme.refresh_from_db()
    owen.refresh_from_db()
    assert (acme.is_personal, owen.primary_team) == (False, None)
    assert owen.history.latest().history_change_reason == "no longer a personal team"


def test_what_is_so_already_is_not_written(alma, owen, acme):
    personal.change(acme, True, by=alma)
    rows = acme.history.count(), owen.history.count()

    personal.change(acme, True, by=alma)

    assert (acme.history.count(), owen.history.count()) == rows


def test_an_owner_does_not_switch_it(owen, acme, signed_in):
    client = signed_in(owen)

    assert "is_personal" not in words(client.get(do("edit", acme)))
    client.post(do("edit", acme), details(is_personal="on", description="Ours"))

    acme.refresh_from_db()
    assert (acme.description, acme.is_personal) == ("Ours", False)


@pytest.mark.parametrize("stored", ["team", "user"])
def test_a_second_one_is_refused_with_the_name_of_the_first(alma, owen, acme, signed_in, stored):
    other = TeamFactory(name="Owen's people", owner=owen, is_personal=stored == "team")
    if stored == "user":
        User.objects.filter(pk=owen.pk).update(primary_team=other)

    response = signed_in(alma).post(do("edit", acme), details(is_personal="on", description="New"))

    said = str(response.context["form"].errors["is_personal"])
    assert "people is the personal team of Owen Owner already, and everybody has at most one" in said
    acme.refresh_from_db()
    assert (acme.is_personal, acme.description) == (False, "")


def test_with_another_owner_it_becomes_an_ordinary_team(alma, owen, acme, mara, signed_in):
    personal.change(acme, True, by=alma)
    client = signed_in(alma)
    asked = words(client.get(do("change-owner", acme)))
    assert "It is the personal team of Owen Owner, and becomes an ordinary team." in asked

    client.post(
        do("change-owner", acme), {"owner": mara.pk, "role": builtin_role("manager").pk, "former": owen.pk}
    )

    acme.refresh_from_db()
    owen.refresh_from_db()
    assert (acme.owner, acme.is_personal, owen.primary_team) == (mara, False, None)


def test_a_refused_owner_changes_nothing(alma, owen, acme):
    personal.change(acme, True, by=alma)
    stranger = MembershipFactory().user

    with pytest.raises(Refusal):
        teams.change_owner(acme, owner=stranger, former_role=builtin_role("manager"), by=alma)

    acme.refresh_from_db()
    assert acme.is_personal


def test_the_users_page_names_it_for_administrators(alma, owen, acme, signed_in):
    personal.change(acme, True, by=alma)

    page = words(signed_in(alma).get(reverse("admin:core_user_change", args=[owen.pk])))

    assert re.search(r"Personal team.{0,400}Acme", page)
