"""What the Student API leaves to do in Thinkific: which account is enrolled, and how its job ends."""

import pytest

from core.models import Enrollment, OutboxEntry, Product, User
from tests.history import watched
from tests.integrations.thinkific.running import carry, push_all, short_pauses

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = {"first_name": "John", "last_name": "Doe"}


@pytest.fixture
def course(connected, monkeypatch) -> Product:
    short_pauses(monkeypatch)
    carry("products")
    return Product.objects.filter(productable_type="Course").order_by("pk")[0]


def job_of(client, answer) -> dict:
    return client.get(f"jobs/{answer.json()['job']}").json()["data"]


def test_the_account_that_thinkific_has_already_is_enrolled(api, alma, thinkific, course):
    """Nobody here knows that there is one: the students were not pulled."""
    there = next(
        user
        for user in thinkific.site.users
        if not thinkific.site.enrollments_for(user.id, course.productable_id)
    )
    thinkific.reset_stats()
    client = api(alma)
    with watched() as silent:
        body = {**NAMES, "email": there.email.upper(), "enrollments": [course.productable_id]}
        answer = client.post("students", body)
        assert answer.status_code == 201, answer.content
        assert not thinkific.stats.writes  # nothing is asked of Thinkific while the client waits
        assert job_of(client, answer)["status"] == "queued"
        push_all()
    assert silent == []
    assert User.objects.get(pk=answer.json()["data"]["id"]).thinkific_id == there.id
    (row,) = thinkific.site.enrollments_for(there.id, course.productable_id)
    assert row.activated_at is not None
    assert Enrollment.objects.get(product=course).thinkific_id == row.id
    assert [user.id for user in thinkific.site.users if user.email == there.email] == [there.id]
    done = job_of(client, answer)
    assert (done["status"], done["done"], done["failed"]) == ("done", 2, 0)
    data = client.get(f"students/{answer.json()['data']['id']}").json()["data"]
    shown = {enrollment["product_id"]: enrollment["status"] for enrollment in data["enrollments"]}
    assert shown[course.pk] == "active"


def test_while_thinkific_is_away_students_are_made(api, alma, course, settings):
    settings.THINKIFIC_API_URL = "http://127.0.0.1:9"
    client = api(alma)
    body = {**NAMES, "email": "j.doe@www.wooninja.io", "enrollments": [course.productable_id]}
    assert client.post("students", body).status_code == 201
    body["user_email"] = alma.email
    enrolled = client.post("students/enroll", body)
    assert enrolled.status_code == 202
    assert job_of(client, enrolled)["status"] == "queued"
    assert client.delete(f"students/{enrolled.json()['data']['id']}").status_code == 204
    assert not OutboxEntry.objects.filter(status="failed").exists()
