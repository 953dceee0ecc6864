"""Deleting people over the screen, with the stand-in behind: never unconfirmed, and exactly once."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.urls import reverse

from core.models import OutboxEntry, SiteSettings, User
from core.services.enrollments import enrollments

from .conftest import counts, states


@pytest.fixture
def person(pull):
    """A student with a Thinkific account; the settings delete students in Thinkific."""
    pull("users")
    settings = SiteSettings.load()
    settings.delete_students = True
    settings.save()
    return User.objects.filter(thinkific_id__isnull=False, is_dashboard_user=False).first()


@pytest.fixture
def client_of_alma(alma, signed_in):
    return signed_in(alma)


def delete(client, user, **values):
    """Open the dialog and send it with the address typed in."""
    address = reverse("admin:core_user_do", args=[user.pk, "delete"])
    form = client.get(address).context["form"]
    shown = {"email": user.email, "described": form["described"].value()}
    return client.post(address, shown | values)


def test_nothing_is_deleted_unconfirmed(client_of_alma, site, person, push, writes):
    delete(client_of_alma, person, email="")
    delete(client_of_alma, person, email="somebody@else.example")
    delete(client_of_alma, person, described="")

    assert push() == {}
    assert writes() == []
    assert person.thinkific_id in site.users


def test_a_confirmed_deletion_is_one_request(client_of_alma, site, person, push, pull, writes):
    number = person.thinkific_id
    delete(client_of_alma, person)

    assert push() == {"done": 1}

    assert writes() == [f"DELETE /users/{number}"]
    assert number not in site.users
    assert push() == {}
    assert counts(pull("users")) == {}
    assert not User.objects.filter(thinkific_id=number).exists()


@pytest.mark.parametrize("fault", ["lost_answer", "500", "429"])
def test_an_answer_that_does_not_come_deletes_once(client_of_alma, site, person, push, thinkific, fault):
    thinkific.faults.add(fault, method="DELETE", path="/users/", next=1)
    number, people = person.thinkific_id, len(site.users)
    delete(client_of_alma, person)

    push()

    assert states() == [("user", "done")]
    assert number not in site.users
    assert len(site.users) == people - 1


def test_the_worker_that_dies_with_it_leaves_it_to_the_next(client_of_alma, site, person, push):
    number = person.thinkific_id
    delete(client_of_alma, person)
    OutboxEntry.objects.update(
        status="in_flight", claimed_by="elsewhere:1#x", claimed_until="2020-01-01T00:00:00Z"
    )
    site.write("delete_user", user_id=number)  # it had come that far

    push()

    assert states() == [("user", "done")]


def test_a_pull_before_the_request_does_not_bring_the_person_back(client_of_alma, site, person, push, pull):
    number = person.thinkific_id
    delete(client_of_alma, person)

    pull("users")
    assert not User.objects.filter(thinkific_id=number).exists()
    push()
    pull("users")

    assert not User.objects.filter(email=person.email).exists()
    assert number not in site.users


@pytest.mark.parametrize(("method", "ended"), [("GET", "done"), ("POST", "discarded")])  # it looks first
def test_an_enrollment_sent_while_its_person_is_deleted_does_not_fail(
    client_of_alma, site, catalog, person, push, thinkific, caplog, method, ended
):
    """Thinkific answers the request after the account was deleted, and does not know the person any more."""
    asked = thinkific.faults.add(
        "stall", method=method, path="/enrollments", seconds=8.0, when="before", next=1
    )
    held = set(person.enrollments.values_list("product__productable_id", flat=True))
    there = {row.course_id for row in site.enrollments.listing if row.user_id == person.thinkific_id}
    course = next(course for number, course in catalog.items() if number not in held | there)
    enrollments.enroll_unchecked(student=person, products=[course])
    with ThreadPoolExecutor(max_workers=1) as threads:
        sending = threads.submit(push)
        wait_until(lambda: asked.hits)
        delete(client_of_alma, person)
        wait_until(lambda: states() == [("enrollment", "in_flight"), ("user", "done")])
        sending.result()

    assert states() == [("enrollment", ended), ("user", "done")]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    assert person.thinkific_id not in site.users


def wait_until(holds):
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end, states()
        time.sleep(0.01)
