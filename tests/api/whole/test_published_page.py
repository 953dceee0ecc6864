"""The calls of the published page, letter by letter and in its order, as one story.

`published.txt` has each method, path and body as printed there. Only `{id}` gets the id of a row, and where
an example is not a call that can succeed, a second one follows that can.
"""

import re
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from django.utils import timezone

from core.models import (
    Enrollment,
    GroupAssignment,
    Job,
    Membership,
    SeatAssignment,
    User,
)
from core.services.api import personal_team
from tests.factories import BundleItemFactory, EnrollmentFactory, MembershipFactory, ProductFactory

pytestmark = pytest.mark.django_db
FILE = Path(__file__).with_name("published.txt")
PASSWORD = "Correct-Horse-7"


class Published(NamedTuple):
    method: str
    path: str  # as printed: "/api/users", " api/users/{id}"
    body: bytes


def printed() -> list[Published]:
    calls = []
    for part in FILE.read_text().split("\n\n"):
        line, _, body = part.partition("\n")
        method, path = re.fullmatch(r"(GET|POST|PUT|DELETE) (.*)", line).groups()
        calls.append(Published(method, path, body.strip("\n").encode()))
    return calls


class Page:
    """Sends the calls one after the other."""

    def __init__(self, client):
        self.client, self.calls = client, iter(printed())

    def send(self, line, **ids):
        """Send the next call of the page, which is printed as this line."""
        self.last = next(self.calls)
        assert f"{self.last.method} {self.last.path}" == line
        return self.again(self.last.body, **ids)

    def again(self, body, **ids):
        """Send the last call with another body."""
        path = self.last.path.replace("/ ", "/").removeprefix("/").strip().removeprefix("api/")
        for name, value in ids.items():
            path = path.replace(f"{{{name}}}", str(value))
        return self.client.call(self.last.method, path, body)

    def with_password(self):
        return self.again(self.last.body.replace(b"********", PASSWORD.encode()))

    def without_comma(self, **ids):
        return self.again(self.last.body.replace(b",\n}", b"\n}"), **ids)


@pytest.fixture
def course(db):
    return ProductFactory(productable_id=1379051, name="The course")


@pytest.fixture
def bundle(course):
    bundle = ProductFactory(bundle=True, productable_id=1354765, name="The bundle")
    BundleItemFactory(bundle=bundle)
    return bundle


def test_the_page_as_printed(alma, api, course, bundle):
    page = Page(api(alma))
    user = the_user_api(page, alma)
    seats_and_expiry(page, user, course)
    the_student_api(page)
    the_product_api(page, course)
    assert [*page.calls] == []


def the_user_api(page, alma) -> User:
    assert page.send("GET /api/users").json()["meta"]["total"] == 1
    assert page.send("GET /api/users/{id}", id=alma.pk).json()["data"]["email"] == alma.email

    # The page shows asterisks for a password. As one, they are against the rules for passwords.
    assert errors_of(page.send("POST /api/users")) == {"password"}
    assert User.objects.count() == 1
    answer = page.with_password()
    made = answer.json()["data"]
    assert (answer.status_code, made["name"], made["email"]) == (201, "John Doe", "j.doe@www.wooninja.io")
    assert (made["max_seats"], made["used_seats"]) == (100, 0)

    answer = page.send("PUT / api/users/{id}", id=made["id"])
    changed = {"name": "Jay Doe", "email": "doe.jay@www.wooninja.io", "max_seats": 35}
    assert answer.status_code == 200
    assert answer.json()["data"].items() >= changed.items()

    assert errors_of(page.send("POST /api/users/upsert")) == {"password"}
    first, second = page.with_password(), page.with_password()
    assert (first.status_code, second.status_code) == (201, 200)
    upserted = first.json()["data"]
    assert second.json()["data"]["id"] == upserted["id"]

    assert page.send("POST /api/users/search").status_code == 404  # nobody is called john.doe yet
    found = page.again({"email": "Doe.John@www.wooninja.io"})
    assert (found.status_code, found.json()["data"]["id"]) == (200, upserted["id"])

    assert page.send("DELETE / api/users/{id}", id=upserted["id"]).status_code == 204
    assert page.client.get(f"users/{upserted['id']}").status_code == 404
    return User.objects.get(pk=made["id"])


