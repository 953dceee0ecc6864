from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from core.models import Certificate, Enrollment, OutboxEntry, User
from core.services.enrollments import enrollments
from integrations.models import InboundEvent, SyncRun
from integrations.thinkific.webhooks.handlers import enrollments as handler
from tests.integrations.thinkific.webhooks.conftest import envelope, of

Status = InboundEvent.Status


@pytest.fixture
def row(connected, in_step):
    """A student with half of a course that has a certificate."""
    site = connected.site
    certified = {c["id"] for c in site.courses.listing if site.products[c["product_id"]]["has_certificate"]}
    return next(
        e
        for e in site.enrollments.listing
        if e.course_id in certified
        and e.activated_at
        and not e.completed_at
        and 0 < float(e.percentage_completed) < 0.8
        and not e.is_expired(site.clock.now())
    )


def ours(row) -> Enrollment:
    return Enrollment.objects.get(thinkific_id=row.id)


def test_progress_arrives_without_a_request(connected, row, happened, deliver, work, asked):
    connected.site.write("move_progress", enrollment_id=row.id, percent=83)

    (event,) = deliver(happened)
    assert work() == {"processed": 1}

    assert float(ours(row).percentage_completed) == 0.83
    event.refresh_from_db()
    assert (event.status, event.outcome, event.attempts) == (Status.PROCESSED, "Stored.", 1)
    assert event.processed_at is not None
    assert asked() == 0


def test_a_moment_in_the_future_counts_as_now(connected, row, happened, deliver, work, pull):
    connected.site.write("move_progress", enrollment_id=row.id, percent=83)
    happened[0]["payload"] |= {"updated_at": "2099-01-01T00:00:00Z", "percentage_completed": "0.99"}
    deliver(happened)
    assert work() == {"processed": 1}
    assert float(ours(row).percentage_completed) == 0.99
    assert ours(row).remote_updated_at <= timezone.now()

    pull("enrollments")  # the row of a full pull wins over what an event has said before
    assert float(ours(row).percentage_completed) == 0.83

    happened.clear()
    connected.site.write("move_progress", enrollment_id=row.id, percent=90)
    deliver(happened)
    assert work() == {"processed": 1}
    assert float(ours(row).percentage_completed) == 0.9


@pytest.mark.parametrize("full", [True, False])
def test_after_a_moment_in_the_future_pulls_bring_what_changes(
    connected, row, happened, deliver, work, pull, full
):
    connected.site.write("move_progress", enrollment_id=row.id, percent=83)
    happened[0]["payload"] |= {"updated_at": "2099-01-01T00:00:00Z"}
    deliver(happened)
    work()
    connected.site.write("move_progress", enrollment_id=row.id, percent=91)

    pull("enrollments", full=full)

    assert float(ours(row).percentage_completed) == 0.91


def test_what_was_stored_with_a_moment_in_the_future_is_overwritten_by_the_next_event(
    connected, row, happened, deliver, work
):
    ahead = timezone.now() + timedelta(days=20_000)
    Enrollment.objects.filter(pk=ours(row).pk).update(remote_updated_at=ahead)
    connected.site.write("move_progress", enrollment_id=row.id, percent=83)

    (event,) = deliver(happened)
    assert work() == {"processed": 1}

    event.refresh_from_db()
    assert (event.outcome, float(ours(row).percentage_completed)) == ("Stored.", 0.83)


def test_progress_that_is_no_number_stays_as_it_was(connected, row, happened, deliver, work):
    before = ours(row).percentage_completed
    connected.site.write("move_progress", enrollment_id=row.id, percent=83)
    happened[0]["payload"]["percentage_completed"] = "0,83"

    deliver(happened)
    work()

    assert ours(row).percentage_completed == before


def test_a_new_enrollment_brings_its_student_and_its_course_along(
    connected, in_step, happened, deliver, work
):
    site = connected.site
    user = site.write(
        "create_user", fields={"email": "New@People.example", "first_name": "Mary Ann", "last_name": "Lee"}
    )
    course = site.write("add_course", name="Brand new", new_builder=True)
    dates = {"activated_at": "2026-01-01T00:00:00Z", "expiry_date": "2030-01-01T00:00:00Z"}
    site.write("enroll", user_id=user.id, course_id=course["id"], dates=dates)

    deliver(of(happened, "enrollment.created"))
    assert work() == {"processed": 1}

    student = User.objects.get(thinkific_id=user.id)
    assert (student.email, student.first_name, student.last_name) == ("new@people.example", "Mary Ann", "Lee")
    assert not student.has_usable_password()
    enrollment = student.enrollments.get()
    assert enrollment.product.productable_id == course["id"]
    assert enrollment.expiry_date.year == 2030


