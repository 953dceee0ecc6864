"""GET users, GET users/{id}, POST users/search: who is shown to whom."""

import pytest

from core.services.api import personal_team
from core.services.teams import teams
from tests.factories import MembershipFactory, RoleFactory, TeamFactory, UserFactory, builtin_role

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(alma):
    """A user with a personal team of two students and a limit of 40."""
    ada = UserFactory(first_name="Ada", last_name="Roe", email="ada@acme.test", is_dashboard_user=True)
    team = teams.update(personal_team.of(ada, by=alma), max_members=40)
    MembershipFactory.create_batch(2, team=team)
    MembershipFactory(team=team, role=builtin_role("manager"))
    return ada


def test_a_user_has_exactly_the_published_fields(alma, api, ada):
    ada.refresh_from_db()
    answer = api(alma).get(f"users/{ada.pk}")
    assert answer.status_code == 200
    assert answer.json() == {
        "data": {
            "id": ada.pk,
            "name": "Ada Roe",
            "email": "ada@acme.test",
            "max_seats": 40,
            "used_seats": 2,
            "thinkific_id": None,
            "created_at": ada.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "updated_at": ada.updated_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    }
    assert api(alma).get(f"users/{ada.pk}", If_None_Match=answer["ETag"]).status_code == 304


def test_without_a_personal_team_there_is_no_limit_and_no_student(alma, api, owen):
    shown = api(alma).get(f"users/{owen.pk}").json()["data"]
    assert (shown["max_seats"], shown["used_seats"]) == (None, 0)


def test_the_list_has_dashboard_users_only(alma, api, ada, ana, owen):
    UserFactory(from_thinkific=True)
    answer = api(alma).get("users").json()
    assert {row["email"] for row in answer["data"]} == {alma.email, ada.email, owen.email} | {
        membership.user.email
        for membership in ada.owned_teams.get().memberships.filter(user__is_dashboard_user=True)
    }
    assert answer["meta"]["total"] == len(answer["data"])
    assert [row["id"] for row in answer["data"]] == sorted(row["id"] for row in answer["data"])


@pytest.mark.parametrize("id", ["0", "1.5", "x", "9223372036854775808", "99999999999999999999999", "-1"])
def test_an_id_that_is_none_is_404(alma, api, id):
    assert api(alma).get(f"users/{id}").status_code == 404


def test_a_student_and_somebody_from_thinkific_are_no_users(alma, api, ana):
    assert api(alma).get(f"users/{ana.pk}").status_code == 404
    assert api(alma).get(f"users/{UserFactory(from_thinkific=True).pk}").status_code == 404


def test_a_page_costs_the_same_queries_for_any_number(alma, api, django_assert_num_queries):
    client = api(alma)
    client.get("users")
    for number in range(20):
        team = TeamFactory(is_personal=True)
        MembershipFactory.create_batch(number % 3, team=team)
    with django_assert_num_queries(4):  # token, count, users, personal teams
        assert len(client.get("users?per_page=100").json()["data"]) == 21


@pytest.mark.parametrize("sort", ["id", "-id", "name", "-email", "created_at"])
def test_sorted_by_page_and_by_cursor(alma, api, sort):
    UserFactory.create_batch(5, is_dashboard_user=True)
    client = api(alma)
    found = [row["id"] for row in client.get(f"users?sort={sort}").json()["data"]]
    walked, cursor = [], ""
    while cursor is not None:
        page = client.get(f"users?sort={sort}&per_page=2&cursor={cursor}").json()
        walked += [row["id"] for row in page["data"]]
        cursor = page["meta"]["next_cursor"]
    assert walked == found
    assert client.get("users?sort=password").status_code == 422


def test_a_managers_token_sees_its_teams_only(mara, api, owen, gwen, alma, ana):
    client = api(mara)
    assert {row["id"] for row in client.get("users").json()["data"]} == {mara.pk, owen.pk}
    assert client.get(f"users/{gwen.pk}").status_code == 404
    assert client.get(f"users/{owen.pk}").status_code == 200
    assert client.post("users/search", {"email": gwen.email}).status_code == 404
    assert client.post("users/search", {"email": owen.email}).status_code == 200


def test_of_a_guest_a_manager_sees_name_and_address_only(mara, api, acme, alma, globex):
    guest = UserFactory(is_dashboard_user=True, thinkific_id=77, home_team=globex)
    personal_team.of(guest, by=alma)
    MembershipFactory(team=acme, user=guest, as_guest=True)
    shown = api(mara).get(f"users/{guest.pk}").json()["data"]
    assert {name for name, value in shown.items() if value is not None} == {"id", "name", "email"}


def test_a_role_without_the_right_to_view_users_sees_none(api):
    role = RoleFactory(is_global=True, permissions=["products.view"])
    support = UserFactory(is_dashboard_user=True, global_role=role, is_staff=True)
    assert api(support).get("users").status_code == 403
    assert api(support).get(f"users/{support.pk}").status_code == 403


def test_searching_is_exact_and_ignores_case(alma, api, owen, ana):
    client = api(alma)
    assert client.post("users/search", {"email": " OWEN@acme.EXAMPLE "}).json()["data"]["id"] == owen.pk
    for email in ("owen@acme.exampl", "wen@acme.example", "%", "nobody", ana.email):
        assert client.post("users/search", {"email": email}).status_code == 404
    answer = client.post("users/search", {})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["email"])


def test_scopes(alma, api, owen):
    reader, other = api(alma, "users:read"), api(alma, "students:write")
    assert reader.get("users").status_code == 200
    assert reader.post("users/search", {"email": owen.email}).status_code == 200
    assert other.get("users").status_code == 403
    for method, path in [
        ("POST", "users"),
        ("POST", "users/upsert"),
        ("PUT", f"users/{owen.pk}"),
        ("DELETE", f"users/{owen.pk}"),
    ]:
        assert reader.call(method, path, {}).status_code == 403
    assert api(alma, "users:write").get("users").status_code == 200
