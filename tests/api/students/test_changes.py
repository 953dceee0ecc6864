"""Associate, dissociate, enroll, PUT and DELETE."""

import pytest
from django.utils import timezone

from core.models import (
    EmailChange,
    Enrollment,
    Membership,
    OutboxEntry,
    SiteSettings,
    Team,
    User,
)
from core.permissions import students
from core.services.api import personal_team
from tests.factories import (
    EnrollmentFactory,
    ImpersonationSessionFactory,
    MembershipFactory,
    OutboxEntryFactory,
    ProductFactory,
    SeatFactory,
    TeamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
NAMES = {"first_name": "John", "last_name": "Doe", "email": "j.doe@www.wooninja.io"}


@pytest.fixture
def user(db) -> User:
    return UserFactory(email="user@www.wooninja.io", is_dashboard_user=True)


@pytest.fixture
def student(db) -> User:
    """Pulled from Thinkific, in no team."""
    return UserFactory(email="student@www.wooninja.io", from_thinkific=True)


PAIR = {"email": "student@www.wooninja.io", "user_email": "user@www.wooninja.io"}


# --- the published examples, to the letter ------------------------------------------------------------

ASSIGNED = b"""{
    "email": "student@www.wooninja.io",
    "user_email": "user@www.wooninja.io",
}"""
UPDATED = b"""{
    "first_name": "John",
    "last_name": "Doe",
    "email": "j.doe@www.wooninja.io",
}"""
TRAILING = [
    ("POST", "students/associate", ASSIGNED),
    ("POST", "students/dissociate", ASSIGNED),
    ("PUT", "students/1", UPDATED),
]


@pytest.mark.parametrize(("method", "path", "body"), TRAILING)
def test_trailing_commas_are_told(api, alma, student, user, method, path, body):
    answer = api(alma).call(method, path, body)
    assert answer.status_code == 400
    assert "JSON" in answer.json()["message"]


# --- associate, dissociate ----------------------------------------------------------------------------


def test_associate_and_dissociate(api, alma, student, user):
    client = api(alma)
    for _ in range(2):
        answer = client.post("students/associate", PAIR)
        assert (answer.status_code, answer.json()["data"]["users"]) == (200, [user.email])
    assert Membership.objects.filter(user=student).count() == 1
    for _ in range(2):
        answer = client.post("students/dissociate", PAIR)
        assert (answer.status_code, answer.json()["data"]["users"]) == (200, [])
    assert client.get(f"students/{student.pk}").status_code == 200  # of the last user: the record is kept


@pytest.mark.parametrize("verb", ["associate", "dissociate", "enroll"])
def test_both_must_exist(api, alma, student, user, accounting, verb):
    more = {"enrollments": [accounting.productable_id]} if verb == "enroll" else {}
    client = api(alma)
    for change in ({"email": "no@www.wooninja.io"}, {"user_email": "no@www.wooninja.io"}):
        assert client.post(f"students/{verb}", {**PAIR, **more, **change}).status_code == 404
    assert client.post(f"students/{verb}", {**PAIR, **more, "email": user.email}).status_code == 404
    for missing in PAIR:
        body = {name: value for name, value in {**PAIR, **more}.items() if name != missing}
        answer = client.post(f"students/{verb}", body)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [missing])


def test_associate_ignores_the_limit_of_students(api, alma, student, user):
    Team.objects.filter(pk=personal_team.of(user, by=alma).pk).update(max_members=0)
    assert api(alma).post("students/associate", PAIR).status_code == 200


def test_dissociate_removes_that_membership_only(api, alma, ana, acme, owen, user, accounting):
    enrollment = EnrollmentFactory(user=ana, product=accounting)
    client, pair = api(alma), {"email": ana.email, "user_email": user.email}
    client.post("students/associate", pair)
    client.post("students/associate", {**pair, "user_email": owen.email})
    answer = client.post("students/dissociate", pair)
    assert answer.json()["data"]["users"] == [owen.email]
    assert Membership.objects.filter(user=ana, team=acme).exists()
    enrollment.refresh_from_db()
    assert enrollment.expiry_date > timezone.now()


@pytest.mark.parametrize("full", [True, False])
def test_of_the_last_user_the_student_joins_the_default_team(api, alma, student, user, full):
    default = TeamFactory()
    Team.objects.filter(pk=default.pk).update(max_members=0 if full else None)
    SiteSettings.load()
    SiteSettings.objects.update(default_team=default)
    client = api(alma)
    client.post("students/associate", PAIR)
    assert client.post("students/dissociate", PAIR).status_code == 200
    assert Membership.objects.get(user=student).team == default


def test_without_a_default_team_they_are_listed_as_unassigned(api, alma, student, user):
    client = api(alma)
    client.post("students/associate", PAIR)
    client.post("students/dissociate", PAIR)
    assert student in User.objects.unassigned()


