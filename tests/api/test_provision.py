"""POST provision: user, team, places and enrollments in one call, all of it or nothing."""

import pytest

from core.models import Enrollment, Membership, Product, Seat, Team, User
from core.models.fields.settings_checks import MOST_PLACES
from tests.factories import MembershipFactory, ProductFactory, SeatFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db
EMAIL = "ada@shop.example"


@pytest.fixture
def course() -> Product:
    return ProductFactory(productable_id=1379051, name="Forklift Safety")


def body(**more):
    sale = {
        "user": {"email": EMAIL, "name": "Ada Roe"},
        "seats": [{"thinkific_id": 1379051, "add_seats": 10, "enrollment_days": 365}],
        "enrollments": [1379051],
    }
    return sale | more


def counts() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (User, Team, Membership, Seat, Enrollment))


def test_a_sale_to_a_new_customer(alma, api, course):
    answer = api(alma).post("provision", body(team={"name": "Roe Logistics"}))
    assert answer.status_code == 201, answer.content
    data = answer.json()["data"]
    ada = User.objects.get(email=EMAIL)
    team = Team.objects.get(owner=ada)
    assert (data["user"]["id"], data["team"]["id"], data["team"]["name"]) == (
        ada.pk,
        team.pk,
        "Roe Logistics",
    )
    (seat,) = data["seats"]
    assert (seat["max_seats"], seat["used"], seat["available"], seat["expiry_days"]) == (10, 1, 9, 365)
    (enrollment,) = data["enrollments"]
    assert (enrollment["student"]["id"], enrollment["status"]) == (ada.pk, "pending")
    assert Enrollment.objects.get().last_seat_id == seat["id"]
    job = api(alma).get(f"jobs/{answer.json()['job']}").json()["data"]
    assert (job["kind"], job["status"], job["total"]) == ("provision", "queued", 2)


def test_a_second_sale_adds_places(alma, api, course):
    client = api(alma)
    client.post("provision", body())
    again = client.post("provision", body(user={"email": EMAIL.upper()}, enrollments=[]))
    assert again.status_code == 200, again.content
    assert again.json()["data"]["seats"][0]["max_seats"] == 20
    assert User.objects.filter(email=EMAIL).count() == Team.objects.filter(owner__email=EMAIL).count() == 1


def test_the_same_key_sells_once(alma, api, course):
    client = api(alma)
    first = client.post("provision", body(), Idempotency_Key="order 17")
    again = client.post("provision", body(), Idempotency_Key="order 17")
    assert (first.content, first.status_code) == (again.content, again.status_code)
    assert again["Idempotency-Replayed"] == "true"
    assert Seat.objects.get().max_seats == 10
    other = client.post("provision", body(enrollments=[]), Idempotency_Key="order 17")
    assert other.status_code == 409


def test_strategies(alma, api, course):
    client, ada = api(alma), UserFactory(email=EMAIL, is_dashboard_user=True)
    assert client.post("provision", body(team={"strategy": "first"})).status_code == 422
    old = TeamFactory(owner=ada, name="Old")

    def team_of(**team) -> str:
        answer = client.post("provision", body(team=team, enrollments=[]))
        assert answer.status_code == 200, answer.content
        return answer.json()["data"]["team"]["name"]

    assert team_of() == team_of(strategy="first") == "Old"
    assert team_of(strategy="create", name="New") == "New"
    other = TeamFactory(name="Partner")
    assert team_of(strategy="specific", id=other.pk, role="manager") == "Partner"
    assert Membership.objects.get(team=other, user=ada).role.code == "manager"
    assert Seat.objects.filter(assignments__team=old).get().max_seats == 20
    assert client.post("provision", body(team={"strategy": "specific"})).json()["errors"] == {
        "team.id": ["The strategy specific needs the id of the team."]
    }
    assert client.post("provision", body(team={"strategy": "specific", "id": 10**9})).status_code == 422


