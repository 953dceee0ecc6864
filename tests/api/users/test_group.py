"""POST users/group/{id}: the Thinkific group of a user."""

import pytest

from core.models import GroupAssignment, GroupMembership, Job, Membership, OutboxEntry, ThinkificGroup, User
from core.services.api import personal_team
from core.services.memberships import add_member
from integrations.models import SyncRun
from integrations.thinkific.tasks import drain_outbox, run_pull
from tests.factories import (
    MembershipFactory,
    ThinkificGroupFactory,
    UserFactory,
    builtin_role,
)

pytestmark = pytest.mark.django_db
BODY = {"name": "My Thinkific Group", "sync": False}


@pytest.fixture
def ada(alma):
    ada = UserFactory(is_dashboard_user=True, from_thinkific=True)
    MembershipFactory(team=personal_team.of(ada, by=alma), user=UserFactory(from_thinkific=True))
    return ada


def test_a_group_is_made_and_nobody_is_put_into_it(alma, api, ada):
    client = api(alma)
    answer = client.post(f"users/group/{ada.pk}", BODY)
    assert (answer.status_code, answer.json()["data"]["id"]) == (200, ada.pk)
    group = ThinkificGroup.objects.get()
    assert group.name == "My Thinkific Group"
    assert GroupAssignment.objects.get().team == personal_team.known(ada)
    assert not GroupMembership.objects.exists()
    assert [entry.entity for entry in OutboxEntry.objects.all()] == ["thinkificgroup"]
    assert client.post(f"users/group/{ada.pk}", BODY).status_code == 200
    assert (ThinkificGroup.objects.count(), GroupAssignment.objects.count()) == (1, 1)


def test_a_known_group_is_taken_ignoring_case(alma, api, ada):
    group = ThinkificGroupFactory(name="my thinkific GROUP")
    api(alma).post(f"users/group/{ada.pk}", BODY)
    assert GroupAssignment.objects.get().group == group
    assert not OutboxEntry.objects.exists()


def test_a_group_that_is_gone_is_made_anew_and_two_of_a_name_are_refused(alma, api, ada):
    ThinkificGroupFactory(name="My Thinkific Group", removed_at="2026-01-01T00:00:00Z")
    assert api(alma).post(f"users/group/{ada.pk}", BODY).status_code == 200
    for _ in range(2):
        ThinkificGroupFactory(name="Twice")
    answer = api(alma).post(f"users/group/{ada.pk}", BODY | {"name": "Twice"})
    assert (answer.status_code, set(answer.json()["errors"])) == (422, {"name"})


def test_another_group_moves_nobody(alma, api, ada):
    client, team = api(alma), personal_team.known(ada)
    client.post(f"users/group/{ada.pk}", BODY)
    before = UserFactory(from_thinkific=True)
    add_member(team=team, user=before, role=builtin_role("student"), by=alma)
    assert GroupMembership.objects.get().user == before
    client.post(f"users/group/{ada.pk}", BODY | {"name": "Another"})
    assert GroupAssignment.objects.get().group.name == "Another"
    assert GroupMembership.objects.get().group.name == "My Thinkific Group"
    after = UserFactory(from_thinkific=True)
    add_member(team=team, user=after, role=builtin_role("student"), by=alma)
    assert GroupMembership.objects.get(user=after).group.name == "Another"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"sync": False}, "name"),
        ({"name": "x"}, "sync"),
        ({"name": " ", "sync": False}, "name"),
        ({"name": "x" * 256, "sync": False}, "name"),
        ({"name": 5, "sync": False}, "name"),
        ({"name": "x", "sync": "no"}, "sync"),
    ],
)
def test_wrong_values_name_their_field(alma, api, ada, body, field):
    answer = api(alma).post(f"users/group/{ada.pk}", body)
    assert (answer.status_code, set(answer.json()["errors"])) == (422, {field})
    assert not ThinkificGroup.objects.exists()


def test_a_manager_assigns_no_groups(api, owen, gwen, acme):
    assert api(owen).post(f"users/group/{owen.pk}", BODY).status_code == 403
    assert api(owen).post(f"users/group/{gwen.pk}", BODY).status_code == 404
    assert not ThinkificGroup.objects.exists()


def test_without_a_connection_nothing_is_imported_and_nothing_changed(alma, api, ada):
    answer = api(alma).post(f"users/group/{ada.pk}", BODY | {"sync": True})
    assert answer.status_code == 409
    assert "Thinkific" in answer.json()["message"]
    assert not ThinkificGroup.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("known", [True, False])
def test_sync_imports_the_members_of_the_group(connected, api, known):
    """Also when the group came to Thinkific after the last pull."""
    alma = UserFactory(administrator=True)
    ada = UserFactory(is_dashboard_user=True)
    team = personal_team.of(ada, by=alma)
    present = UserFactory(from_thinkific=True)
    MembershipFactory(team=team, user=present)
    site = connected.site
    remote = next(group for group in site.groups if site.members[group["id"]])
    wanted = set(site.members[remote["id"]])
    if known:
        ThinkificGroupFactory(name=remote["name"], thinkific_id=remote["id"])
    answer = api(alma).post(f"users/group/{ada.pk}", {"name": remote["name"], "sync": True})
    assert answer.status_code == 202
    run_pull(SyncRun.objects.get().pk)
    drain_outbox()
    job = api(alma).get(f"jobs/{answer.json()['job']}").json()["data"]
    assert (job["kind"], job["status"]) == ("group_sync", "done")
    group = ThinkificGroup.objects.get()
    assert group.thinkific_id == remote["id"]
    students = Membership.objects.filter(team=team, role__code="student").exclude(user=present)
    assert set(students.values_list("user__thinkific_id", flat=True)) == wanted
    assert not GroupMembership.objects.filter(user__in=[ada, present]).exists()
    assert set(site.members[remote["id"]]) == wanted
    shown = api(alma).get(f"users/{ada.pk}").json()["data"]
    assert shown["used_seats"] == len(wanted) + 1
    assert not User.objects.get(pk=ada.pk).group_memberships.exists()


@pytest.mark.usefixtures("credentials")
def test_while_another_sync_is_under_way_it_is_409_and_may_be_repeated(alma, api, ada):
    run = SyncRun.objects.create(kind="groups", full=True)
    client = api(alma)
    answer = client.post(f"users/group/{ada.pk}", BODY | {"sync": True}, Idempotency_Key="k")
    assert answer.status_code == 409
    assert not (GroupAssignment.objects.exists() or Job.objects.exists())
    SyncRun.objects.filter(pk=run.pk).update(status=SyncRun.Status.SUCCEEDED)
    again = client.post(f"users/group/{ada.pk}", BODY | {"sync": True}, Idempotency_Key="k")
    assert again.status_code == 202
    assert again.json()["job"] == str(Job.objects.get().pk)