def seats_and_expiry(page, user, course) -> None:
    assert page.send("POST /api/users/group/{id}", id=user.pk).status_code == 200
    team = personal_team.known(user)
    assert GroupAssignment.objects.get(team=team).group.name == "My Thinkific Group"

    answer = page.send("POST /api/users/access/{id}", id=user.pk)
    given = {"thinkific_id": 1379051, "active": True, "max_seats": 55, "enrollment_days": 365}
    assert answer.json()["data"]["access"][0].items() >= given.items()
    answer = page.send("POST /api/users/seat/{id}", id=user.pk)
    assert answer.json()["data"]["access"][0].items() >= (given | {"max_seats": 65}).items()
    assert SeatAssignment.objects.get().team == team

    enrollment = EnrollmentFactory(product=course, user=MembershipFactory(team=team).user)
    for days in (30, None, 0, 3652):  # None: in the past; ten years have two or three leap days
        answer = page.send("POST /api/users/enrollments/{id}", id=user.pk)
        assert answer.status_code == 202
        job = page.client.get(f"jobs/{answer.json()['job']}").json()["data"]
        assert (job["kind"], job["total"]) == ("expiry", 1)
        enrollment.refresh_from_db()
        if days:
            assert abs(enrollment.expiry_date - timezone.now() - timedelta(days=days)) < timedelta(days=2)
        else:
            assert enrollment.expiry_date <= timezone.now()


def the_student_api(page) -> None:
    listed = page.send("GET /api/students").json()
    one = listed["data"][0]
    assert page.send("GET /api/students/{id}", id=one["id"]).json()["data"] == one

    people = User.objects.count()
    assert errors_of(page.send("POST /api/students")) == {"user_email"}  # "User must already exist"
    assert User.objects.count() == people
    for name in ("info", "user"):
        answer = page.client.post("users/upsert", {"email": f"{name}@www.wooninja.io"})
        assert answer.status_code == 201
    answer = page.again(page.last.body)
    john = answer.json()["data"]
    assert (answer.status_code, john["users"]) == (201, ["info@www.wooninja.io"])
    assert answer.json()["pending_enrollments"] == [1379051, 1354765]
    assert Job.objects.filter(pk=answer.json()["job"]).exists()

    assert_no_json(page.send("POST /api/students/associate"))
    assert page.without_comma().status_code == 404
    student = {"first_name": "Sue", "last_name": "Dent", "email": "student@www.wooninja.io"}
    assert page.client.post("students", student).status_code == 201
    assert "user@www.wooninja.io" in page.without_comma().json()["data"]["users"]
    assert_no_json(page.send("POST /api/students/dissociate"))
    assert "user@www.wooninja.io" not in page.without_comma().json()["data"]["users"]

    assert_no_json(page.send("PUT /api/students/{id}", id=john["id"]))
    assert page.without_comma(id=john["id"]).json()["data"]["first_name"] == "John"

    assert page.send("DELETE /api/students/{id}", id=john["id"]).status_code == 204
    assert not Membership.objects.filter(user__email="j.doe@www.wooninja.io").exists()

    assert page.send("POST /api/students/enroll").status_code == 404  # "Must exist already"
    again = {"first_name": "John", "last_name": "Doe", "email": "j.doe@www.wooninja.io"}
    assert page.client.post("students", again).status_code == 201
    answer = page.again(page.last.body)
    assert answer.status_code == 202
    assert "info@www.wooninja.io" in answer.json()["data"]["users"]
    # The course, and the one in the bundle.
    assert Enrollment.objects.filter(user__email="j.doe@www.wooninja.io").count() >= 2


def the_product_api(page, course) -> None:
    found = page.send("GET /api/products/{id}", id=course.pk).json()["data"]
    assert (found["name"], found["productable_id"]) == ("The course", 1379051)
    answer = page.send("GET api/products/search?term=search_term")
    assert (answer.status_code, answer.json()["data"]) == (200, [])
    for term in ("course", str(course.thinkific_id), "1379051"):
        numbers = [one["id"] for one in page.client.get(f"products/search?term={term}").json()["data"]]
        assert course.pk in numbers


def errors_of(answer) -> set[str]:
    assert answer.status_code == 422
    return set(answer.json()["errors"])


def assert_no_json(answer) -> None:
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("The body is not valid JSON")
