"""POST users/access/{id} and users/seat/{id}: the seats of the personal team."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from core.models import Enrollment, Seat, SeatAssignment, User
from core.services.api import personal_team, tokens
from core.services.enrollments import seat_access
from tests.api.conftest import ApiClient
from tests.factories import (
    EnrollmentFactory,
    MembershipFactory,
    ProductFactory,
    SeatFactory,
    TeamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
ACCESS = {"thinkific_id": 1379051, "active": True, "max_seats": 55, "enrollment_days": 365}
SEATS = {"thinkific_id": 1379051, "active": True, "add_seats": 10, "enrollment_days": 365}


@pytest.fixture
def course(db):
    return ProductFactory(productable_id=1379051, name="Forklift Safety")


@pytest.fixture
def ada(db):
    return UserFactory(first_name="Ada", last_name="Roe", is_dashboard_user=True)


def row(**changed):
    shown = {
        "thinkific_id": 1379051,
        "product_type": "Course",
        "active": True,
        "max_seats": 55,
        "used": 0,
        "available": 55,
        "enrollment_days": 365,
    }
    return shown | changed


def test_access_is_given_once_however_often_it_is_called(alma, api, ada, course):
    client = api(alma)
    first = client.post(f"users/access/{ada.pk}", ACCESS)
    assert first.status_code == 200
    assert first.json()["data"]["access"] == [row()]
    assert first.json()["data"]["id"] == ada.pk
    assert first["ETag"] == client.get(f"users/{ada.pk}")["ETag"]
    again = client.post(f"users/access/{ada.pk}", ACCESS)
    assert again.json() == first.json()
    seat = Seat.objects.get()
    assert (seat.name, seat.assignments.get().team) == (
        "Ada Roe: Forklift Safety",
        personal_team.known(ada),
    )
    assert seat.history.count() == 1
    assert seat.history.get().history_user == alma


def test_access_overwrites(alma, api, ada, course):
    client = api(alma)
    client.post(f"users/access/{ada.pk}", ACCESS)
    changed = ACCESS | {"max_seats": 5, "enrollment_days": 0}
    shown = client.post(f"users/access/{ada.pk}", changed).json()["data"]["access"]
    assert shown == [row(max_seats=5, available=5, enrollment_days=0)]


def test_removing_access_keeps_who_is_enrolled(alma, api, ada, course):
    client = api(alma)
    client.post(f"users/access/{ada.pk}", ACCESS)
    student = UserFactory()
    MembershipFactory(team=personal_team.known(ada), user=student)
    held = EnrollmentFactory(user=student, product=course, last_seat=Seat.objects.get())
    shown = client.post(f"users/access/{ada.pk}", ACCESS | {"active": False}).json()["data"]["access"]
    assert shown == [row(active=False, used=1, available=54)]
    before = held.expiry_date
    held.refresh_from_db()
    assert held.expiry_date == before
    assert SeatAssignment.objects.count() == 1


def test_seats_are_added_and_the_rest_overwritten(alma, api, ada, course):
    client = api(alma)
    first = client.post(f"users/seat/{ada.pk}", SEATS)
    assert first.json()["data"]["access"] == [row(max_seats=10, available=10)]
    second = client.post(f"users/seat/{ada.pk}", SEATS | {"active": False, "enrollment_days": 30})
    assert second.json()["data"]["access"] == [
        row(max_seats=20, available=20, active=False, enrollment_days=30)
    ]
    third = client.post(f"users/seat/{ada.pk}", SEATS | {"thinkific_id": "1379051", "add_seats": "5"})
    assert third.json()["data"]["access"] == [row(max_seats=25, available=25)]


def test_the_same_key_adds_once(alma, api, ada, course):
    client = api(alma)
    for _ in range(2):
        answer = client.post(f"users/seat/{ada.pk}", SEATS, Idempotency_Key="order-1")
        assert answer.json()["data"]["access"][0]["max_seats"] == 10
    client.post(f"users/seat/{ada.pk}", SEATS)
    assert client.post(f"users/seat/{ada.pk}", SEATS).json()["data"]["access"][0]["max_seats"] == 30


def test_days_hold_for_whoever_is_enrolled_from_then_on(alma, api, ada, course):
    client = api(alma)
    client.post(f"users/seat/{ada.pk}", SEATS)
    team = personal_team.known(ada)
    early, late = UserFactory(), UserFactory()
    for student in (early, late):
        MembershipFactory(team=team, user=student)
    (one,) = seat_access.enroll(student=early, products=[course], by=alma, team=team)
    client.post(f"users/seat/{ada.pk}", SEATS | {"enrollment_days": 0})
    (other,) = seat_access.enroll(student=late, products=[course], by=alma, team=team)
    stored = Enrollment.objects.get(pk=one.pk)
    assert abs(stored.expiry_date - stored.activated_at - timedelta(days=365)) < timedelta(minutes=1)
    assert Enrollment.objects.get(pk=other.pk).expiry_date is None


def test_an_unlimited_seat_stays_unlimited(alma, api, ada, course):
    team = personal_team.of(ada, by=alma)
    SeatFactory(product=course, unlimited=True, max_seats=None, teams=[team])
    shown = api(alma).post(f"users/seat/{ada.pk}", SEATS).json()["data"]["access"]
    assert shown == [row(max_seats=None, available=None)]


def test_a_seat_that_others_share_is_409(alma, api, ada, course):
    team = personal_team.of(ada, by=alma)
    seat = SeatFactory(product=course, max_seats=3, teams=[team, TeamFactory()])
    for path, body in (("access", ACCESS), ("seat", SEATS)):
        assert api(alma).post(f"users/{path}/{ada.pk}", body).status_code == 409
    seat.refresh_from_db()
    assert seat.max_seats == 3


@pytest.mark.parametrize(("path", "body"), [("access", ACCESS), ("seat", SEATS)])
def test_all_parameters_are_required(alma, api, ada, course, path, body):
    for missing in body:
        sent = {name: value for name, value in body.items() if name != missing}
        answer = api(alma).post(f"users/{path}/{ada.pk}", sent)
        assert (answer.status_code, set(answer.json()["errors"])) == (422, {missing})
    assert not Seat.objects.exists()


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        ("access", "thinkific_id", 5),
        ("access", "thinkific_id", "x"),
        ("access", "thinkific_id", 2**70),
        ("access", "active", "yes"),
        ("access", "active", 1),
        ("access", "max_seats", -1),
        ("access", "max_seats", 1_000_001),
        ("access", "enrollment_days", -1),
        ("access", "enrollment_days", 36_501),
        ("access", "enrollment_days", 2**40),
        ("seat", "add_seats", 0),
        ("seat", "add_seats", -5),
        ("seat", "add_seats", 1.5),
        ("seat", "enrollment_days", -1),
        ("seat", "enrollment_days", 10**30),
        ("seat", "thinkific_id", 5),
    ],
)
def test_wrong_values_name_their_field(alma, api, ada, course, path, field, value):
    body = (ACCESS if path == "access" else SEATS) | {field: value}
    answer = api(alma).post(f"users/{path}/{ada.pk}", body)
    assert (answer.status_code, set(answer.json()["errors"])) == (422, {field})
    assert not Seat.objects.exists()


def test_too_many_places_together(alma, api, ada, course):
    client = api(alma)
    client.post(f"users/access/{ada.pk}", ACCESS | {"max_seats": 1_000_000})
    answer = client.post(f"users/seat/{ada.pk}", SEATS)
    assert (answer.status_code, set(answer.json()["errors"])) == (422, {"add_seats"})


def test_a_number_of_a_course_and_a_bundle_needs_the_type(alma, api, ada, course):
    ProductFactory(bundle=True, productable_id=1379051)
    client = api(alma)
    answer = client.post(f"users/access/{ada.pk}", ACCESS)
    assert set(answer.json()["errors"]) == {"thinkific_id"}
    assert "course" in answer.json()["message"]
    assert "bundle" in answer.json()["message"]
    client.post(f"users/access/{ada.pk}", ACCESS | {"product_type": "Bundle"})
    client.post(f"users/seat/{ada.pk}", SEATS | {"product_type": "Course"})
    shown = client.post(f"users/access/{ada.pk}", ACCESS | {"product_type": "Course"}).json()["data"][
        "access"
    ]
    assert [one["product_type"] for one in shown] == ["Bundle", "Course"]


def test_a_manager_changes_no_seats(api, mara, owen, gwen, course):
    for path, body in (("access", ACCESS), ("seat", SEATS)):
        for issuer in (mara, owen):
            assert api(issuer).post(f"users/{path}/{owen.pk}", body).status_code == 403
            assert api(issuer).post(f"users/{path}/{gwen.pk}", body).status_code == 404
        assert api(owen, "users:read").post(f"users/{path}/{owen.pk}", body).status_code == 403
    assert not Seat.objects.exists()


def test_students_have_no_access(alma, api, ana, course):
    assert api(alma).post(f"users/access/{ana.pk}", ACCESS).status_code == 404


def in_threads(calls):
    """Carry out these calls at the same time. Returns their answers."""
    begin, answers = threading.Barrier(len(calls)), []

    def one(call):
        try:
            begin.wait()
            answers.append(call())
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("keys", [50, 1])
@pytest.mark.parametrize("before", [True, False])
def test_fifty_calls_at_once(settings, keys, before):
    """With 50 keys they add 50 times, with one key once, whether or not the seat is there before."""
    settings.API_CALLS_PER_MINUTE = 0
    alma = UserFactory(administrator=True)
    ada = UserFactory(is_dashboard_user=True)
    ProductFactory(productable_id=1379051)
    secret = tokens.issue(user=alma, name="Shop")[1]
    if before:
        ApiClient(secret).post(f"users/seat/{ada.pk}", SEATS)

    def call(number):
        def once():
            for _ in range(20):  # as clients do: again with the same key until it is answered
                answer = ApiClient(secret).post(
                    f"users/seat/{ada.pk}", SEATS, Idempotency_Key=f"order-{number % keys}"
                )
                if answer.status_code == 200:
                    break
                assert answer.status_code in (409, 503)
            return answer.status_code

        return once

    assert in_threads([call(number) for number in range(50)]) == [200] * 50
    assert Seat.objects.get().max_seats == 10 * (keys + before)
    assert User.objects.get(pk=ada.pk).owned_teams.count() == 1
