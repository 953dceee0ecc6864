"""After the clock was set back an hour, stored moments in the future count as due in all code."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db.models import Q
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from core.admin.kit import cells
from core.models import OutboxEntry
from core.moments import TOLERANCE, come, has_come, is_older, older, recent
from core.processes import this_process
from core.services.mirror.unsent import own_changes
from core.services.outbox import claims
from integrations import freshness, health, heartbeat, schedules
from integrations.models import ConnectionState, InboundEvent, SyncSchedule, WorkerHeartbeat
from integrations.progress import progress_line, seconds_taken
from integrations.queue.broker import Broker
from integrations.thinkific import connection_state
from integrations.thinkific.runs import lifecycle
from integrations.thinkific.webhooks import inbox
from project.overview import attention, remember
from tests.factories import InboundEventFactory, OutboxEntryFactory, SyncRunFactory

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def ahead(**less) -> object:
    """What was written as now, before the clock was set back."""
    return timezone.now() + HOUR - timedelta(**less)


# --- the rule ----------------------------------------------------------------------------------------

NOW = timezone.now().replace(microsecond=0)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (NOW, True),
        (NOW - HOUR, True),
        (NOW + MINUTE, False),
        (NOW + 5 * MINUTE, False),
        (NOW + 5 * MINUTE + TOLERANCE, False),
        (NOW + 7 * MINUTE, True),
        (NOW + HOUR, True),
    ],
)
def test_what_was_written_for_later_has_come(moment, expected):
    OutboxEntryFactory(not_before=moment)

    assert has_come(moment, NOW, longest=5 * MINUTE) is expected
    found = OutboxEntry.objects.filter(come("not_before", NOW, longest=5 * MINUTE))
    assert found.exists() is expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (NOW, False),
        (NOW - 4 * MINUTE, False),
        (NOW - 6 * MINUTE, True),
        (NOW + TOLERANCE, False),  # another machine's clock
        (NOW + HOUR, True),
    ],
)
def test_what_happened_is_older(moment, expected):
    OutboxEntryFactory(created_at=moment)

    assert is_older(moment, NOW, than=5 * MINUTE) is expected
    assert is_older(None, NOW, than=HOUR)
    entries = OutboxEntry.objects
    assert entries.filter(older("created_at", NOW, than=5 * MINUTE)).exists() is expected
    assert entries.filter(recent("created_at", NOW, within=5 * MINUTE)).exists() is not expected
    assert not entries.filter(Q(finished_at__isnull=True) & older("finished_at", NOW, than=HOUR)).exists()


# --- the outbox --------------------------------------------------------------------------------------


def test_a_change_that_waits_is_due():
    OutboxEntryFactory(not_before=ahead())

    assert OutboxEntry.objects.due().exists()
    [[entry]] = claims.claim(1)
    assert entry.status == "in_flight"


def test_a_change_that_has_a_reason_to_wait_waits():
    OutboxEntryFactory(not_before=timezone.now() + timedelta(minutes=40))

    assert not OutboxEntry.objects.due().exists()


@pytest.mark.parametrize("owner", ["elsewhere:1", ""])
def test_a_claim_from_before_ends_as_one_that_begins_now(owner):
    """And is not taken away: its process may live, and goes on renewing it."""
    until = ahead() + OutboxEntry.lease.length
    OutboxEntryFactory(status="in_flight", claimed_by=f"{owner or this_process()}#x", claimed_until=until)

    assert claims.free_abandoned() == 0

    entry = OutboxEntry.objects.get()
    assert entry.status == "in_flight"
    assert entry.claimed_until <= timezone.now() + OutboxEntry.lease.length
    OutboxEntry.objects.update(claimed_until=timezone.now())
    assert claims.free_abandoned() == 1


def test_a_claim_from_before_does_not_keep_others_from_draining():
    until = ahead() + OutboxEntry.lease.length
    OutboxEntryFactory(status="in_flight", claimed_by="elsewhere:1#x", claimed_until=until)

    assert not claims.under_way_elsewhere()


def test_what_was_sent_an_hour_ahead_was_not_just_sent(ana):
    OutboxEntryFactory(
        object_id=ana.pk, status="done", finished_at=ahead(minutes=1), last_seen={"first_name": "Anna"}
    )

    assert not own_changes("user", [ana.pk])


# --- events ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("claimed", [False, True])
def test_an_event_is_due(claimed):
    until = ahead() + InboundEvent.lease.length
    held = {"claimed_by": "x", "claimed_until": until} if claimed else {"not_before": ahead()}
    InboundEventFactory(**held)

    assert InboundEvent.objects.due().count() == 1


def test_an_older_event_does_not_keep_a_worker_from_being_woken(django_capture_on_commit_callbacks):
    InboundEventFactory(received_at=ahead())

    with django_capture_on_commit_callbacks(execute=True):
        inbox.store(InboundEvent(event_id="new", topic="user.updated"))

    assert OrmQ.objects.count() == 1


# --- runs --------------------------------------------------------------------------------------------


def test_a_run_whose_heartbeat_is_in_the_future_is_taken_over():
    run = SyncRunFactory(status="running", heartbeat_at=ahead(), worker=this_process(), attempts=1)

    assert lifecycle.is_dead(run)
    assert lifecycle.revive_stale() == 1
    assert lifecycle.claim(run.pk, worker=this_process()) is not None
    assert "Its worker does not respond" in progress_line(run, timezone.now())


def test_a_run_takes_no_negative_time():
    run = SyncRunFactory(status="running", started_at=ahead(), heartbeat_at=timezone.now())

    assert seconds_taken(run, timezone.now()) == 0.0


def test_a_success_in_the_future_counts_as_late():
    SyncSchedule.objects.filter(kind="users").update(every_minutes=10)
    SyncRunFactory(kind="users", finished_at=ahead())

    assert freshness.states()["users"].verdict == "Late"


# --- the queue ---------------------------------------------------------------------------------------


def test_a_task_that_was_queued_before_is_taken(monkeypatch):
    monkeypatch.setattr("integrations.queue.broker.Conf.POLL", 0)
    OrmQ.objects.create(key="main", payload="a task", lock=ahead())

    assert Broker("main").dequeue()


@pytest.mark.parametrize("name", ["housekeeping:watch", "pull:users:full"])
def test_a_schedule_from_before_is_due(name):
    SyncSchedule.objects.filter(kind="users", full=True).update(every_minutes=30)
    schedules.write_schedules()
    Schedule.objects.update(next_run=timezone.now() + timedelta(minutes=1))
    Schedule.objects.filter(name=name).update(next_run=ahead())

    assert schedules.correct_next_runs() == [name]

    assert Schedule.objects.get(name=name).next_run <= timezone.now()
    assert schedules.correct_next_runs() == []


def test_new_schedules_are_not_brought_forward():
    schedules.write_schedules()

    assert schedules.correct_next_runs() == []


def test_the_sign_of_life_of_a_worker_that_is_gone_hides_no_other():
    gone = WorkerHeartbeat.objects.create(host=heartbeat.host(), group=7, process=1, beat_at=ahead())
    assert heartbeat.last(7) == (None, None)

    now = timezone.now()
    # Started before the clock was set back, and still at work.
    WorkerHeartbeat.objects.create(
        host=heartbeat.host(), group=7, process=2, started_at=gone.beat_at, beat_at=now
    )
    assert heartbeat.last(7)[0] == now


# --- what is told ------------------------------------------------------------------------------------


def test_health_does_not_take_a_sign_of_life_from_ahead_for_life(settings):
    WorkerHeartbeat.objects.create(host="here", group=1, process=1, beat_at=ahead())
    SyncRunFactory(status="queued", created_at=ahead())

    assert not health.worker().ok
    assert attention._no_worker() is not None
    WorkerHeartbeat.objects.create(host="here", group=1, process=2, beat_at=timezone.now())
    assert health.worker().ok
    assert "1 worker processes" in health.worker().detail
    assert attention._no_worker() is None


def test_health_counts_what_was_queued_before_as_waiting():
    OrmQ.objects.create(key="b2b-dashboard", payload="", lock=ahead())

    assert health.queue().detail.startswith("1 tasks wait")


def test_a_success_stored_in_the_future_is_written_again():
    ConnectionState.objects.create(surface="REST", ok=True, checked_at=ahead())

    connection_state.note("REST", ok=True)

    assert ConnectionState.objects.get().checked_at <= timezone.now()


def test_what_happened_is_never_in_59_minutes():
    assert "just now" in cells.moment(ahead(minutes=1))
    assert "in 5" in cells.moment(ahead(minutes=1), ahead=True)


def test_a_remembered_figure_from_ahead_is_counted_again(monkeypatch):
    monkeypatch.setattr(remember, "CHEAP", -1.0)
    monkeypatch.setattr(remember, "KEPT_TIMES", 1e9)
    assert remember.remember("figure", lambda: 1) == 1
    assert remember.remember("figure", lambda: 2) == 1

    kept = cache.get("overview:figure")
    cache.set("overview:figure", kept._replace(at=ahead()))

    assert remember.remember("figure", lambda: 3) == 3
