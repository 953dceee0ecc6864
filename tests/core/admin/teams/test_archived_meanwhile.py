"""Dialogs of a team that was archived while they were open, and those with nothing to choose yet."""

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from core.models import Team
from tests.factories import TeamFactory

pytestmark = pytest.mark.django_db

STATE = "Acme is archived. Nothing was changed. An administrator can restore it."


def do(slug, *keys):
    name = "do" if len(keys) == 1 else "do_row"
    return reverse(f"admin:core_team_{name}", args=[keys[0], slug, *keys[1:]])


def said(response):
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def page_of(team, tab=""):
    return reverse("admin:core_team_change", args=[team.pk]) + (f"?tab={tab}" if tab else "")


@pytest.fixture
def archived(acme):
    Team.objects.filter(pk=acme.pk).update(archived_at=timezone.now())
    return acme


@pytest.mark.parametrize("who", ["alma", "owen"])
@pytest.mark.parametrize("slug", ["edit", "add-user", "add-person"])
def test_who_has_the_right_is_told_the_state(request, archived, signed_in, who, slug):
    client = signed_in(request.getfixturevalue(who))

    plain = client.post(do(slug, archived.pk), {})
    over = client.post(do(slug, archived.pk), {}, headers={"HX-Request": "true"})

    assert (plain.status_code, plain.url.split("?")[0]) == (302, page_of(archived))
    assert said(plain).startswith(STATE)
    assert over.headers["HX-Redirect"].split("?")[0] == page_of(archived)


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_members_chosen_before_stay_and_it_is_said(alma, ana, archived, signed_in, headers):
    form = {"action": "remove_from_team", "_selected_action": [ana.pk]}

    answer = signed_in(alma).post(page_of(archived, "users"), form, headers=headers)

    assert STATE in (answer.content.decode() if headers else said(answer))
    assert archived.memberships.filter(user=ana).exists()


def test_who_may_not_is_told_nothing_of_the_state(ana, owen, archived, signed_in):
    hidden = TeamFactory(name="Hidden", archived_at=timezone.now())

    assert signed_in(ana).post(do("edit", archived.pk), {}).status_code in {403, 404}
    assert signed_in(owen).post(do("edit", hidden.pk), {}).status_code == 404
    assert signed_in(owen).post(do("archive", archived.pk), {}).status_code == 403


def test_archiving_and_a_new_owner_name_the_state(alma, archived, signed_in):
    for slug in ("archive", "change-owner"):
        answer = signed_in(alma).post(do(slug, archived.pk), {})
        assert said(answer).startswith("Acme is archived.")


def test_a_team_of_one_is_told_to_add_a_member_first(alma, acme, signed_in):
    page = signed_in(alma).get(do("change-owner", acme.pk)).content.decode()

    assert "Acme has no other member with an active account. Add a member first" in page


def test_a_team_without_a_seat_is_told_who_assigns_one(owen, ana, acme, signed_in):
    form = {"action": "add_enrollment", "_selected_action": [ana.pk]}

    page = signed_in(owen).post(page_of(acme, "users"), form).content.decode()

    assert "Acme has no seat yet that enrolls people. An administrator assigns one" in page
