"""Lists to read: teams, seats, groups, enrollments, quiz results, certificates."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import Direction
from tests.factories import (
    CertificateFactory,
    EnrollmentFactory,
    GroupAssignmentFactory,
    ProductFactory,
    QuizResultFactory,
    SeatFactory,
    TeamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
LISTS = ["teams", "seats", "groups", "enrollments", "quiz-results", "certificates"]


def rows(answer) -> list[dict]:
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]


def keys(answer) -> list[int]:
    return [row["id"] for row in rows(answer)]


@pytest.fixture
def world(acme, globex, ana, otto):
    """One object of each kind in Acme, and one in Globex, which Mara must not see."""
    made = {name: [] for name in LISTS}
    for team, student in ((acme, ana), (globex, otto)):
        course = ProductFactory(name=f"Course of {team}")
        made["teams"].append(team)
        made["seats"].append(SeatFactory(product=course, teams=[team], name="Secret name"))
        made["groups"].append(GroupAssignmentFactory(team=team).group)
        made["enrollments"].append(EnrollmentFactory(user=student, product=course))
        made["quiz-results"].append(QuizResultFactory(user=student, quiz__product=course, passed=True))
        made["certificates"].append(CertificateFactory(user=student, product=course))
    return made


@pytest.mark.parametrize("name", LISTS)
def test_an_administrator_sees_all_and_a_manager_their_teams(alma, mara, api, world, name):
    ours, theirs = world[name]
    assert {ours.pk, theirs.pk} <= set(keys(api(alma).get(name)))
    mine = rows(api(mara).get(name))
    assert [row["id"] for row in mine] == [ours.pk] or name == "groups"
    assert theirs.pk not in [row["id"] for row in mine]
    assert "Secret name" not in str(mine)


@pytest.mark.parametrize("name", ["teams", "seats", "enrollments"])
def test_one_of_another_team_is_like_a_missing_one(alma, mara, api, world, name):
    ours, theirs = world[name]
    assert api(mara).get(f"{name}/{ours.pk}").status_code == 200
    hidden, missing = api(mara).get(f"{name}/{theirs.pk}"), api(mara).get(f"{name}/{10**9}")
    assert (hidden.status_code, hidden.content) == (missing.status_code, missing.content)
    assert api(alma).get(f"{name}/{theirs.pk}").json()["data"]["id"] == theirs.pk


@pytest.mark.parametrize("name", LISTS)
def test_pages_cursors_and_sorting(alma, api, world, name):
    client = api(alma)
    path, seen = f"{name}?cursor=&per_page=1&sort=-id", []
    while path:
        page = client.get(path).json()
        seen += [row["id"] for row in page["data"]]
        path = page["links"]["next"] and page["links"]["next"].split("/api/")[1]
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == client.get(name).json()["meta"]["total"]
    assert client.get(f"{name}?sort=password").status_code == 422


@pytest.mark.parametrize("name", LISTS)
def test_queries_do_not_grow_with_rows(alma, api, world, name, django_assert_num_queries):
    client = api(alma)
    client.get(name)
    with django_assert_num_queries(6, exact=False) as few:
        client.get(name)
    for number in range(3):
        student = UserFactory(first_name=f"S{number}")
        team = TeamFactory()
        course = ProductFactory()
        SeatFactory(product=course, teams=[team])
        GroupAssignmentFactory(team=team)
        EnrollmentFactory(user=student, product=course)
        QuizResultFactory(user=student, quiz__product=course)
        CertificateFactory(user=student, product=course)
    with django_assert_num_queries(len(few)):
        client.get(f"{name}?per_page=100")


@pytest.mark.parametrize("sort", ["expiry_date", "-expiry_date"])
def test_a_walk_by_cursor_has_rows_without_a_value_too(alma, api, sort):
    now = timezone.now()
    ends = [now, None, now, now + timedelta(days=1), None, now - timedelta(days=1)]
    made = [EnrollmentFactory(expiry_date=end).pk for end in ends]
    client = api(alma)
    path, seen = f"enrollments?cursor=&per_page=1&sort={sort}", []
    while path:
        page = client.get(path).json()
        seen += [row["id"] for row in page["data"]]
        path = page["links"]["next"] and page["links"]["next"].split("/api/")[1]
    assert seen == keys(client.get(f"enrollments?per_page=100&sort={sort}"))
    assert sorted(seen) == made
    assert set(seen[-2:]) == {made[1], made[4]}


def test_filters_of_enrollments(alma, api, acme, ana, bo):
    now = timezone.now()
    first = EnrollmentFactory(user=ana, expiry_date=now + timedelta(days=5))
    second = EnrollmentFactory(user=bo, expiry_date=now - timedelta(days=1), product=first.product)
    client = api(alma)
    assert keys(client.get(f"enrollments?email={ana.email.upper()}")) == [first.pk]
    assert keys(client.get(f"enrollments?student_id={bo.pk}")) == [second.pk]
    assert keys(client.get("enrollments?status=expired")) == [second.pk]
    assert keys(client.get("enrollments?ending_within=30")) == [first.pk]
    assert keys(
        client.get(f"enrollments?team_id={acme.pk}&productable_id={first.product.productable_id}")
    ) == [
        first.pk,
        second.pk,
    ]
    assert keys(client.get("enrollments?team_id=987654")) == []
    assert keys(client.get("enrollments?since=2126-01-01T00:00:00Z")) == []
    assert client.get("enrollments?status=gone").status_code == 422


def test_numbers_of_a_seat(alma, api, acme, ana, bo):
    seat = SeatFactory(teams=[acme], max_seats=1)
    for student in (ana, bo):
        EnrollmentFactory(user=student, product=seat.product)
    (shown,) = rows(api(alma).get("seats?state=over"))
    assert (shown["max_seats"], shown["used"], shown["available"], shown["over"]) == (1, 2, 0, 1)
    assert shown["teams"] == [{"id": acme.pk, "name": "Acme"}]
    unlimited = SeatFactory(unlimited=True, max_seats=None)
    shown = api(alma).get(f"seats/{unlimited.pk}").json()["data"]
    assert (shown["max_seats"], shown["available"], shown["over"]) == (None, None, 0)


def test_groups_show_their_direction(alma, api, acme):
    assignment = GroupAssignmentFactory(team=acme, direction=Direction.THINKIFIC_TO_DASHBOARD)
    (shown,) = rows(api(alma).get(f"groups?team_id={acme.pk}"))
    assert shown["assignments"][0]["direction"] == "thinkific_to_dashboard"
    assert shown["name"] == assignment.group.name


def test_a_team_has_its_numbers(alma, api, acme, mara, ana, bo):
    (shown,) = rows(api(alma).get("teams?search=acm"))
    assert (shown["name"], shown["members"], shown["students"]) == ("Acme", 4, 2)
    assert keys(api(alma).get(f"teams?owner={acme.owner.email}")) == [acme.pk]
    assert keys(api(alma).get("teams?archived=true")) == []


def test_a_student_may_read_none_of_them(ana, alma, api):
    client = api(alma, "seats:read")
    for name in LISTS:
        assert client.get(name).status_code == (200 if name == "seats" else 403), name


def test_a_cursor_fits_its_own_list_and_order_only(alma, api):
    UserFactory.create_batch(3, is_dashboard_user=True)
    client = api(alma)

    def answer(path: str, cursor: str):
        return client.get(f"{path}&per_page=1&cursor={cursor}")

    cursor = answer("users?sort=email", "").json()["meta"]["next_cursor"]
    assert answer("users?sort=email", cursor).status_code == 200
    for path in ("users?sort=-email", "users?sort=name", "students?sort=email", "users?sort=id"):
        assert list(answer(path, cursor).json()["errors"]) == ["cursor"], path


@pytest.mark.parametrize(
    "path", ["students?updated_since", "quiz-results?since", "enrollments?since", "certificates?since"]
)
@pytest.mark.parametrize("moment", ["2026-11-30", "2026-11-30T10:00:00", "2026-11-30T10:00:00Z"])
def test_moments_are_read_alike_everywhere(alma, api, path, moment):
    assert api(alma).get(f"{path}={moment}").status_code == 200
