from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from django_q.signing import BadSignature, SignedPackage

from core.models import OutboxEntry
from integrations.models import SyncRun
from integrations.queue import tasks

pytestmark = pytest.mark.django_db

RUN_TASK = "integrations.thinkific.tasks.run_pull"


@pytest.fixture
def watch(django_capture_on_commit_callbacks):
    def watch():
        with django_capture_on_commit_callbacks(execute=True):
            tasks.watch()

    return watch


def woken():
    """What waits in the queue, as far as our key can read it: (task, arguments)."""
    found = []
    for row in OrmQ.objects.order_by("pk"):
        try:
            task = SignedPackage.loads(row.payload)
        except BadSignature:
            continue
        found.append((task["func"], tuple(task["args"])))
    return found


def test_a_run_whose_worker_fell_silent_is_woken(watch):
    run = SyncRun.objects.create(
        kind="users",
        status=SyncRun.Status.RUNNING,
        worker="another-machine:1",
        heartbeat_at=timezone.now() - timedelta(minutes=2),
    )

    watch()

    assert woken() == [(RUN_TASK, (run.pk,))]


def test_a_run_whose_worker_lives_is_left_alone(watch):
    SyncRun.objects.create(
        kind="users",
        status=SyncRun.Status.RUNNING,
        worker="another-machine:1",
        heartbeat_at=timezone.now(),
    )

    watch()

    assert woken() == []


def test_a_run_whose_wake_up_was_lost_is_woken(watch):
    # A new SECRET_KEY makes every queued task unreadable; a killed cluster takes some with it.
    run = SyncRun.objects.create(kind="users")
    OrmQ.objects.create(key="b2b-dashboard", payload="signed:with:another:key", lock=timezone.now())

    watch()

    assert woken() == [(RUN_TASK, (run.pk,))]


def test_changes_that_wait_wake_the_drain(watch, settings):
    OutboxEntry.objects.create(entity="user", object_id=1, reason="renamed")

    watch()

    assert woken() == [(settings.OUTBOX_DRAIN_TASK, ())]


def test_changes_that_are_not_due_wake_nobody(watch):
    later = timezone.now() + timedelta(minutes=5)
    OutboxEntry.objects.create(entity="user", object_id=1, reason="renamed", not_before=later)

    watch()

    assert woken() == []


def test_one_step_that_fails_does_not_stop_the_others(watch, caplog):
    run = SyncRun.objects.create(kind="users")

    def fail_on_schedules(execute, sql, *rest):
        if "django_q_schedule" in sql:
            raise OperationalError("the table is locked")
        return execute(sql, *rest)

    with connection.execute_wrapper(fail_on_schedules), pytest.raises(OperationalError):
        watch()

    assert woken() == [(RUN_TASK, (run.pk,))]
    assert "disable_malformed failed" in caplog.text


def test_malformed_schedules_are_parked(watch):
    Schedule.objects.bulk_create([Schedule(name="theirs", func="math.sqrt", args="(1,")])

    watch()

    assert Schedule.objects.get(name="theirs").next_run is None