def test_a_taken_team_name_gets_a_number(alma, api, course):
    TeamFactory(name="Acme 2")
    client = api(alma)

    def team_of(email: str, **team) -> str:
        sale = {"user": {"email": email, "name": "Ada Roe"}, "team": team}
        answer = client.post("provision", sale)
        assert answer.status_code in (200, 201), answer.content
        return answer.json()["data"]["team"]["name"]

    assert team_of("one@shop.example", name="Acme") == "Acme"
    assert team_of("two@shop.example", name="ACME ") == "ACME 3"
    assert team_of("two@shop.example", strategy="create", name="Acme") == "Acme 4"
    assert team_of("three@shop.example") == "Ada Roe"
    assert team_of("three@shop.example", strategy="create") == "Ada Roe 2"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"enrollments": [1379051, 99]}, 422),
        ({"seats": [{"thinkific_id": 99, "add_seats": 1}]}, 422),
        ({"seats": [{"thinkific_id": 1379051, "add_seats": 0}]}, 422),
        ({"user": {"email": "no address"}}, 422),
        ({"user": {}}, 422),
    ],
)
def test_a_refused_call_writes_nothing(alma, api, course, change, status):
    client, before = api(alma), counts()
    answer = client.post("provision", body(**change))
    assert answer.status_code == status, answer.content
    assert answer.json()["message"]
    assert counts() == before


def test_a_full_seat_refuses_and_nothing_is_written(alma, api, course):
    ada = UserFactory(email=EMAIL, is_dashboard_user=True)
    team = TeamFactory(owner=ada)
    SeatFactory(product=course, teams=[team], max_seats=0)
    client, before = api(alma), counts()
    answer = client.post("provision", body(seats=[]))
    assert answer.status_code == 409, answer.content
    assert "Forklift Safety" in answer.json()["message"]
    assert counts() == before


def test_a_managers_token_provisions_nothing(mara, api, course):
    before = counts()
    assert api(mara).post("provision", body()).status_code in (403, 422)
    assert counts() == before


def test_a_team_that_the_issuer_does_not_see_is_neither_shown_nor_used(mara, acme, api):
    guest = UserFactory(email=EMAIL, is_dashboard_user=True)
    MembershipFactory(team=acme, user=guest)
    theirs = TeamFactory(owner=guest, name="Their secret team")
    answer = api(mara).post("provision", {"user": {"email": EMAIL}})
    assert answer.status_code in (403, 422)
    assert theirs.name not in answer.content.decode()


def test_its_scope(alma, api, course):
    assert api(alma, "students:write", "users:write").post("provision", body()).status_code == 403
    assert api(alma, "provision:write").post("provision", body()).status_code == 201


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"seats": [{"thinkific_id": 1379051}]}, "seats.0.add_seats"),
        ({"seats": [{"thinkific_id": 1379051, "add_seats": 1}, 5]}, "seats.1"),
        ({"seats": [{"thinkific_id": 1379051, "add_seats": 1}, {}]}, "seats.1.thinkific_id"),
        ({"seats": [{"thinkific_id": 99, "add_seats": 1}]}, "seats.0.thinkific_id"),
        ({"seats": [{"thinkific_id": 1379051, "add_seats": MOST_PLACES}] * 2}, "seats.1.add_seats"),
        (
            {"seats": [{"thinkific_id": 1379051, "add_seats": 1, "product_type": "\0"}]},
            "seats.0.product_type",
        ),
        ({"user": {}}, "user.email"),
        ({"user": 5}, "user"),
        ({"user": {"email": "no address"}}, "user.email"),
        ({"user": {"email": EMAIL, "name": "x" * 600}}, "user.name"),
        ({"user": {"email": EMAIL, "password": "short"}}, "user.password"),
        ({"team": {"name": " \u200b "}}, "team.name"),
        ({"team": {"name": "x" * 256}}, "team.name"),
        ({"team": {"strategy": "any"}}, "team.strategy"),
        ({"team": {"strategy": "specific"}}, "team.id"),
        ({"team": {"strategy": "specific", "id": 10**9}}, "team.id"),
        ({"enrollments": [1379051, "x"]}, "enrollments.1"),
        ({"enrollments": [99]}, "enrollments"),
        ({"seats": []}, "enrollments"),
    ],
)
def test_what_is_wrong_is_named_as_it_was_sent(alma, api, course, change, field):
    answer = api(alma).post("provision", body(**change))
    assert answer.status_code == 422, answer.content
    assert set(answer.json()["errors"]) == {field} or field == "seats.1.thinkific_id"
    assert field in answer.json()["errors"]
    assert answer.json()["message"].startswith(f"{field}: ")


def test_who_owns_no_team(alma, api, course):
    UserFactory(email=EMAIL, is_dashboard_user=True)
    answer = api(alma).post("provision", body(team={"strategy": "first"}))
    assert set(answer.json()["errors"]) == {"team.strategy"}
