"""The personal team that stands for a user of the published API."""

import pytest

from core.services.api import personal_team
from core.services.teams import teams
from tests.factories import TeamFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_it_is_made_once_and_named_after_the_user(alma):
    ada = UserFactory(first_name="Ada", last_name="Roe")
    TeamFactory(name="Ada Roe")
    assert personal_team.known(ada) is None
    team = personal_team.of(ada, by=alma)
    assert (team.name, team.owner, team.is_personal) == ("Ada Roe 2", ada, True)
    ada.refresh_from_db()
    assert (ada.primary_team, ada.is_dashboard_user) == (team, True)
    assert personal_team.of(ada, by=alma) == team == personal_team.known(ada)


def test_an_archived_one_is_restored(alma):
    team = personal_team.of(UserFactory(), by=alma)
    teams.archive(team, by=alma)
    assert personal_team.of(team.owner, by=alma).archived_at is None


def test_an_archived_one_whose_name_is_taken_gets_a_number(alma):
    team = personal_team.of(UserFactory(first_name="Ada", last_name="Roe"), by=alma)
    teams.archive(team, by=alma)
    TeamFactory(name="Ada Roe")
    assert personal_team.of(team.owner, by=alma).name == "Ada Roe 2"
