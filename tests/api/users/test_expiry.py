"""POST users/enrollments/{id}: the end of access of a user's students."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from core.models import Enrollment, Job, OutboxEntry, SiteSettings
from core.services.api import expiry, personal_team
from core.services.enrollments import enrollments
from tests.factories import (
    BundleItemFactory,
    EnrollmentFactory,
    MembershipFactory,
    ProductFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def course(db):
    return ProductFactory(productable_id=1379051)


@pytest.fixture
def ada(alma):
    ada = UserFactory(is_dashboard_user=True)
    personal_team.of(ada, by=alma)
    return ada


@pytest.fixture
def student_of(ada):
    def student(product=None, user=ada, **values):
        person = UserFactory(from_thinkific=True)
        MembershipFactory(team=personal_team.known(user), user=person)
        if product:
            EnrollmentFactory(user=person, product=product, **values)
        return person

    return student


def send(client, user, **body):
    return client.post(f"users/enrollments/{user.pk}", {"product": 1379051} | body)


def end_of(person):
    return Enrollment.objects.get(user=person).expiry_date


def in_berlin(day):
    zone = ZoneInfo("Europe/Berlin")
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=zone).astimezone(UTC)


@pytest.fixture
def berlin(db):
    SiteSettings.load()
    SiteSettings.objects.update(time_zone="Europe/Berlin")
    return ZoneInfo("Europe/Berlin")


def test_days_count_from_today_whatever_the_end_was(alma, api, ada, course, student_of, berlin):
    far = student_of(course, expiry_date=timezone.now() + timedelta(days=900))
    ended = student_of(course, expiry_date=timezone.now() - timedelta(days=9))
    never, without = student_of(course, expiry_date=None), student_of()
    answer = send(api(alma), ada, type="days", expiry_days=30)
    assert answer.status_code == 202
    assert answer.json()["data"]["id"] == ada.pk
    today = timezone.now().astimezone(berlin).date()
    for person in (far, ended, never):
        assert end_of(person) == in_berlin(today + timedelta(days=30))
    assert Enrollment.objects.get(user=ended).status == "active"
    assert not without.enrollments.exists()
    job = api(alma).get(f"jobs/{answer.json()['job']}").json()["data"]
    assert (job["kind"], job["status"], job["total"]) == ("expiry", "queued", 3)
    assert OutboxEntry.objects.filter(entity="enrollment").count() == 3


@pytest.mark.parametrize(
    "text",
    [
        "Jun 30 2031",
        "2031-06-30",
        "june 30, 2031",
        " Jun  30 2031 ",
        "2031-06-30T12:00:00Z",
        "2031-06-30T23:30:00",
        "2031-07-01 01:30:00+04:00",
    ],
)
def test_a_date_is_the_last_day_of_access(alma, api, ada, course, student_of, berlin, text):
    person = student_of(course)
    assert send(api(alma), ada, type="date", expiry_date=text).status_code == 202
    assert end_of(person) == datetime(2031, 6, 30, 21, 59, 59, tzinfo=UTC)


def test_a_past_date_expires(alma, api, ada, course, student_of):
    person = student_of(course)
    assert send(api(alma), ada, type="date", expiry_date="Jun 30 2023").status_code == 202
    assert end_of(person) == datetime(2023, 6, 30, 23, 59, 59, tzinfo=UTC)
    assert Enrollment.objects.get(user=person).status == "expired"


def test_expire_now_and_ten_years(alma, api, ada, course, student_of):
    person = student_of(course)
    long_ago = timezone.now().replace(microsecond=0) - timedelta(days=99)
    ended = student_of(course, expiry_date=long_ago)
    assert send(api(alma), ada, type="expire_now").status_code == 202
    assert end_of(person) < timezone.now()
    assert end_of(ended) == long_ago
    assert send(api(alma), ada, type="no_expiry").status_code == 202
    today = timezone.localdate()
    assert end_of(ended).date().year == end_of(person).date().year == today.year + 10


def test_ten_years_from_a_leap_day(monkeypatch):
    monkeypatch.setattr(timezone, "localdate", lambda: date(2028, 2, 29))
    assert expiry.lifetime() == date(2038, 2, 28)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "days"}, "expiry_days"),
        ({"type": "days", "expiry_days": -1}, "expiry_days"),
        ({"type": "days", "expiry_days": 10**9}, "expiry_days"),
        ({"type": "days", "expiry_days": 10**30}, "expiry_days"),
        ({"type": "days", "expiry_days": "soon"}, "expiry_days"),
        ({"type": "date"}, "expiry_date"),
        ({"type": "date", "expiry_date": "30.06.2023"}, "expiry_date"),
        ({"type": "date", "expiry_date": "Juni 31 2023"}, "expiry_date"),
        ({"type": "date", "expiry_date": "Mai 30 2023"}, "expiry_date"),
        ({"type": "date", "expiry_date": "2023-02-30"}, "expiry_date"),
        ({"type": "date", "expiry_date": "2023-02-20Tnoon"}, "expiry_date"),
        ({"type": "date", "expiry_date": "9999-12-31T23:59:59-14:00"}, "expiry_date"),
        ({"type": "date", "expiry_date": "9999-12-31"}, "expiry_date"),
        ({"type": "date", "expiry_date": "0001-01-01"}, "expiry_date"),
        ({"type": "date", "expiry_date": "٢٠٢٣-٠٦-٣٠"}, "expiry_date"),
        ({"type": "date", "expiry_date": 20230630}, "expiry_date"),
        ({"type": "later"}, "type"),
        ({}, "type"),
        ({"type": "expire_now", "product": 5}, "product"),
        ({"type": "expire_now", "product": None}, "product"),
    ],
)
def test_wrong_values_name_their_field(alma, api, ada, course, student_of, body, field):
    person = student_of(course)
    before = end_of(person)
    answer = send(api(alma), ada, **body)
    assert (answer.status_code, set(answer.json()["errors"])) == (422, {field})
    assert end_of(person) == before
    assert not Job.objects.exists()


def test_a_shared_student_changes_for_everybody(alma, api, ada, course, student_of):
    other = UserFactory(is_dashboard_user=True)
    personal_team.of(other, by=alma)
    shared, foreign = student_of(course), student_of(course, user=other)
    MembershipFactory(team=personal_team.known(other), user=shared)
    before = end_of(foreign)
    send(api(alma), ada, type="date", expiry_date="Jun 30 2031")
    assert end_of(shared).year == 2031
    assert end_of(foreign) == before


def test_only_students_are_touched(alma, api, ada, course, student_of):
    own = EnrollmentFactory(user=ada, product=course)
    elsewhere = student_of(ProductFactory())
    before = end_of(elsewhere)
    assert send(api(alma), ada, type="date", expiry_date="Jun 30 2031").status_code == 202
    assert end_of(elsewhere) == before
    assert end_of(ada) == own.expiry_date


def test_a_bundle_changes_each_of_its_courses(alma, api, ada, student_of):
    bundle = ProductFactory(bundle=True, productable_id=1379051)
    courses = [BundleItemFactory(bundle=bundle).course for _ in range(2)]
    person = student_of()
    (held,) = enrollments.enroll_unchecked(student=person, products=[bundle], by=alma)
    for one in courses:
        EnrollmentFactory(user=person, product=one, via_bundle=held, expiry_date=None, thinkific_id=one.pk)
    answer = send(api(alma), ada, type="date", expiry_date="Jun 30 2031")
    assert [e.expiry_date.year for e in person.enrollments.all()] == [2031] * 3
    job = api(alma).get(f"jobs/{answer.json()['job']}").json()["data"]
    assert job["total"] == 3
    send(api(alma), ada, type="expire_now")
    assert {e.status for e in person.enrollments.all()} <= {"expired", "pending"}
    assert all(e.expiry_date < timezone.now() for e in person.enrollments.all())
    send(api(alma), ada, type="days", expiry_days=5)
    assert all(e.expiry_date > timezone.now() for e in person.enrollments.all())


def test_without_anybody_enrolled_the_job_is_done(alma, api, ada, course, owen):
    for user in (ada, owen):
        answer = send(api(alma), user, type="no_expiry")
        assert answer.status_code == 202
        job = api(alma).get(f"jobs/{answer.json()['job']}").json()["data"]
        assert (job["status"], job["total"]) == ("done", 0)


def test_a_manager_does_not_change_the_end_of_all_access(api, owen, mara, gwen, course):
    for issuer in (owen, mara):
        assert send(api(issuer), owen, type="no_expiry").status_code == 403
        assert send(api(issuer), gwen, type="no_expiry").status_code == 404
