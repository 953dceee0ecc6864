from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from django_q.models import OrmQ, Task

from core.models import (
    ApiToken,
    ExportFile,
    ExportPiece,
    IdempotentCall,
    ImpersonationSession,
    ImportFilePart,
    Job,
    Notice,
    OutboxEntry,
    SiteSettings,
    User,
    WebhookDelivery,
    WebhookEndpoint,
)
from integrations.models import Drift, DriftReport, InboundEvent, SyncRun, WorkerHeartbeat
from integrations.queue import retention
from integrations.queue.tasks import prune
from tests.factories import EnrollmentFactory, ExportFileFactory, ImportBatchFactory, StripeEventFactory

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def days_ago(days):
    return timezone.now() - timedelta(days=days)


@pytest.fixture(autouse=True)
def _keep_thirty_days(db):
    site = SiteSettings.load()
    site.retention_days = 30
    site.save()


def run(kind, days, status=SyncRun.Status.SUCCEEDED, *, full=True):
    finished = None if status in SyncRun.ACTIVE else days_ago(days)
    return SyncRun.objects.create(kind=kind, status=status, full=full, finished_at=finished)


def kept(rows):
    """Those of these rows that pruning leaves."""
    prune()
    model = type(rows[0])
    left = set(model._base_manager.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True))
    return [row for row in rows if row.pk in left]


def test_runs_go_when_they_are_over_for_long_enough():
    old, young = run("users", 31), run("users", 29)

    assert kept([old, young]) == [young]


def test_the_last_run_of_a_kind_and_its_last_success_stay_whatever_their_age():
    first, success, failure = run("users", 90), run("users", 80), run("users", 70, SyncRun.Status.FAILED)
    changes = run("users", 100, full=False)

    assert kept([first, success, failure, changes]) == [success, failure, changes]


def test_a_run_under_way_stays():
    running = run("users", 99, SyncRun.Status.RUNNING)
    run("users", 1)

    assert kept([running]) == [running]


def test_a_report_of_drift_goes_with_its_run():
    old, young = run("reconciliation", 31), run("reconciliation", 29)
    for one in (old, young):
        report = DriftReport.objects.create(run=one, kind="users")
        Drift.objects.create(report=report, sort="differs", key="1", object_id=1, label="Ana")

    deleted = prune()

    assert (deleted["drift"], deleted["runs"]) == (1, 1)
    assert [(report.run, report.rows.count()) for report in DriftReport.objects.all()] == [(young, 1)]


def test_events_go_once_they_were_judged():
    def event(number, days, status):
        return InboundEvent.objects.create(
            event_id=str(number), topic="user.updated", status=status, received_at=days_ago(days)
        )

    old, waiting, young = event(1, 31, "processed"), event(2, 31, "received"), event(3, 29, "failed")

    assert kept([old, waiting, young]) == [waiting, young]


def test_changes_go_when_they_were_sent_but_never_while_somebody_must_see_them():
    def change(number, status, days):
        return OutboxEntry.objects.create(
            entity="user", object_id=number, reason="renamed", status=status, finished_at=days_ago(days)
        )

    sent, discarded, failed, young = (
        change(1, "done", 31),
        change(2, "discarded", 31),
        change(3, "failed", 31),
        change(4, "done", 29),
    )

    assert kept([sent, discarded, failed, young]) == [failed, young]


def test_the_records_of_the_queue_stay_for_days_only():
    def task(number, days, success):
        return Task.objects.create(
            id=str(number), name="t", func="f", started=NOW, stopped=days_ago(days), success=success
        )

    old, young = task(1, 3, True), task(2, 1, True)
    old_failure, young_failure = task(3, 31, False), task(4, 29, False)

    assert kept([old, young, old_failure, young_failure]) == [young, young_failure]


def test_people_their_history_and_impersonations_stay_whatever_their_age(root, ana, acme_seat, accounting):
    enrollment = EnrollmentFactory(user=ana, product=accounting, expiry_date=days_ago(900))
    ana.first_name = "Anna"
    ana.save()
    User.history.update(history_date=days_ago(900))
    User.objects.update(is_active=False, last_activity_at=days_ago(900))
    session = ImpersonationSession.objects.create(
        impersonator=root, impersonated=ana, started_at=days_ago(900)
    )
    before = User.history.count()

    assert kept([ana]) == [ana] and kept([enrollment]) == [enrollment] and kept([session]) == [session]
    assert User.history.count() == before > 0