def test_a_free_trial_is_one_here(connected, in_step, happened, deliver, work):
    site = connected.site
    user = site.write("create_user", fields={"email": "t@x.example", "first_name": "T", "last_name": "X"})
    site.write("enroll", user_id=user.id, course_id=site.courses.listing[0]["id"], dates={})

    deliver(of(happened, "enrollment.trial"))
    work()

    assert User.objects.get(thinkific_id=user.id).enrollments.get().is_free_trial


def test_completion_brings_the_certificate(connected, row, happened, deliver, work):
    connected.site.write("move_progress", enrollment_id=row.id, percent=100)

    deliver(happened)
    work()

    assert ours(row).completed_at is not None
    told = of(happened, "enrollment.completed")[0]["payload"]
    certificate = Certificate.objects.get(credential_id=told["credential_id"])
    assert (certificate.user_id, certificate.product_id) == (ours(row).user_id, ours(row).product_id)
    assert certificate.url == told["certificate_url"]
    assert certificate.issued_at == ours(row).completed_at


def test_completion_without_a_certificate_brings_none(connected, row, happened, deliver, work):
    connected.site.write("move_progress", enrollment_id=row.id, percent=100)
    for event in happened:
        event["payload"] |= dict.fromkeys(["credential_id", "certificate_url", "certificate_expiry_date"])

    deliver(happened)
    assert work() == {"processed": 2}

    assert not Certificate.objects.exists()


def test_a_certificate_address_that_is_none_is_replaced(connected, row, happened, deliver, work):
    connected.site.write("move_progress", enrollment_id=row.id, percent=100)
    event = of(happened, "enrollment.completed")[0]
    event["payload"]["certificate_url"] = "javascript:alert(1)"

    deliver([event])
    work()

    assert Certificate.objects.get().url.startswith("https://")


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "one by one"])
def test_events_in_reverse_order_leave_what_the_last_one_said(
    connected, row, happened, deliver, work, together
):
    for percent in (81, 85, 90, 100):
        connected.site.write("move_progress", enrollment_id=row.id, percent=percent)

    if together:
        rows = deliver(happened[::-1])
        work()
    else:
        rows = []
        for event in happened[::-1]:
            rows += deliver([event])
            work()

    assert ours(row).percentage_completed == 1
    assert ours(row).completed_at is not None
    outcomes = {
        r.outcome for r in InboundEvent.objects.filter(pk__in=[r.pk for r in rows], status=Status.IGNORED)
    }
    newer = "A newer event of the same enrollment was stored."
    assert outcomes == ({newer} if together else {"Older than what is stored; nothing changed."})


def test_a_pull_after_reversed_events_finds_nothing_to_change(connected, row, happened, deliver, work, pull):
    for percent in (81, 90, 100):
        connected.site.write("move_progress", enrollment_id=row.id, percent=percent)
    deliver(happened[::-1])
    work()

    assert pull("enrollments").updated == 0


def test_the_same_event_processed_twice_changes_nothing(connected, row, happened, deliver, work):
    connected.site.write("move_progress", enrollment_id=row.id, percent=83)
    deliver(happened)
    work()
    before = Enrollment.objects.filter(pk=ours(row).pk).values().get()

    InboundEvent.objects.update(status=Status.RECEIVED)
    assert work() == {"processed": 1}

    assert Enrollment.objects.filter(pk=ours(row).pk).values().get() == before


def test_a_snapshot_without_its_date_is_only_a_hint(connected, row, happened, deliver, work, asked):
    connected.site.write("move_progress", enrollment_id=row.id, percent=83)
    event = happened[0]
    event["payload"] |= {"updated_at": None, "percentage_completed": "0.99"}

    (stored,) = deliver([event])
    work()

    assert float(ours(row).percentage_completed) == 0.83
    stored.refresh_from_db()
    assert stored.outcome == "Read from Thinkific and stored."
    assert asked() == 1


def test_an_enrollment_that_is_gone_is_not_brought_back_by_an_old_event(
    connected, row, happened, deliver, work
):
    connected.site.write("move_progress", enrollment_id=row.id, percent=83)
    connected.site.write("delete_user", user_id=row.user_id)

    deliver(of(happened, "enrollment.progress"))
    gone = ours(row)
    gone.removed_at = datetime(2026, 1, 1, tzinfo=UTC)
    gone.save()
    work()

    assert ours(row).removed_at is not None


def test_an_enrollment_that_thinkific_no_longer_has_is_marked_as_removed(
    connected, row, happened, deliver, work
):
    connected.site.write("delete_user", user_id=row.user_id)

    (event,) = deliver([envelope("enrollment.progress", {"id": row.id})])
    work()

    assert ours(row).removed_at is not None
    event.refresh_from_db()
    assert event.outcome == "No longer in Thinkific. Marked as removed."


