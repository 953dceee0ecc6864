"""Waiting changes: what is shown, and Retry and Discard on every screen."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from core.models import Enrollment, OutboxEntry, User
from core.services import people
from tests.dialogs import asked_about_selected, shown_by
from tests.factories import EnrollmentFactory, GroupMembershipFactory, OutboxEntryFactory

LIST = reverse("admin:core_outboxentry_changelist")
Status = OutboxEntry.Status


def do(slug: str, *keys: int) -> str:
    return reverse(f"admin:core_outboxentry_{'do' if keys else 'do_new'}", args=[*keys, slug])


@pytest.fixture
def failed(ana, accounting):
    enrollment = EnrollmentFactory(user=ana, product=accounting, push_state="failed")
    return OutboxEntryFactory(
        entity="enrollment",
        object_id=enrollment.pk,
        person=ana,
        reason="enrolled",
        status=Status.FAILED,
        error="POST /enrollments answered 422: course is a draft",
        attempts=3,
    )


def status_of(entry) -> str:
    return OutboxEntry.objects.get(pk=entry.pk).status


def test_the_list_says_what_failed_why_and_leads_to_the_object(alma, signed_in, failed):
    page = signed_in(alma).get(LIST).content.decode()

    assert "course is a draft" in page
    assert reverse("admin:core_enrollment_change", args=[failed.object_id]) in page
    assert do("retry", failed.pk) in page


@pytest.mark.parametrize("slug", ["retry", "retry-kind", "discard"])
def test_a_dialog_names_the_person_and_the_course(alma, signed_in, failed, slug):
    page = signed_in(alma).get(do(slug, failed.pk)).content.decode()

    assert "· <bdi>Ana Ames in Accounting 101</bdi>" in page
    assert f"enrollment {failed.object_id}" not in page


def test_one_whose_object_is_gone_is_called_by_what_was_changed(alma, signed_in):
    entry = OutboxEntryFactory(entity="enrollment", object_id=999, reason="enrolled", status=Status.FAILED)

    assert "· <bdi>Enrolled</bdi>" in signed_in(alma).get(do("retry", entry.pk)).content.decode()


def test_retry_lets_it_wait_again_and_says_what_happens(alma, signed_in, failed):
    page = signed_in(alma).post(do("retry", failed.pk), follow=True).content.decode()

    assert status_of(failed) == Status.PENDING
    assert Enrollment.objects.get().push_state == "pending"
    assert "1 change is tried again." in page


def test_a_second_retry_finds_nothing_to_do(alma, signed_in, failed):
    signed_in(alma).post(do("retry", failed.pk))

    assert "no longer needed" in signed_in(alma).post(do("retry", failed.pk), follow=True).content.decode()
    assert OutboxEntry.objects.count() == 1


def test_discarding_asks_first_and_then_gives_it_up(alma, signed_in, failed):
    asked = signed_in(alma).get(do("discard", failed.pk)).content.decode()
    assert "the change made in the dashboard is lost" in asked
    assert status_of(failed) == Status.FAILED

    signed_in(alma).post(do("discard", failed.pk))

    assert status_of(failed) == Status.DISCARDED
    assert Enrollment.objects.get().push_state == "clean"


def test_all_of_a_kind_are_tried_again_and_no_others(alma, signed_in, failed, bo):
    other = OutboxEntryFactory(entity="enrollment", object_id=999, status=Status.FAILED)
    user = OutboxEntryFactory(entity="user", object_id=bo.pk, status=Status.FAILED)

    signed_in(alma).post(do("retry-failed"), {"entity": "enrollment"})

    assert [status_of(e) for e in (failed, other, user)] == [Status.PENDING, Status.PENDING, Status.FAILED]
    OutboxEntryFactory(entity="user", status=Status.FAILED)
    asked = signed_in(alma).get(do("retry-kind", user.pk)).content.decode()
    assert "Tries 2 refused changes of this kind again (user)." in asked
    signed_in(alma).post(do("retry-kind", user.pk))
    assert status_of(user) == Status.PENDING


def test_a_kind_of_which_nothing_failed_is_refused_beside_the_field(alma, signed_in, failed):
    response = signed_in(alma).post(do("retry-failed"), {"entity": "user"})

    assert "Nothing of this kind has failed" in str(response.context["form"].errors["entity"])


@pytest.mark.parametrize(
    ("chosen", "becomes"), [("retry_selected", Status.PENDING), ("discard_selected", Status.DISCARDED)]
)
def test_the_selected_are_retried_or_discarded(alma, signed_in, failed, chosen, becomes):
    client, form = signed_in(alma), {"action": chosen, "_selected_action": [failed.pk]}
    if chosen == "discard_selected":
        form = asked_about_selected(client, LIST, form)
    client.post(LIST, form)

    assert status_of(failed) == becomes


def test_discarding_the_selected_asks_first(alma, signed_in, failed):
    page = signed_in(alma).post(LIST, {"action": "discard_selected", "_selected_action": [failed.pk]})

    assert "1 change" in page.content.decode()
    assert status_of(failed) == Status.FAILED


def test_more_than_were_shown_are_not_discarded(alma, signed_in, failed):
    client = signed_in(alma)
    form = {"action": "discard_selected", "_selected_action": [failed.pk], "select_across": "1"}
    sent = asked_about_selected(client, LIST, form)
    later = OutboxEntryFactory(entity="enrollment", object_id=999, status=Status.FAILED)

    page = client.post(LIST, sent)

    assert "2 changes will never be sent" in page.content.decode()
    assert "changed since you opened it" in page.content.decode()
    assert (status_of(failed), status_of(later)) == (Status.FAILED, Status.FAILED)


@pytest.mark.parametrize("how", ["one", "selected"])
def test_a_change_that_took_a_newer_one_in_is_not_discarded_unseen(alma, signed_in, ana, how):
    User.objects.filter(pk=ana.pk).update(thinkific_id=5)
    people.update_user(User.objects.get(pk=ana.pk), first_name="Anne")
    entry = OutboxEntry.objects.get()
    client = signed_in(alma)
    if how == "one":
        url, sent = do("discard", entry.pk), shown_by(client, do("discard", entry.pk))
    else:
        form = {"action": "discard_selected", "_selected_action": [entry.pk]}
        url, sent = LIST, asked_about_selected(client, LIST, form)
    people.update_user(User.objects.get(pk=ana.pk), first_name="Anna")

    page = client.post(url, sent)

    assert "changed since you opened it" in page.content.decode()
    assert status_of(entry) == Status.PENDING


def test_no_more_are_tried_again_than_were_shown(alma, signed_in, failed):
    client = signed_in(alma)
    of_kind, any_kind = do("retry-kind", failed.pk), do("retry-failed")
    sent = [(of_kind, shown_by(client, of_kind)), (any_kind, shown_by(client, any_kind))]
    OutboxEntryFactory(entity="enrollment", object_id=999, status=Status.FAILED)

    for url, shown in sent:
        page = client.post(url, shown | {"entity": "enrollment"})
        assert "changed since you opened it" in str(page.context["form"].non_field_errors())

    assert set(OutboxEntry.objects.values_list("status", flat=True)) == {Status.FAILED}


def test_a_change_that_was_refused_anew_is_not_tried_again_unseen(alma, signed_in, failed):
    client = signed_in(alma)
    sent = shown_by(client, do("retry", failed.pk))
    OutboxEntry.objects.update(error="Something else is wrong")

    page = client.post(do("retry", failed.pk), sent)

    assert "Something else is wrong" in str(page.context["form"].non_field_errors())
    assert status_of(failed) == Status.FAILED


def test_what_is_being_sent_cannot_be_discarded(alma, signed_in, failed):
    OutboxEntry.objects.update(status=Status.IN_FLIGHT)

    assert "no longer needed" in signed_in(alma).post(do("discard", failed.pk), follow=True).content.decode()
    signed_in(alma).post(
        LIST, {"action": "discard_selected", "_selected_action": [failed.pk], "confirmed": "1"}
    )
    assert status_of(failed) == Status.IN_FLIGHT


@pytest.mark.parametrize("who", ["mara", "owen", "ana"])
@pytest.mark.parametrize("slug", ["retry", "discard", "retry-kind"])
def test_teams_do_not_see_what_waits(request, signed_in, failed, who, slug):
    client = signed_in(request.getfixturevalue(who))

    assert client.post(do(slug, failed.pk)).status_code == 403
    assert client.post(do("retry-failed"), {"entity": "enrollment"}).status_code == 403
    assert client.post(LIST, {"action": "retry_selected", "_selected_action": [failed.pk]}).status_code == 403
    assert status_of(failed) == Status.FAILED


@pytest.fixture
def enrollment_page(failed):
    return reverse("admin:core_enrollment_change", args=[failed.object_id])


def test_retry_comes_back_to_the_page_that_it_was_pressed_on(alma, signed_in, failed, enrollment_page):
    client = signed_in(alma)
    page = client.get(f"{enrollment_page}?tab=curriculum").content.decode()
    assert f'name="next" value="{enrollment_page}?tab=curriculum"' in page

    response = client.post(do("retry", failed.pk), {"next": f"{enrollment_page}?tab=curriculum"})

    assert response.headers["Location"] == f"{enrollment_page}?tab=curriculum"
    assert status_of(failed) == Status.PENDING
    # A second click, when there is nothing left to retry, comes back as well.
    again = client.post(do("retry", failed.pk), {"next": enrollment_page})
    assert again.headers["Location"] == enrollment_page


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example/", "javascript:alert(1)", r"/\evil.example", "http:evil", ""],
)
def test_retry_goes_to_no_other_site(alma, signed_in, failed, elsewhere):
    response = signed_in(alma).post(do("retry", failed.pk), {"next": elsewhere})

    assert response.headers["Location"] == reverse("admin:core_outboxentry_change", args=[failed.pk])


# --- what the list says ------------------------------------------------------------------------------


def reasons(client, query: str = "") -> set[str]:
    return {entry.reason for entry in client.get(f"{LIST}{query}").context["cl"].result_list}


def test_the_list_begins_with_what_was_not_sent(alma, signed_in):
    for status in Status:
        OutboxEntryFactory(status=status, reason=status)
    client = signed_in(alma)

    assert reasons(client) == {Status.PENDING, Status.IN_FLIGHT, Status.FAILED}
    assert reasons(client, "?status=unsent") == reasons(client)
    assert reasons(client, "?status=done") == {Status.DONE}
    assert reasons(client, "?status=all") == set(Status)
    assert reasons(client, "?status=nonsense") == set()


def test_each_change_names_what_it_is_about(alma, signed_in, ana, accounting):
    member = GroupMembershipFactory(user=ana, group__name="Team C")
    enrollment = EnrollmentFactory(user=ana, product=accounting)
    for row in (member, enrollment, member.group, ana):
        person = None if row == member.group else ana
        OutboxEntryFactory(entity=row._meta.model_name, object_id=row.pk, person=person)
    gone = OutboxEntryFactory(entity="enrollment", object_id=987654, person=ana)

    page = signed_in(alma).get(LIST).content.decode()

    for name in ("Ana Ames in Team C", "Ana Ames in Accounting 101", ">Team C<", ">Ana Ames<"):
        assert name in page
    assert f"Group member {member.pk}" not in page
    assert f"Enrollment {gone.object_id}, which no longer exists here" in page


def test_a_reason_keeps_its_capitals(alma, signed_in, ana):
    entry = OutboxEntryFactory(object_id=ana.pk, person=ana, reason="joined Team C", status=Status.FAILED)
    client = signed_in(alma)

    pages = [LIST, reverse("admin:core_user_change", args=[ana.pk]), do("discard", entry.pk)]

    for page in pages:
        assert "Joined Team C" in client.get(page).content.decode()


def test_names_cost_no_query_for_each_row(alma, signed_in, ana, django_assert_num_queries):
    def add(count: int) -> None:
        for _ in range(count):
            member, enrollment = GroupMembershipFactory(user=ana), EnrollmentFactory(user=ana)
            for row in (member, enrollment):
                OutboxEntryFactory(entity=row._meta.model_name, object_id=row.pk, person=ana)

    client = signed_in(alma)
    add(1)
    client.get(LIST)
    with CaptureQueriesContext(connection) as few:
        client.get(LIST)
    add(10)

    with django_assert_num_queries(len(few)):
        client.get(LIST)