def test_a_manager_assigns_own_people_to_themselves_only(api, mara, ana, otto, owen, gwen):
    client = api(mara)
    body = {"email": ana.email, "user_email": mara.email}
    assert client.post("students/associate", body).json()["data"]["users"] == [mara.email]
    assert client.post("students/associate", {**body, "email": otto.email}).status_code == 404
    assert client.post("students/associate", {**body, "user_email": gwen.email}).status_code == 404
    for verb in ("associate", "dissociate"):
        assert client.post(f"students/{verb}", {**body, "user_email": owen.email}).status_code == 403
    assert client.post("students/dissociate", body).json()["data"]["users"] == []


def test_a_manager_gets_an_answer_about_whom_they_no_longer_see(api, mara, alma):
    client = api(mara)
    client.post("students", {**NAMES})
    answer = client.post("students/dissociate", {"email": NAMES["email"], "user_email": mara.email})
    assert (answer.status_code, answer.json()["data"]["email"]) == (200, NAMES["email"])
    assert client.get(f"students/{answer.json()['data']['id']}").status_code == 404
    assert api(alma).get(f"students/{answer.json()['data']['id']}").status_code == 200


# --- enroll -------------------------------------------------------------------------------------------


def test_enroll_the_published_example(api, alma, accounting):
    student = UserFactory(email="j.doe@www.wooninja.io")
    info = UserFactory(email="info@www.wooninja.io", is_dashboard_user=True)
    ProductFactory(productable_id=1379051)
    ProductFactory(productable_id=1354765, bundle=True)
    body = {"email": "j.doe@www.wooninja.io", "user_email": "info@www.wooninja.io"}
    body |= {"enrollments": [1379051, 1354765]}
    answer = api(alma).post("students/enroll", body)
    assert answer.status_code == 202, answer.content
    assert answer.json()["data"]["users"] == [info.email]  # assigned too
    assert api(alma).get(f"jobs/{answer.json()['job']}").json()["data"]["total"] == 3
    made = Enrollment.objects.filter(user=student, origin="api", activated_at__isnull=False)
    assert made.count() == 2


def test_enroll_never_checks_seats(api, alma, student, user, accounting):
    seat = SeatFactory(product=accounting, max_seats=1, teams=[personal_team.of(user, by=alma)])
    client = api(alma)
    for number in range(3):
        UserFactory(email=f"s{number}@www.wooninja.io")
        body = {"email": f"s{number}@www.wooninja.io", "user_email": user.email}
        answer = client.post("students/enroll", {**body, "enrollments": [accounting.productable_id]})
        assert answer.status_code == 202
    seat.refresh_from_db()
    assert (seat.used_count, seat.over) == (3, 2)


@pytest.mark.parametrize(
    ("numbers", "field"),
    [
        ([], "enrollments"),
        ([99], "enrollments"),
        (None, "enrollments"),
        ([0], "enrollments.0"),
        ([1, "x"], "enrollments.1"),
        (list(range(1, 102)), "enrollments"),
    ],
)
def test_enroll_refuses_other_numbers(api, alma, student, user, numbers, field):
    answer = api(alma).post("students/enroll", {**PAIR, "enrollments": numbers})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])
    assert not Membership.objects.filter(user=student).exists()


def test_a_hundred_products_at_once(api, alma, student, user):
    numbers = [ProductFactory().productable_id for _ in range(100)]
    answer = api(alma).post("students/enroll", {**PAIR, "enrollments": numbers})
    assert answer.status_code == 202
    assert Enrollment.objects.count() == 100


# --- PUT ----------------------------------------------------------------------------------------------


def test_put_changes_names_and_address(api, alma, student):
    answer = api(alma).put(f"students/{student.pk}", NAMES)
    assert answer.status_code == 200
    assert NAMES.items() <= answer.json()["data"].items()
    student.refresh_from_db()
    assert student.email == "j.doe@www.wooninja.io"
    assert EmailChange.objects.get().way == EmailChange.Way.AT_ONCE  # the old address is told
    assert OutboxEntry.objects.get(entity="user").object_id == student.pk


@pytest.mark.parametrize("missing", NAMES)
def test_put_needs_all_three(api, alma, student, missing):
    body = {name: value for name, value in NAMES.items() if name != missing}
    answer = api(alma).put(f"students/{student.pk}", body)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [missing])


def test_put_refuses_an_address_of_somebody_else(api, alma, student, ana):
    for email in ("ANA@acme.example", "no address"):
        answer = api(alma).put(f"students/{student.pk}", {**NAMES, "email": email})
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["email"])
    student.refresh_from_db()
    assert student.first_name != "John"  # nothing half done


def test_put_of_the_present_version_only(api, alma, student):
    client, path = api(alma), f"students/{student.pk}"
    tag = client.get(path)["ETag"]
    first = client.put(path, NAMES, If_Match=tag)
    assert first.status_code == 200
    late = client.put(path, {**NAMES, "first_name": "Jay"}, If_Match=tag)
    assert late.status_code == 412
    assert client.delete(path, If_Match=tag).status_code == 412
    assert client.put(path, {**NAMES, "first_name": "Jay"}, If_Match=first["ETag"]).status_code == 200
    assert client.put(path, NAMES, If_Match="*").status_code == 200