def test_what_we_have_not_sent_yet_stays(connected, row, happened, deliver, work):
    mine = ours(row)
    enrollments.change_expiry([mine], expiry_date=enrollments.timezone.now().replace(year=2035))
    connected.site.write("move_progress", enrollment_id=row.id, percent=83)

    deliver(happened)
    work()

    assert ours(row).expiry_date.year == 2035
    assert float(ours(row).percentage_completed) == 0.83


def test_a_lesson_whose_progress_came_along_costs_no_request(connected, row, happened, deliver, work, asked):
    content = next(iter(connected.site.contents))["id"]
    connected.site.write("complete_lesson", enrollment_id=row.id, content_id=content, percent=84)

    deliver(happened)
    assert work() == {"processed": 2}

    assert asked() == 0
    student = User.objects.get(thinkific_id=row.user_id)
    assert student.last_activity_at is not None


def test_a_lesson_alone_waits_a_moment_and_is_then_asked_for(connected, row, happened, deliver, work, asked):
    content = next(iter(connected.site.contents))["id"]
    connected.site.clock.advance(120)
    connected.site.write("complete_lesson", enrollment_id=row.id, content_id=content, percent=84)
    deliver(of(happened, "lesson.completed"))

    assert work() == {"received": 1}
    assert asked() == 0
    assert work() == {}  # its moment is not over
    InboundEvent.objects.update(not_before="2026-01-01T00:00Z")
    assert work() == {"processed": 1}

    assert float(ours(row).percentage_completed) == 0.84
    assert asked() == 1


def test_many_unclear_enrollments_are_left_to_one_pull(connected, in_step, deliver, work, asked, monkeypatch):
    monkeypatch.setattr(handler, "MANY", 5)
    rows = connected.site.enrollments.listing[:6]

    events = deliver([envelope("enrollment.progress", {"id": r.id}, event_id=str(r.id)) for r in rows])
    assert work() == {"processed": 6}

    run = SyncRun.objects.get(status=SyncRun.Status.QUEUED)
    assert (run.kind, run.full, run.trigger) == ("enrollments", False, SyncRun.Trigger.WEBHOOK)
    events[0].refresh_from_db()
    assert events[0].outcome == f"Run {run.pk} brings this. It has been started."
    assert asked() == 0


def test_two_hundred_events_of_one_kind_take_few_queries(
    connected, in_step, happened, deliver, work, django_assert_max_num_queries
):
    rows = connected.site.enrollments.listing
    for number in range(200):
        connected.site.write("move_progress", enrollment_id=rows[number % len(rows)].id, percent=number % 90)
    deliver(happened[:200])

    with django_assert_max_num_queries(40):
        work()

    assert not InboundEvent.objects.filter(status=Status.RECEIVED).exists()


def test_one_bad_enrollment_takes_no_other_along(connected, row, happened, deliver, work):
    connected.site.write("move_progress", enrollment_id=row.id, percent=83)
    nobody = envelope(
        "enrollment.progress",
        {"id": 99, "course_id": 5, "updated_at": "2026-01-01T00:00:00Z", "user": {"id": 123456}},
        event_id="bad",
    )
    unreadable = envelope("enrollment.progress", {"id": "abc"}, event_id="worse")

    bad, worse, _ = deliver([nobody, unreadable, *happened])
    work()

    assert float(ours(row).percentage_completed) == 0.83
    bad.refresh_from_db()
    worse.refresh_from_db()
    assert (bad.status, worse.status) == (Status.IGNORED, Status.FAILED)
    assert "Thinkific does not know this person" in bad.outcome
    assert "cannot be read" in worse.outcome


def test_no_webhook_causes_a_push(connected, row, happened, deliver, work):
    site = connected.site
    site.write("move_progress", enrollment_id=row.id, percent=100)
    site.write("update_user", user_id=row.user_id, fields={"first_name": "Changed", "email": "c@x.example"})
    user = site.write("create_user", fields={"email": "n@x.example", "first_name": "N", "last_name": "X"})
    site.write(
        "enroll",
        user_id=user.id,
        course_id=row.course_id,
        dates={"activated_at": "2026-01-01T00:00:00Z", "expiry_date": "2026-02-01T00:00:00Z"},
    )
    site.write("sign_in", user_id=user.id)
    site.write("delete_user", user_id=user.id)
    writes = len(connected.stats.writes)

    deliver(happened)
    work()

    assert not InboundEvent.objects.exclude(status__in=[Status.PROCESSED, Status.IGNORED]).exists()
    assert not OutboxEntry.objects.exists()
    assert len(connected.stats.writes) == writes
