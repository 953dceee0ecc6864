"""POST students: makes or updates a student by the address, assigns them to a user, enrolls them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core import moments
from core.models import (
    Enrollment,
    Invitation,
    Job,
    Membership,
    OutboxEntry,
    Product,
    Seat,
    SeatAssignment,
    SiteSettings,
    Team,
    User,
)
from core.services.api import personal_team
from tests.factories import (
    BundleItemFactory,
    EnrollmentFactory,
    MembershipFactory,
    ProductFactory,
    SeatFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

JOHN = {"first_name": "John", "last_name": "Doe", "email": "j.doe@www.wooninja.io"}


@pytest.fixture
def info(db) -> User:
    return UserFactory(email="info@www.wooninja.io", is_dashboard_user=True)


@pytest.fixture
def products(db) -> list[Product]:
    return [ProductFactory(productable_id=1379051), ProductFactory(productable_id=1354765, bundle=True)]


def written() -> tuple[int, ...]:
    models = (User, Team, Membership, Enrollment, OutboxEntry, Job)
    return tuple(model.objects.count() for model in models)


def test_the_published_example(api, alma, info, products):
    body = {**JOHN, "user_email": "info@www.wooninja.io", "enrollments": [1379051, 1354765]}
    client = api(alma)
    answer = client.post("students", body)
    assert answer.status_code == 201, answer.content
    found, student = answer.json(), User.objects.get(email="j.doe@www.wooninja.io")
    assert (found["data"]["id"], found["data"]["users"]) == (student.pk, ["info@www.wooninja.io"])
    assert found["pending_enrollments"] == [1379051, 1354765]
    job = client.get(f"jobs/{found['job']}").json()["data"]
    assert (job["status"], job["total"], job["kind"]) == ("queued", 3, "enroll")
    membership = Membership.objects.get(user=student)
    assert (membership.team.owner, membership.team.is_personal, membership.role.code) == (
        info,
        True,
        "student",
    )
    for enrollment in Enrollment.objects.filter(user=student):
        assert (enrollment.origin, enrollment.push_state) == ("api", "pending")
        assert enrollment.activated_at is not None
    assert {row["status"] for row in found["data"]["enrollments"]} == {"pending"}
    again = client.post("students", body)
    assert (again.status_code, again.json()["data"]["id"]) == (200, student.pk)
    assert Membership.objects.filter(user=student).count() == 1
    assert again["ETag"] == client.get(f"students/{student.pk}")["ETag"]


def test_without_user_email_it_is_the_issuers(api, alma):
    for omitted in ({}, {"user_email": None}, {"user_email": ""}):
        answer = api(alma).post("students", {**JOHN, **omitted})
        assert answer.json()["data"]["users"] == [alma.email]
        assert not {"job", "pending_enrollments"} & answer.json().keys()
    assert personal_team.known(alma).memberships.count() == 2


def test_the_email_is_the_key_ignoring_case_and_form(api, alma):
    client = api(alma)
    first = client.post("students", {**JOHN, "email": "Ana@Müller.example"})
    again = client.post("students", {**JOHN, "email": "ana@xn--mller-kva.EXAMPLE", "first_name": "Ana"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["data"]["id"] == again.json()["data"]["id"]
    assert again.json()["data"]["first_name"] == "Ana"


def test_names_of_any_script_are_kept(api, alma):
    answer = api(alma).post("students", {**JOHN, "first_name": "  Đặng 🦊 ", "last_name": ""})
    assert answer.status_code == 201
    assert (answer.json()["data"]["first_name"], answer.json()["data"]["last_name"]) == ("Đặng 🦊", "")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"first_name": None}, "first_name"),
        ({"first_name": " "}, "first_name"),
        ({"first_name": 7}, "first_name"),
        ({"first_name": "x" * 256}, "first_name"),
        ({"first_name": "a\0b"}, "first_name"),
        ({"last_name": "x" * 256}, "last_name"),
        ({"email": "nobody"}, "email"),
        ({"email": "x" * 250 + "@a.example"}, "email"),
        ({"user_email": "nobody@www.wooninja.io"}, "user_email"),
        ({"user_email": "ana@acme.example"}, "user_email"),  # a student is no user
        ({"enrollments": [99]}, "enrollments"),
        ({"enrollments": [1379051, 99]}, "enrollments"),
        ({"enrollments": "1379051"}, "enrollments"),
        ({"enrollments": [2**70]}, "enrollments.0"),
        ({"enrollments": [1.5]}, "enrollments.0"),
        ({"enrollments": [1] * 101}, "enrollments"),
        ({"enrollments": [1379051], "product_type": "Bundle"}, "enrollments"),
        ({"product_type": "course"}, "product_type"),
    ],
)
def test_wrong_values_are_named_and_nothing_is_written(api, alma, ana, products, change, field):
    client, before = api(alma), written()
    answer = client.post("students", {**JOHN, **change})
    assert answer.status_code == 422, answer.content
    assert field in answer.json()["errors"]
    assert written() == before


@pytest.mark.parametrize("missing", JOHN)
def test_names_and_email_are_required(api, alma, missing):
    body = {name: value for name, value in JOHN.items() if name != missing}
    answer = api(alma).post("students", body)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [missing])


def test_a_number_of_a_course_and_a_bundle_needs_the_type(api, alma):
    course = ProductFactory(productable_id=500)
    bundle = ProductFactory(productable_id=500, bundle=True)
    client = api(alma)
    answer = client.post("students", {**JOHN, "enrollments": [500]})
    assert answer.status_code == 422
    assert {"course", "bundle"} <= set(answer.json()["errors"]["enrollments"][0].replace("(", " ").split())
    for kind, product in (("Course", course), ("Bundle", bundle)):
        client.post("students", {**JOHN, "enrollments": ["500", 500], "product_type": kind})
        assert Enrollment.objects.filter(product=product).count() == 1


# --- no limit stops it --------------------------------------------------------------------------------


def test_no_limit_stops_it(api, alma, info, accounting):
    team = personal_team.of(info, by=alma)
    Team.objects.filter(pk=team.pk).update(max_members=0)
    seat = SeatFactory(product=accounting, max_seats=0, active=False, teams=[team])
    body = {**JOHN, "user_email": info.email, "enrollments": [accounting.productable_id]}
    assert api(alma).post("students", body).status_code == 201
    seat.refresh_from_db()
    assert (seat.used_count, seat.over) == (1, 1)
    assert Enrollment.objects.get().last_seat == seat


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ({"expiry_type": "days", "expiry_days": 30}, 30),
        ({"expiry_type": "days", "expiry_days": 0}, None),
        ({"expiry_type": "never"}, None),
    ],
)
def test_access_lasts_as_the_users_seat_says(api, alma, info, accounting, rule, days):
    SeatFactory(product=accounting, teams=[personal_team.of(info, by=alma)], **rule)
    SeatFactory(product=accounting, expiry_days=5)  # of nobody
    body = {**JOHN, "user_email": info.email, "enrollments": [accounting.productable_id]}
    api(alma).post("students", body)
    end = Enrollment.objects.get().expiry_date
    if days is None:
        assert end is None
    else:
        assert abs(end - timezone.now() - timedelta(days=days)) < timedelta(minutes=1)


def test_a_date_of_the_seat_that_has_passed_is_no_limit(api, alma, info, accounting):
    team = personal_team.of(info, by=alma)
    yesterday = timezone.localdate() - timedelta(days=1)
    SeatFactory(product=accounting, teams=[team], expiry_type="date", expiry_date=yesterday)
    body = {**JOHN, "user_email": info.email, "enrollments": [accounting.productable_id]}
    assert api(alma).post("students", body).status_code == 201
    assert Enrollment.objects.get().expiry_date > timezone.now() + timedelta(days=300)


@pytest.mark.parametrize(
    ("settings", "days"),
    [
        ({"default_expiry_kind": "days", "default_enrollment_days": 10}, 10),
        ({"default_expiry_kind": "days", "default_enrollment_days": 0}, None),
        ({"default_expiry_kind": "never"}, None),
        ({"default_expiry_kind": "date", "default_expiry_date": "2020-01-01"}, 365),
    ],
)
def test_without_a_seat_the_settings_say(api, alma, accounting, settings, days):
    SiteSettings.load()
    SiteSettings.objects.update(**settings)
    assert api(alma).post("students", {**JOHN, "enrollments": [accounting.productable_id]}).status_code == 201
    end = Enrollment.objects.get().expiry_date
    expected = None if days is None else timezone.localdate() + timedelta(days=days)
    assert (end and moments.local(end).date()) == expected


def test_an_enrollment_that_there_is_gets_new_dates(api, alma, accounting):
    student = MembershipFactory(user__email=JOHN["email"], user__thinkific_id=5).user
    old = EnrollmentFactory(user=student, product=accounting, expired=True)
    api(alma).post("students", {**JOHN, "enrollments": [accounting.productable_id]})
    enrollment = Enrollment.objects.get()
    assert (enrollment.pk, enrollment.thinkific_id) == (old.pk, old.thinkific_id)
    assert enrollment.expiry_date > timezone.now()
    assert not OutboxEntry.objects.filter(entity="user", last_seen={}).exists()  # the account is there


def test_the_courses_of_a_bundle_are_not_enrolled_apart(api, alma):
    item = BundleItemFactory(bundle__productable_id=700)
    api(alma).post("students", {**JOHN, "enrollments": [700]})
    assert Enrollment.objects.get().product == item.bundle


def test_somebody_whom_thinkific_no_longer_has_gets_an_account_again(api, alma, accounting):
    MembershipFactory(user__email=JOHN["email"], user__thinkific_id=5, user__removed_at=timezone.now())
    answer = api(alma).post("students", {**JOHN, "enrollments": [accounting.productable_id]})
    assert answer.status_code == 200, answer.content
    assert User.objects.get(email=JOHN["email"]).thinkific_id is None
    assert OutboxEntry.objects.filter(entity="user", status="pending").exists()


# --- whose account it is ------------------------------------------------------------------------------


def test_names_of_an_account_with_more_rights_stay(api, alma, root):
    answer = api(alma).post("students", {**JOHN, "email": root.email})
    assert (answer.status_code, answer.json()["data"]["first_name"]) == (200, "Root")
    root.refresh_from_db()
    assert root.first_name == "Root"


def test_a_user_can_be_a_student_too(api, alma, owen):
    answer = api(alma).post("students", {**JOHN, "email": owen.email})
    assert answer.status_code == 200
    assert api(alma).get(f"students/{owen.pk}").status_code == 200
    owen.refresh_from_db()
    assert owen.is_dashboard_user


def test_nobody_is_their_own_student(api, alma):
    answer = api(alma).post("students", {**JOHN, "email": alma.email})
    assert answer.status_code == 409
    assert "Owner" in answer.json()["message"]


def test_a_managers_token_makes_students_in_their_own_team(api, mara):
    answer = api(mara).post("students", JOHN)
    assert (answer.status_code, answer.json()["data"]["users"]) == (201, ["mara@acme.example"])
    student = User.objects.get(email=JOHN["email"])
    assert student.home_team == personal_team.known(mara)
    again = api(mara).post("students", {**JOHN, "first_name": "Jay"})
    assert (again.status_code, again.json()["data"]["first_name"]) == (200, "Jay")


def test_a_managers_token_invites_people_of_others(api, mara, otto):
    client, team = api(mara), personal_team.of(mara, by=None)
    for _ in range(2):
        answer = client.post("students", {**JOHN, "email": otto.email, "enrollments": []})
        assert answer.status_code == 202
        assert list(answer.json()) == ["message"]
        assert "account" not in answer.json()["message"]
        assert f"is a student of {mara} when it is accepted" in answer.json()["message"]
    assert Invitation.objects.get().user == otto
    assert not Membership.objects.filter(team=team, user=otto).exists()
    otto.refresh_from_db()
    assert otto.first_name == "Otto"


def test_a_managers_token_keeps_the_names_of_people_of_others(api, mara, acme, otto):
    MembershipFactory(team=acme, user=otto, as_guest=True)
    answer = api(mara).post("students", {**JOHN, "email": otto.email})
    assert (answer.status_code, answer.json()["data"]["first_name"]) == (200, "Otto")


def test_a_managers_token_assigns_to_nobody_else(api, mara, owen, gwen):
    client, before = api(mara), written()
    for user, status in ((gwen, 422), (owen, 403)):
        assert client.post("students", {**JOHN, "user_email": user.email}).status_code == status
    assert written() == before
    personal_team.of(owen, by=None)
    assert client.post("students", {**JOHN, "user_email": owen.email}).status_code == 403


def test_a_managers_token_enrolls_through_seats_of_its_teams(api, mara, acme, owen, acme_seat, accounting):
    other = ProductFactory()
    Team.objects.filter(pk=acme.pk).update(is_personal=True, max_members=0)
    Seat.objects.update(max_seats=0, active=False)
    client = api(mara)
    body = {**JOHN, "user_email": owen.email, "enrollments": [accounting.productable_id]}
    assert client.post("students", body).status_code == 201
    assert Enrollment.objects.get().last_seat == acme_seat
    hidden = client.post("students", {**body, "enrollments": [other.productable_id]})
    assert (hidden.status_code, list(hidden.json()["errors"])) == (422, ["enrollments"])
    Enrollment.objects.update(last_seat=None)  # bought
    assert client.post("students", body).status_code == 409
    SeatAssignment.objects.all().delete()


def test_a_managers_token_gives_nothing_without_a_seat_in_common(api, mara, acme_seat, accounting):
    client, before = api(mara), written()
    answer = client.post("students", {**JOHN, "enrollments": [accounting.productable_id]})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["enrollments"])
    assert written() == before


def test_a_switched_off_account_is_not_enrolled(api, alma, accounting):
    MembershipFactory(user__email=JOHN["email"], user__is_active=False)
    client, before = api(alma), written()
    answer = client.post("students", {**JOHN, "enrollments": [accounting.productable_id]})
    assert answer.status_code == 409
    assert "switched off" in answer.json()["message"]
    assert written() == before


def test_a_switched_off_user_without_students_gets_none(api, alma, info):
    User.objects.filter(pk=info.pk).update(is_active=False)
    answer = api(alma).post("students", {**JOHN, "user_email": info.email})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["user_email"])


def test_one_key_makes_one_answer(api, alma):
    first = api(alma).post("students", JOHN, Idempotency_Key="1")
    again = api(alma).post("students", JOHN, Idempotency_Key="1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again["Idempotency-Replayed"] == "true"


def test_reading_is_not_writing(api, alma):
    assert api(alma, "students:read").post("students", JOHN).status_code == 403
    assert not User.objects.filter(email=JOHN["email"]).exists()
