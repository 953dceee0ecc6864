"""The report finds differences of each sort, made on either side, and nothing else."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.models import (
    Certificate,
    Chapter,
    Enrollment,
    GroupMembership,
    Lesson,
    OutboxEntry,
    Product,
    QuizResult,
    ThinkificGroup,
    User,
)
from core.services.people import update_user
from integrations.models import DriftKind, Kind, SyncRun
from integrations.thinkific.client import schemas
from integrations.thinkific.reconcile import ledger
from integrations.thinkific.reconcile.people import look_at
from integrations.thinkific.reconcile.results import look_at_certificates
from integrations.thinkific.sandbox import Scale, Site
from tests.integrations.thinkific.reconcile.conftest import drifts, numbers

pytestmark = pytest.mark.django_db(transaction=True)
K = DriftKind


def anybody() -> User:
    return User.objects.filter(thinkific_id__isnull=False).order_by("pk").first()


def an_enrollment() -> Enrollment:
    return Enrollment.objects.filter(thinkific_id__isnull=False).order_by("pk").first()


def test_two_sides_in_step_show_no_drift(compare, site, writes):
    reports = compare()

    assert {kind: report.drifted for kind, report in reports.items()} == dict.fromkeys(K.values, 0)
    assert all(report.compared_at for report in reports.values())
    assert reports[K.USERS].compared == reports[K.USERS].in_step == len(site.users)
    assert reports[K.ENROLLMENTS].in_step == len(site.enrollments)
    assert reports[K.GROUPS].in_step == len(site.groups)
    assert reports[K.MEMBERS].in_step == GroupMembership.objects.count() > 0
    assert reports[K.QUIZ_RESULTS].in_step == QuizResult.objects.count() > 0
    assert reports[K.CERTIFICATES].in_step == Certificate.objects.count() > 0
    assert writes() == []
    run = SyncRun.objects.first()
    assert run.status == "succeeded"
    assert not any((run.created, run.updated, run.removed, run.failed))


def test_a_value_changed_on_either_side_is_shown_with_both_values(compare, site):
    here, there = User.objects.filter(thinkific_id__isnull=False).order_by("pk")[:2]
    User.objects.filter(pk=here.pk).update(first_name="Ours")
    remote = site.users[there.thinkific_id]
    site.write("put", kind="users", row={"id": there.thinkific_id, "last_name": "Theirs"})
    before = remote.first_name

    reports = compare()

    assert numbers(reports[K.USERS]) == {"in_step": len(site.users) - 2, "differs": 2}
    found = {pk: differences for sort, pk, differences in drifts(K.USERS)}
    assert found[here.pk] == [("first_name", "Ours", here.first_name)]
    assert found[there.pk] == [("last_name", there.last_name, "Theirs")]
    assert before == there.first_name
    here.refresh_from_db()
    there.refresh_from_db()
    assert (here.first_name, there.last_name) == ("Ours", there.last_name)


def test_enrollment_dates_and_progress_are_compared(compare):
    enrollment = an_enrollment()
    until = datetime(2031, 5, 4, 3, 2, 1, tzinfo=UTC)
    Enrollment.objects.filter(pk=enrollment.pk).update(expiry_date=until, percentage_completed="0.1234")

    reports = compare()

    assert numbers(reports[K.ENROLLMENTS])["differs"] == 1
    ((sort, pk, differences),) = drifts(K.ENROLLMENTS)
    assert (sort, pk) == ("differs", enrollment.pk)
    assert {name: ours for name, ours, _ in differences} == {
        "expiry_date": "4 May 2031, 03:02:01 UTC",
        "percentage_completed": "0.1234",
    }


def test_what_only_one_side_has_is_told_apart(compare, site):
    gone = anybody()
    never_sent = User.objects.create_user("never@sent.example", first_name="Never")
    staff = User.objects.create_user("staff@here.example", is_staff=True)
    site.write("remove", kind="users", row_ids=[gone.thinkific_id])
    new = site.write("put", kind="users", row={"email": "new@there.example"})

    reports = compare()

    assert numbers(reports[K.USERS]) == {
        "in_step": len(site.users) - 1, "only_here": 2, "only_there": 1
    }  # fmt: skip
    assert {(sort, key) for sort, key, _ in drifts(K.USERS)} == {
        ("only_here", gone.pk),
        ("only_here", never_sent.pk),
        ("only_there", new),
    }
    assert staff.pk not in {key for _, key, _ in drifts(K.USERS)}
    gone.refresh_from_db()
    assert gone.removed_at is None
    assert not User.objects.filter(email="new@there.example").exists()


def test_enrollments_that_one_side_lacks(compare, site):
    gone = an_enrollment()
    site.write("remove", kind="enrollments", row_ids=[gone.thinkific_id])
    other = Enrollment.objects.filter(thinkific_id__isnull=False).exclude(pk=gone.pk).first()
    number = other.thinkific_id
    other.delete()

    reports = compare()

    found = {(sort, key) for sort, key, _ in drifts(K.ENROLLMENTS)}
    assert {("only_here", gone.pk), ("only_there", number)} == found
    assert reports[K.ENROLLMENTS].compared == len(site.enrollments) + 1


def test_members_of_groups_on_one_side_only(compare, site):
    here, there = GroupMembership.objects.order_by("pk")[:2]
    outsider = (
        User.objects.filter(thinkific_id__isnull=False).exclude(group_memberships__group=here.group).first()
    )
    planted = GroupMembership.objects.create(group=here.group, user=outsider)
    GroupMembership.objects.filter(pk=there.pk).update(removed_at=timezone.now())
    ThinkificGroup.objects.create(name="Ours alone")

    compare()

    assert {(sort, key) for sort, key, _ in drifts(K.MEMBERS)} == {
        ("only_here", planted.pk), ("only_there", there.pk)
    }  # fmt: skip
    assert [sort for sort, _, _ in drifts(K.GROUPS)] == ["only_here"]


def test_products_curricula_results_and_certificates_are_compared(compare, site):
    course = Product.objects.filter(productable_type="Course", source="rest").first()
    Product.objects.filter(pk=course.pk).update(name="Ours")
    bundle = Product.objects.bundles().get()
    bundle.bundle_items.first().delete()
    chapter = Chapter.objects.filter(product=course).first()
    Chapter.objects.filter(pk=chapter.pk).update(name="Our chapter")
    Lesson.objects.filter(chapter=chapter).first().delete()
    result, certificate = QuizResult.objects.first(), Certificate.objects.first()
    QuizResult.objects.filter(pk=result.pk).update(correct_count=99)
    certificate.delete()

    compare()

    found = {key: differences for _, key, differences in drifts(K.PRODUCTS)}
    assert found[course.pk] == [("name", "Ours", course.name)]
    assert [name for name, _, _ in found[bundle.pk]] == ["courses"]
    ((_, key, differences),) = drifts(K.CONTENT)
    assert key == course.pk
    assert ("Chapter “Our chapter”: name", "Our chapter", chapter.name) in differences
    assert ("not here", "there") in {(ours, theirs) for _, ours, theirs in differences}
    assert drifts(K.QUIZ_RESULTS) == [
        ("differs", result.pk, [("correct_count", "99", str(result.correct_count))])
    ]
    assert [(sort, key) for sort, key, _ in drifts(K.CERTIFICATES)] == [
        ("only_there", certificate.thinkific_id)
    ]


def test_what_waits_to_be_sent_is_no_drift(compare):
    user, enrollment = anybody(), an_enrollment()
    update_user(user, first_name="Unsent")
    failed = Enrollment.objects.filter(thinkific_id__isnull=False).exclude(pk=enrollment.pk).first()
    Enrollment.objects.filter(pk=failed.pk).update(expiry_date=timezone.now())
    OutboxEntry.objects.create(entity="enrollment", object_id=failed.pk, reason="x", status="failed")
    new = User.objects.create_user("new@waiting.example")
    OutboxEntry.objects.create(entity="user", object_id=new.pk, reason="x")

    reports = compare()

    assert numbers(reports[K.USERS])["waiting"] == 2
    assert numbers(reports[K.ENROLLMENTS])["waiting"] == 1
    assert reports[K.USERS].drifted == reports[K.ENROLLMENTS].drifted == 0
    assert OutboxEntry.objects.unsent().count() == 3


def test_what_changes_on_either_side_during_the_walk_is_no_drift(compare, site):
    """A person differs when the list is read; before the second comparison, a webhook brings the change."""

    user = anybody()
    User.objects.filter(pk=user.pk).update(first_name="Old")
    arrived = []

    def webhook(run):
        report = run.drift_reports.filter(kind=K.USERS, differs=1).first()
        if report and not arrived:
            arrived.append(report)
            User.objects.filter(pk=user.pk).update(first_name=user.first_name)

    reports = compare(on_progress=webhook)

    assert arrived
    assert numbers(reports[K.USERS]) == {"in_step": len(site.users)}
    assert drifts(K.USERS) == []


def test_what_is_sent_during_the_walk_is_not_reported_as_missing(compare, site, push):
    user = User.objects.create_user("meanwhile@here.example")
    sent = []

    def send(run):
        if run.drift_reports.exists() and not sent:
            sent.append(True)
            OutboxEntry.objects.create(
                entity="user", object_id=user.pk, reason="x", status="done", finished_at=timezone.now()
            )

    compare(on_progress=send)

    assert user.pk not in {key for _, key, _ in drifts(K.USERS)}


def test_rows_beyond_the_first_are_counted_and_not_kept(compare, monkeypatch):
    monkeypatch.setattr(ledger, "KEPT", 3)
    User.objects.filter(thinkific_id__isnull=False).update(company="Ours alone")

    reports = compare()

    assert reports[K.USERS].differs == User.objects.filter(thinkific_id__isnull=False).count() > 3
    assert reports[K.USERS].rows.count() == 3


def test_without_a_token_the_report_says_what_was_left_out(compare, settings):
    settings.THINKIFIC_ACCESS_TOKEN = ""

    reports = compare()

    assert "access token" in reports[K.QUIZ_RESULTS].note
    assert "access token" in reports[K.CERTIFICATES].note
    assert reports[K.QUIZ_RESULTS].compared == 0
    assert reports[K.USERS].drifted == 0


@pytest.mark.parametrize("known", [True, False], ids=["known here", "only there"])
def test_comparing_more_rows_takes_no_more_queries(site, known):
    person = anybody()
    course = Product.objects.courses().first()

    def queries(count):
        numbers = list(User.objects.filter(thinkific_id__isnull=False).values_list("thinkific_id", flat=True))
        ids = numbers[:count] if known else range(900_000, 900_000 + count)
        users = [schemas.User(id=n, email=f"{n}@x.example") for n in ids]
        who = schemas.GraphUser(id=str(person.thinkific_id), email=person.email)
        papers = [schemas.Certificate(id=str(n), issued_id=f"paper-{n}", user=who) for n in ids]
        with CaptureQueriesContext(connection) as asked:
            look_at(users)
            look_at_certificates(papers, course)
        return len(asked)

    assert queries(2) == queries(20)


class TestManyBundles:
    @pytest.fixture
    def thinkific_site(self):
        return Site.generate(Scale(users=5, courses=4, builder_courses=0, bundles=3, groups=0), seed=1)

    def test_a_page_with_many_bundles_is_compared_when_the_time_is_up(self, carry, site):
        run = carry(Kind.RECONCILIATION, seconds=0.0)

        assert (run.status, run.errors) == ("queued", [])
        assert run.drift_reports.get(kind=K.PRODUCTS).in_step == len(site.courses) + len(site.bundles)