def test_put_by_a_manager_asks_for_a_confirmation(api, mara, ana):
    answer = api(mara).put(f"students/{ana.pk}", NAMES)
    assert answer.status_code == 200
    data = answer.json()
    assert (data["data"]["first_name"], data["data"]["email"]) == ("John", "ana@acme.example")
    assert data["pending_email"] == "j.doe@www.wooninja.io"


def test_put_changes_no_address_of_somebody_with_rights_in_all_teams(api, alma):
    other = UserFactory(administrator=True)
    MembershipFactory(user=other)
    path, names = f"students/{other.pk}", {**NAMES, "email": other.email}
    assert api(alma).put(path, names).json()["data"]["first_name"] == "John"
    assert api(alma).put(path, NAMES).status_code == 403
    other.refresh_from_db()
    assert other.email == names["email"]


def test_put_by_whoever_may_not_change_the_account(api, mara, acme, otto, alma, root):
    MembershipFactory(team=acme, user=otto, as_guest=True)
    assert api(mara).put(f"students/{otto.pk}", NAMES).status_code == 403
    api(alma).post("students/associate", {"email": otto.email, "user_email": alma.email})
    MembershipFactory(team=acme, user=root)
    assert api(alma).put(f"students/{root.pk}", NAMES).status_code == 403
    for path in ("students/0", f"students/{alma.pk}", "students/99999999999999999999"):
        assert api(alma).put(path, NAMES).status_code == 404


# --- DELETE -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("too", [True, False])
def test_delete_removes_the_student_for_all_users(api, alma, owen, gwen, student, too):
    SiteSettings.load()
    SiteSettings.objects.update(delete_students=too)
    client = api(alma)
    for user in (owen, gwen):
        client.post("students/associate", {"email": student.email, "user_email": user.email})
    answer = client.delete(f"students/{student.pk}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not User.objects.filter(pk=student.pk).exists()
    there = OutboxEntry.objects.filter(entity="user", thinkific_id=student.thinkific_id)
    assert there.exists() == too
    assert client.delete(f"students/{student.pk}").status_code == 404


def test_a_student_who_is_a_user_stays_a_user(api, alma, owen, acme, accounting):
    enrollment = EnrollmentFactory(user=owen, product=accounting)
    client = api(alma)
    client.post("students/associate", {"email": owen.email, "user_email": alma.email})
    MembershipFactory(team=TeamFactory(), user=owen)
    assert client.delete(f"students/{owen.pk}").status_code == 204
    assert list(Membership.objects.filter(user=owen).values_list("team", flat=True)) == [acme.pk]
    assert User.objects.get(pk=owen.pk).is_dashboard_user
    assert Enrollment.objects.filter(pk=enrollment.pk).exists()
    assert client.get(f"students/{owen.pk}").status_code == 404


@pytest.mark.parametrize("default", [True, False])
def test_a_user_in_no_other_team_has_their_own(api, alma, user, default):
    SiteSettings.load()
    SiteSettings.objects.update(default_team=TeamFactory() if default else None)
    MembershipFactory(user=user)
    if default:
        MembershipFactory(user=user, team=SiteSettings.load().default_team)
    assert api(alma).delete(f"students/{user.pk}").status_code == 204
    assert Membership.objects.get(user=user).team == personal_team.known(user)
    assert user not in students.every_student()


def test_an_administrator_in_no_other_team_is_in_none(api, alma, root):
    SiteSettings.load()
    SiteSettings.objects.update(default_team=TeamFactory())
    MembershipFactory(user=alma)
    assert api(root).delete(f"students/{alma.pk}").status_code == 204
    assert not alma.memberships.exists()


def test_what_is_in_the_way_is_a_409(api, alma, ana, bo):
    ImpersonationSessionFactory(impersonated=ana)
    OutboxEntryFactory(entity="user", object_id=bo.pk, status="in_flight")
    for student in (ana, bo):
        answer = api(alma).delete(f"students/{student.pk}")
        assert answer.status_code == 409
        assert str(student) in answer.json()["message"]


def test_who_may_delete(api, mara, owen, ana, otto, acme):
    assert api(mara).delete(f"students/{ana.pk}").status_code == 403
    MembershipFactory(team=acme, user=otto, as_guest=True)
    assert api(owen).delete(f"students/{otto.pk}").status_code == 403
    MembershipFactory(team=personal_team.of(owen, by=None), user=mara)
    assert api(owen).delete(f"students/{mara.pk}").status_code == 403
    assert api(owen).delete(f"students/{ana.pk}").status_code == 204
    assert api(owen, "students:read").delete(f"students/{otto.pk}").status_code == 403
