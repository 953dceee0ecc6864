"""The line above a page, its rows and the messages agree about changes that were not sent yet."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from core.models import Enrollment, GroupMembership, OutboxEntry
from core.services import outbox
from tests.factories import (
    EnrollmentFactory,
    GroupAssignmentFactory,
    GroupMembershipFactory,
    OutboxEntryFactory,
    ProductFactory,
)

Status = OutboxEntry.Status


def page_of(obj, tab: str = "") -> str:
    url = reverse(f"admin:core_{obj._meta.model_name}_change", args=[obj.pk])
    return f"{url}?tab={tab}" if tab else url


def do(obj, slug: str, *part: int) -> str:
    name = f"admin:core_{obj._meta.model_name}_do{'_row' if part else ''}"
    return reverse(name, args=[obj.pk, slug, *part])


def unsent(row, status=Status.PENDING, error: str = "") -> OutboxEntry:
    """The entry of an enrollment or a group membership, and the state that goes with it."""
    state = "failed" if status == Status.FAILED else "pending"
    type(row).objects.filter(pk=row.pk).update(push_state=state)
    return OutboxEntryFactory(
        entity=row._meta.model_name, object_id=row.pk, person=row.user, status=status, error=error
    )


@pytest.fixture
def course(ana, accounting):
    ana.thinkific_id = 77
    ana.save()
    return EnrollmentFactory(user=ana, product=accounting, thinkific_id=5)


@pytest.fixture
def member(ana, acme):
    group = GroupMembershipFactory(user=ana, group__name="North", group__thinkific_id=8).group
    GroupAssignmentFactory(group=group, team=acme, direction="bidirectional")
    return GroupMembership.objects.get(user=ana)


# --- the line above the page ---------------------------------------------------------------------------


def test_a_persons_line_counts_their_enrollments_and_memberships(alma, ana, course, member, signed_in):
    client = signed_in(alma)
    assert "Nothing waits to be sent" in client.get(page_of(ana)).content.decode()

    unsent(course)
    unsent(member, Status.FAILED, "User not found")
    page = client.get(page_of(ana)).content.decode()

    assert "Thinkific refused 1 group membership. 1 enrollment waits to be sent." in page
    assert "Nothing waits to be sent" not in page
    assert "?tab=groups" in page


def test_the_line_counts_what_the_viewer_may_see_and_no_more(mara, ana, acme_seat, course, signed_in):
    unsent(EnrollmentFactory(user=ana))  # of a course that Acme has no seat on
    client = signed_in(mara)
    assert "Nothing waits to be sent" in client.get(page_of(ana)).content.decode()

    unsent(course, Status.FAILED)

    page = client.get(page_of(ana)).content.decode()
    assert "Thinkific refused 1 enrollment." in page
    assert do(ana, "retry-refused") not in page  # what was refused is retried by administrators


def test_a_bundles_line_counts_its_courses(alma, ana, course, signed_in):
    bundle = EnrollmentFactory(user=ana, product=ProductFactory(bundle=True))
    Enrollment.objects.filter(pk=course.pk).update(via_bundle=bundle)
    entry = unsent(course, Status.FAILED, "Course is a draft")
    client = signed_in(alma)

    assert "Thinkific refused 1 course of the bundle." in client.get(page_of(bundle)).content.decode()
    assert "Course is a draft" in client.get(page_of(bundle, "courses")).content.decode()
    client.post(do(bundle, "retry-refused"))

    assert OutboxEntry.objects.get(pk=entry.pk).status == Status.PENDING


def test_the_lines_retry_tries_everything_of_the_person_again(alma, ana, bo, course, member, signed_in):
    entries = [unsent(course, Status.FAILED), unsent(member, Status.FAILED)]
    others = OutboxEntryFactory(object_id=bo.pk, person=bo, status=Status.FAILED)
    client = signed_in(alma)
    assert do(ana, "retry-refused") in client.get(page_of(ana)).content.decode()

    page = client.post(do(ana, "retry-refused"), {"next": page_of(ana)}, follow=True).content.decode()

    assert "2 changes are tried again." in page
    assert {OutboxEntry.objects.get(pk=entry.pk).status for entry in entries} == {Status.PENDING}
    assert OutboxEntry.objects.get(pk=others.pk).status == Status.FAILED


# --- rows ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["person", "team"])
def test_an_enrollments_row_says_what_was_refused_and_retries_it(
    alma, acme, ana, acme_seat, course, signed_in, where
):
    owner = {"person": ana, "team": acme}[where]
    client = signed_in(alma)
    entry = unsent(course, Status.FAILED, "Course is a draft")
    page = client.get(page_of(owner, "enrollments")).content.decode()
    assert ">Refused<" in page
    assert "Course is a draft" in page
    assert do(owner, "retry", course.pk) in page

    client.post(do(owner, "retry", course.pk))

    assert OutboxEntry.objects.get(pk=entry.pk).status == Status.PENDING
    page = client.get(page_of(owner, "enrollments")).content.decode()
    assert ">Waiting to be sent<" in page
    assert do(owner, "retry", course.pk) not in page


def test_a_membership_that_was_refused_is_retried_from_both_sides(alma, ana, member, signed_in):
    group, client = member.group, signed_in(alma)

    for owner, tab, address in (
        (ana, "groups", do(ana, "retry-group", group.pk)),
        (group, "users", do(group, "retry", member.pk)),
    ):
        OutboxEntry.objects.all().delete()
        entry = unsent(member, Status.FAILED, "User not found")
        assert "User not found" in client.get(page_of(owner, tab)).content.decode()
        client.post(address)
        assert OutboxEntry.objects.get(pk=entry.pk).status == Status.PENDING


def test_who_was_taken_out_stays_listed_until_thinkific_has_followed(alma, ana, member, signed_in):
    GroupMembership.objects.update(removed_at="2026-01-01T00:00Z")
    entry = unsent(member)
    client = signed_in(alma)
    pages = [page_of(ana, "groups"), page_of(member.group, "users")]

    assert all("Waiting to leave" in client.get(page).content.decode() for page in pages)
    OutboxEntry.objects.filter(pk=entry.pk).update(status=Status.FAILED, error="No such member")
    GroupMembership.objects.update(push_state="failed")
    assert all("Removal refused" in client.get(page).content.decode() for page in pages)
    outbox.discard([OutboxEntry.objects.get(pk=entry.pk)])
    assert not any("Removal refused" in client.get(page).content.decode() for page in pages)


@pytest.mark.parametrize("who", ["mara", "ana"])
def test_teams_retry_nothing(request, ana, acme_seat, course, member, signed_in, who):
    unsent(course, Status.FAILED)
    unsent(member, Status.FAILED)
    client = signed_in(request.getfixturevalue(who))

    for address in (
        do(ana, "retry", course.pk),
        do(ana, "retry-group", member.group_id),
        do(ana, "retry-refused"),
        do(member.group, "retry", member.pk),
    ):
        assert client.post(address).status_code in {403, 404}
    assert not OutboxEntry.objects.exclude(status=Status.FAILED).exists()


def test_rows_say_how_they_stand_in_a_constant_number_of_queries(alma, ana, signed_in):
    client = signed_in(alma)

    def queries(tab: str) -> int:
        with CaptureQueriesContext(connection) as done:
            client.get(page_of(ana, tab))
        return len(done)

    def add(count: int) -> None:
        for _ in range(count):
            unsent(EnrollmentFactory(user=ana), Status.FAILED)
            unsent(GroupMembershipFactory(user=ana), Status.FAILED)

    add(2)
    queries("groups")
    few = queries("enrollments"), queries("groups")
    add(10)

    assert (queries("enrollments"), queries("groups")) == few


# --- messages ------------------------------------------------------------------------------------------


def test_no_message_says_that_something_waits_when_it_was_sent(alma, ana, course, signed_in):
    client = signed_in(alma)
    client.post(do(ana, "edit"), {"first_name": "Anna", "last_name": "Ames", "email": ana.email})
    assert OutboxEntry.objects.unsent().exists()
    OutboxEntry.objects.update(status=Status.DONE)  # before the page is drawn

    page = client.get(page_of(ana)).content.decode()

    assert "Anna Ames is saved." in page
    assert "Nothing waits to be sent to Thinkific." in page
    assert not any(words in page for words in ("within seconds", "waiting change", "in the background"))
