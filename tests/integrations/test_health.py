import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from integrations import health, schedules
from integrations.models import ConnectionState, InboundEvent, SyncRun, SyncSchedule, WorkerHeartbeat

pytestmark = pytest.mark.django_db


def ago(**duration):
    return timezone.now() - timedelta(**duration)


@pytest.fixture
def healthy(credentials):
    schedules.write_schedules()
    WorkerHeartbeat.objects.create(host="here", group=1, process=1)


def check(*options):
    """What the command prints, and whether it ended well."""
    out = StringIO()
    try:
        call_command("check_health", "--json", *options, stdout=out)
    except CommandError:
        return json.loads(out.getvalue()), False
    return json.loads(out.getvalue()), True


def verdict(name, *options):
    found, _ = check(*options)
    return found["checks"][name]["ok"], found["checks"][name]["detail"]


def ran(kind, status="succeeded", *, finished_at, **values):
    return SyncRun.objects.create(kind=kind, status=status, finished_at=finished_at, **values)


def test_a_healthy_site_is_told_in_the_documented_shape(healthy):
    found, ended_well = check()

    assert ended_well
    assert found["ok"] is True
    assert set(found["checks"]) == {"database", "queue", "worker", "thinkific", "sync", "webhooks", "cache"}
    assert all(set(one) == {"ok", "detail"} and one["ok"] for one in found["checks"].values()), found


def test_one_bad_thing_is_enough_to_fail(healthy):
    WorkerHeartbeat.objects.all().delete()

    found, ended_well = check()

    assert not ended_well
    assert found["ok"] is False
    assert [name for name, one in found["checks"].items() if not one["ok"]] == ["worker"]


def test_people_read_sentences_and_what_is_bad_by_name(healthy):
    WorkerHeartbeat.objects.all().delete()
    out = StringIO()

    with pytest.raises(CommandError, match=r"These checks failed: worker\."):
        call_command("check_health", stdout=out)

    assert "BAD worker: No worker has ever run. Start one: manage.py worker." in out.getvalue()


def test_a_check_that_breaks_is_told_and_does_not_hide_the_others(healthy, settings):
    settings.HEALTH_CHECKS = {**settings.HEALTH_CHECKS, "broken": "math.sqrt"}

    found, ended_well = check()

    assert not ended_well
    assert found["checks"]["broken"] == {"ok": False, "detail": "It could not be checked; the log says why."}
    assert found["checks"]["database"]["ok"] is True


def test_a_worker_that_fell_silent_is_told(healthy):
    WorkerHeartbeat.objects.update(beat_at=ago(minutes=10))

    detail = "No worker has given a sign of life for 10 min. Start one: manage.py worker."
    assert verdict("worker") == (False, detail)


def test_tasks_that_wait_for_long_are_told(healthy):
    OrmQ.objects.create(key="b2b-dashboard", payload="", lock=ago(seconds=30))
    assert verdict("queue")[0] is True

    OrmQ.objects.create(key="b2b-dashboard", payload="", lock=ago(minutes=9))

    ok, detail = verdict("queue")
    assert not ok
    assert "2 tasks wait, the oldest for 9 min" in detail


@pytest.mark.parametrize(("seconds", "ok"), [(170, True), (190, False)])
def test_a_worker_may_be_silent_for_three_minutes(healthy, seconds, ok):
    WorkerHeartbeat.objects.update(beat_at=ago(seconds=seconds))

    assert health.worker().ok is ok


@pytest.mark.parametrize(("seconds", "ok"), [(290, True), (310, False)])
def test_a_task_and_an_event_may_wait_for_five_minutes(healthy, seconds, ok):
    OrmQ.objects.create(key="b2b-dashboard", payload="", lock=ago(seconds=seconds))
    InboundEvent.objects.create(event_id="1", topic="user.updated", not_before=ago(seconds=seconds))

    assert (health.queue().ok, health.webhooks().ok) == (ok, ok)


def test_a_malformed_schedule_is_told_even_when_it_is_parked(healthy):
    Schedule.objects.bulk_create([Schedule(name="theirs", func="f", args="(1,", next_run=None)])

    ok, detail = verdict("queue")

    assert not ok
    assert "theirs" in detail


def test_missing_credentials_are_told_and_nothing_is_late_without_them(healthy, settings):
    settings.THINKIFIC_API_KEY = settings.THINKIFIC_ACCESS_TOKEN = ""
    ran("users", finished_at=ago(days=30))

    ok, detail = verdict("thinkific")

    assert not ok
    assert "THINKIFIC_API_KEY" in detail
    assert verdict("sync") == (True, "No Thinkific site is connected, so nothing is pulled.")


def test_refused_credentials_are_told_without_asking_again(healthy):
    ConnectionState.objects.create(surface="REST", ok=False, detail="Thinkific refused THINKIFIC_API_KEY.")

    assert verdict("thinkific") == (False, "REST: Thinkific refused THINKIFIC_API_KEY.")


def test_a_missing_token_costs_something_but_is_no_fault(healthy, settings):
    settings.THINKIFIC_ACCESS_TOKEN = ""
    ConnectionState.objects.create(surface="GraphQL", ok=False, detail="There is no token.")

    ok, detail = verdict("thinkific")

    assert ok
    assert "THINKIFIC_ACCESS_TOKEN" in detail


def test_no_secret_is_shown(healthy, settings):
    shown = json.dumps(check()[0])

    assert settings.THINKIFIC_API_KEY not in shown
    assert settings.THINKIFIC_ACCESS_TOKEN not in shown


def test_asked_to_ask_it_asks_thinkific(connected, healthy, settings):
    settings.THINKIFIC_API_KEY = connected.options.api_key
    settings.THINKIFIC_SUBDOMAIN = connected.options.subdomain
    settings.THINKIFIC_ACCESS_TOKEN = connected.options.access_token
    assert verdict("thinkific", "--ask")[0] is True

    settings.THINKIFIC_API_KEY = "x" * 32

    assert verdict("thinkific", "--ask")[0] is False


@pytest.mark.parametrize(
    ("age", "ok"),
    [(timedelta(minutes=24), True), (timedelta(minutes=26), False)],  # three times 5 minutes, and 10
)
def test_a_kind_that_was_not_pulled_for_long_is_late(healthy, age, ok):
    ran("enrollments", full=False, finished_at=timezone.now() - age)

    found, detail = verdict("sync")

    assert found is ok
    assert ("Enrollments: last pulled" in detail) is not ok


def test_a_kind_that_is_being_pulled_is_not_late(healthy):
    ran("enrollments", finished_at=ago(hours=5))
    SyncRun.objects.create(kind="enrollments", status="running", heartbeat_at=timezone.now())

    assert verdict("sync")[0] is True


def test_a_failed_run_is_told_with_its_reason(healthy):
    ran("users", finished_at=ago(minutes=9))
    errors = [{"object": "Users", "message": "Thinkific is down."}]
    ran("users", "failed", finished_at=ago(minutes=1), errors=errors)

    assert verdict("sync") == (False, "Users: the last run failed (Thinkific is down.).")


def test_a_kind_that_nobody_wants_is_not_late(healthy):
    ran("users", finished_at=ago(days=90))
    SyncSchedule.objects.filter(kind="users").delete()

    assert verdict("sync")[0] is True


def test_schedules_that_were_never_written_are_told(credentials):
    ok, detail = verdict("sync")

    assert not ok
    assert "Run manage.py sync_schedules." in detail
