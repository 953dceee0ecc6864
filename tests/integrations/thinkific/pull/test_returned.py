"""Who was deleted here only and comes back has their enrollments, quiz results and certificates again before
the next full pull."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.models import Certificate, Enrollment, OutboxEntry, QuizResult, UnreadRecords, User
from core.services.accounts import deletions
from integrations.models import SyncRun
from integrations.thinkific.pull import unread
from tests.factories import UserFactory
from tests.integrations.thinkific.running import go_on

pytestmark = pytest.mark.django_db
KINDS = ["certificates", "enrollments", "quiz_results"]


def records(number):
    """Returns what is stored of a person's records, by the Thinkific id of the person."""
    have = {
        model.__name__: sorted(
            model.objects.filter(user__thinkific_id=number, removed_at=None)
            .exclude(thinkific_id=None)
            .values_list("thinkific_id", flat=True)
        )
        for model in (Enrollment, QuizResult, Certificate)
    }
    bundles = Enrollment.objects.filter(user__thinkific_id=number, thinkific_id=None, removed_at=None)
    return have | {"bundles": sorted(bundles.values_list("product__productable_id", flat=True))}


def still_unread(number):
    rows = UnreadRecords.objects.filter(user__thinkific_id=number)
    return sorted(rows.values_list("kind", flat=True))


def catch_up():
    """Carry out what the worker starts each minute, until it starts nothing more."""
    runs = []
    while started := unread.ask_for_returned():
        runs += [go_on(run) for run in started]
    return runs


@pytest.fixture
def person(site):
    """Somebody with records of each kind, and a bundle."""
    with_all = User.objects.filter(quiz_results__isnull=False, certificates__isnull=False)
    with_all = with_all.filter(enrollments__product__productable_type="Bundle")
    return with_all.order_by("pk").first()


def delete(*people):
    for user in people:
        deletions.delete(user, confirmed=deletions.describe(user))


def state_of(number):
    boss = UserFactory(is_superuser=True, is_staff=True, is_dashboard_user=True)
    client = Client()
    client.force_login(boss)
    user = User.objects.get(thinkific_id=number)
    page = client.get(reverse("admin:core_user_change", args=[user.pk])).content.decode()
    return page.split('data-testid="sync-state"')[1][:1500]


def test_who_comes_back_gets_everything_back_before_the_next_full_pull(person, pull, asked):
    number, before = person.thinkific_id, records(person.thinkific_id)
    assert all(before.values())
    delete(person)
    pull("users")
    pull("enrollments", full=False)
    pull("quiz_results", full=False)

    assert still_unread(number) == KINDS
    said = state_of(number)
    assert "In step" not in said and "Waiting for a sync" in said
    assert "Enrollments, quiz results and certificates of before are still missing here." in said
    asked()
    runs = catch_up()

    assert [run.status for run in runs] == ["succeeded"] * 3
    assert not any(run.full for run in runs)
    assert records(number) == before
    assert still_unread(number) == [] and "In step" in state_of(number)
    sent = asked()
    assert sent["/api/public/v1/enrollments"] == 1 and sum(sent.values()) <= 10
    assert unread.ask_for_returned() == []


def test_a_first_load_and_a_newcomer_cost_nothing(site, pull, thinkific):
    assert not UnreadRecords.objects.exists()
    thinkific.site.write(
        "create_user", fields={"email": "new@newcomers.example", "first_name": "N", "last_name": "C"}
    )
    pull("users")

    assert User.objects.filter(email="new@newcomers.example").exists()
    assert not UnreadRecords.objects.exists() and unread.ask_for_returned() == []


def test_who_was_deleted_between_two_pulls_is_known_from_the_history(site, person, pull):
    """The account is younger than the last pull of people, so its date says nothing."""
    number = person.thinkific_id
    site.users[number].created_at = int(timezone.now().timestamp())
    delete(person)
    pull("users")

    assert still_unread(number) == KINDS


def test_many_are_read_by_one_full_run(site, pull, monkeypatch):
    people = list(User.objects.filter(thinkific_id__isnull=False).order_by("pk"))
    numbers = [user.thinkific_id for user in people]
    before = {number: records(number) for number in numbers}
    monkeypatch.setattr(unread, "MOST", 5)
    delete(*people)
    pull("users")

    runs = catch_up()

    assert sorted((run.kind, run.full) for run in runs) == [
        ("certificates", False),
        ("enrollments", True),
        ("quiz_results", True),
    ]
    assert {number: records(number) for number in numbers} == before
    assert not UnreadRecords.objects.exists()


def test_a_full_pull_reads_everybody_who_was_here_when_it_began(person, pull):
    number = person.thinkific_id
    delete(person)
    pull("users")
    pull("enrollments")

    assert still_unread(number) == ["certificates", "quiz_results"]
    UnreadRecords.objects.update(noted_at=timezone.now() + timedelta(minutes=1))
    pull("quiz_results")
    assert still_unread(number) == ["certificates", "quiz_results"]  # noted after it began


def test_a_run_that_reads_the_few_is_no_complete_one(person, pull):
    delete(person)
    pull("users")
    marks = list(SyncRun.objects.filter(cursor__has_key="watermark").values_list("pk", flat=True))
    catch_up()

    assert list(SyncRun.objects.filter(cursor__has_key="watermark").values_list("pk", flat=True)) == marks


def test_a_failure_is_tried_again_later_and_leaves_it_noted(person, pull, connected):
    number = person.thinkific_id
    delete(person)
    pull("users")
    run = unread.ask_for_returned()[0]
    SyncRun.objects.filter(pk=run.pk).update(status="failed", finished_at=timezone.now())

    assert "enrollments" in still_unread(number)
    assert not any(run.kind == "enrollments" for run in unread.ask_for_returned())
    SyncRun.objects.filter(pk=run.pk).update(finished_at=timezone.now() - timedelta(minutes=20))
    assert any(run.kind == "enrollments" for run in unread.ask_for_returned())


def test_a_person_who_is_linked_late_is_read_too(person, pull):
    """Deleted here, then added again by hand: the pull links the account that has the address."""
    number, before, email = person.thinkific_id, records(person.thinkific_id), person.email
    delete(person)
    UserFactory(email=email)
    pull("users")

    assert still_unread(number) == KINDS
    catch_up()
    assert records(number) == before
    assert not OutboxEntry.objects.filter(entity="enrollment").exists()
