"""DELETE users/{id}: what goes, what stays, and who cannot be deleted."""

import pytest

from core.models import Enrollment, Membership, OutboxEntry, SeatAssignment, SiteSettings, Team, User
from core.services.api import personal_team
from tests.factories import (
    EnrollmentFactory,
    GroupAssignmentFactory,
    MembershipFactory,
    SeatFactory,
    TeamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(alma):
    """A user with a Thinkific account, a personal team, and everything that hangs on it."""
    ada = UserFactory(is_dashboard_user=True, from_thinkific=True)
    team = personal_team.of(ada, by=alma)
    SeatFactory(teams=[team])
    GroupAssignmentFactory(team=team)
    return ada


@pytest.fixture
def student(ada):
    person = UserFactory(from_thinkific=True, home_team=personal_team.known(ada))
    MembershipFactory(team=personal_team.known(ada), user=person)
    EnrollmentFactory(user=person)
    return person


def test_as_delivered_the_students_stay_here_and_there(alma, api, ada, student):
    answer = api(alma).delete(f"users/{ada.pk}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not User.objects.filter(pk=ada.pk).exists()
    assert not Team.objects.exists()
    assert not SeatAssignment.objects.exists()
    student.refresh_from_db()
    assert student.home_team is None
    assert Enrollment.objects.filter(user=student).exists()
    assert not OutboxEntry.objects.exists()
    assert Membership.history.filter(user_id=student.pk, history_type="-").exists()
    assert api(alma).get(f"users/{ada.pk}").status_code == 404
    assert api(alma).delete(f"users/{ada.pk}").status_code == 404


def test_another_version_is_not_deleted(alma, api, ada):
    client = api(alma)
    tag = client.get(f"users/{ada.pk}")["ETag"]
    client.put(f"users/{ada.pk}", {"name": "Somebody Else"})
    assert client.delete(f"users/{ada.pk}", If_Match=tag).status_code == 412
    assert client.delete(f"users/{ada.pk}", If_Match="*").status_code == 204


def test_students_without_another_team_join_the_default_team(alma, api, ada, student, acme, globex):
    shared = UserFactory()
    for team in (personal_team.known(ada), globex):
        MembershipFactory(team=team, user=shared)
    SiteSettings.load()
    SiteSettings.objects.update(default_team=acme)
    assert api(alma).delete(f"users/{ada.pk}").status_code == 204
    assert [row.team for row in Membership.objects.filter(user=student)] == [acme]
    assert [row.team for row in Membership.objects.filter(user=shared)] == [globex]


def test_with_the_settings_on_students_and_accounts_go_too(alma, api, ada, student):
    shared = UserFactory(from_thinkific=True)
    MembershipFactory(team=personal_team.known(ada), user=shared)
    MembershipFactory(user=shared)
    SiteSettings.load()
    SiteSettings.objects.update(delete_students_of_users=True, delete_students=True, delete_users=True)
    assert api(alma).delete(f"users/{ada.pk}").status_code == 204
    assert not User.objects.filter(pk__in=[ada.pk, student.pk]).exists()
    assert User.objects.filter(pk=shared.pk).exists()
    gone = OutboxEntry.objects.filter(thinkific_id__in=[ada.thinkific_id, student.thinkific_id])
    assert gone.count() == OutboxEntry.objects.count() == 2


def test_a_user_without_a_team_of_their_own(alma, api, mara, acme):
    assert api(alma).delete(f"users/{mara.pk}").status_code == 204
    assert Team.objects.filter(pk=acme.pk).exists()


def test_the_last_administrator_is_409(alma, api):
    answer = api(alma).delete(f"users/{alma.pk}")
    assert answer.status_code == 409
    assert User.objects.filter(pk=alma.pk).exists()


def test_yourself_a_superuser_and_the_owner_of_another_team_are_409(alma, api, root, ada, student):
    User.objects.filter(pk=root.pk).update(is_dashboard_user=True)
    other = UserFactory(administrator=True)
    assert api(other).delete(f"users/{other.pk}").status_code == 409
    assert api(root).delete(f"users/{root.pk}").status_code == 409
    TeamFactory(name="Globex", owner=ada)
    answer = api(alma).delete(f"users/{ada.pk}")
    assert answer.status_code == 409
    assert "Globex" in answer.json()["message"]
    assert Membership.objects.filter(user=student).exists()


def test_the_default_team_goes_with_nobody(alma, api, ada):
    SiteSettings.load()
    SiteSettings.objects.update(default_team=personal_team.known(ada))
    assert api(alma).delete(f"users/{ada.pk}").status_code == 409


def test_whoever_may_not_delete_is_403(api, ada, owen, mara, acme):
    MembershipFactory(team=acme, user=ada)
    assert api(owen).delete(f"users/{ada.pk}").status_code == 403
    assert api(mara).delete(f"users/{owen.pk}").status_code == 403
    assert User.objects.filter(pk=ada.pk).exists()


def test_more_students_than_can_be_deleted_at_once_may_stay(alma, api, ada, monkeypatch):
    monkeypatch.setattr("core.services.accounts.personal_teams.MOST_MEMBERS", 1)
    MembershipFactory.create_batch(3, team=personal_team.known(ada))
    assert api(alma).delete(f"users/{ada.pk}").status_code == 204