def test_what_dead_clusters_left_goes():
    dead = WorkerHeartbeat.objects.create(host="gone", group=1, process=1, beat_at=days_ago(2))
    living = WorkerHeartbeat.objects.create(host="here", group=1, process=1)
    OrmQ.objects.create(key="group:gone:1", payload="probe", lock=days_ago(1))
    OrmQ.objects.create(key="b2b-dashboard", payload="a task that waits", lock=days_ago(1))

    assert kept([dead, living]) == [living]
    assert list(OrmQ.objects.values_list("payload", flat=True)) == ["a task that waits"]


def test_much_is_deleted_in_pieces(monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(7):
        run("users", 40)

    assert prune()["runs"] == 6


def test_sessions_go_when_they_have_expired():
    old, young = [
        Session.objects.create(session_key=key, session_data="", expire_date=days_ago(days))
        for key, days in (("a" * 32, 0.01), ("b" * 32, -1))
    ]

    assert kept([old, young]) == [young]


def test_notices_go_when_they_were_seen_and_unseen_ones_after_half_a_year(mara):
    def notice(created, seen=None):
        seen_at = None if seen is None else days_ago(seen)
        return Notice.objects.create(user=mara, text="x", created_at=days_ago(created), seen_at=seen_at)

    seen_long_ago, seen_lately = notice(90, 31), notice(90, 29)
    waits, waited_too_long = notice(90), notice(181)

    assert kept([seen_long_ago, seen_lately, waits, waited_too_long]) == [seen_lately, waits]


def test_tokens_go_when_they_have_opened_nothing_for_long_enough(root):
    def token(name, **dates):
        return ApiToken.objects.create(name=name, user=root, prefix=name, digest=name * 8, **dates)

    expired, revoked = token("a", expires_at=days_ago(31)), token("b", revoked_at=days_ago(31))
    lately, open_, endless = (
        token("c", revoked_at=days_ago(29)),
        token("d", expires_at=days_ago(-1)),
        token("e", created_at=days_ago(900)),
    )

    assert kept([expired, revoked, lately, open_, endless]) == [lately, open_, endless]


def test_keys_of_calls_go_after_a_day_and_jobs_with_the_rest(root):
    def call(key, hours):
        at = timezone.now() - timedelta(hours=hours)
        return IdempotentCall.objects.create(user=root, key=key, digest=key, created_at=at)

    def job(days):
        return Job.objects.create(kind=Job.Kind.ENROLL, user=root, created_at=days_ago(days))

    old_call, young_call, old_job, young_job = call("a", 25), call("b", 23), job(31), job(29)

    assert kept([old_call, young_call]) == [young_call]
    assert kept([old_job, young_job]) == [young_job]


def test_payments_go_unless_they_wait_or_failed():
    def payment(status, days):
        return StripeEventFactory(status=status, received_at=days_ago(days))

    done, ignored, failed, waits, young = (
        payment("processed", 31),
        payment("ignored", 31),
        payment("failed", 900),
        payment("received", 900),
        payment("processed", 29),
    )

    assert kept([done, ignored, failed, waits, young]) == [failed, waits, young]


def test_deliveries_go_when_they_were_tried_to_the_end():
    endpoint = WebhookEndpoint.objects.create(events=["*"], url="https://example.com")

    def delivery(status, days):
        return WebhookDelivery.objects.create(
            endpoint=endpoint, event="e", event_id="1", status=status, created_at=days_ago(days)
        )

    done, failed, waits, young = (
        delivery("delivered", 31),
        delivery("failed", 31),
        delivery("pending", 31),
        delivery("delivered", 1),
    )

    assert kept([done, failed, waits, young]) == [waits, young]


def test_the_rows_of_exports_go_when_their_file_is_gone_for_long_enough():
    rows = [
        ExportFileFactory(status=status, created_at=days_ago(days))
        for status, days in [("expired", 31), ("expired", 29), ("failed", 31), ("pending", 31)]
    ]
    ready = ExportFileFactory(created_at=days_ago(31), content=b"x")

    assert kept([*rows, ready]) == [rows[1], rows[3], ready]


def test_files_of_exports_and_imports_are_deleted_each_day():
    over = ExportFileFactory(content=b"x")
    ExportFile.objects.update(expires_at=days_ago(1))
    batch = ImportBatchFactory(created_at=days_ago(400))
    ImportFilePart.objects.create(batch=batch, number=0, content=b"x")

    counts = prune()

    assert (counts["export files"], counts["import files"]) == (1, 1)
    over.refresh_from_db()
    assert over.status == "expired"
    assert not ExportPiece.objects.exists() and not ImportFilePart.objects.exists()
