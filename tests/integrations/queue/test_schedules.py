from datetime import timedelta
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from django_q.scheduler import scheduler

from integrations import schedules
from integrations.models import ORDER, PULLED, SyncRun, SyncSchedule
from integrations.schedule_problems import problem_of

pytestmark = pytest.mark.django_db


def names():
    return set(Schedule.objects.values_list("name", flat=True))


def minutes_to(name):
    return (Schedule.objects.get(name=name).next_run - timezone.now()).total_seconds() / 60


def interval(kind, *, full=True):
    return SyncSchedule.objects.get(kind=kind, full=full)


def test_every_interval_becomes_a_schedule_beside_the_housekeeping():
    schedules.write_schedules()

    assert names() == {
        "housekeeping:watch",
        "housekeeping:prune",
        "pull:products:full",
        "pull:groups:full",
        "pull:enrollments:changes",
        "pull:enrollments:full",
        "pull:users:full",
        "pull:quiz_results:changes",
        "pull:quiz_results:full",
        "pull:content:full",
        "pull:certificates:full",
        "pull:reconciliation:full",
    }
    changes = Schedule.objects.get(name="pull:enrollments:changes")
    assert (changes.func, changes.args) == (schedules.PULL, "('enrollments', False)")
    assert (changes.schedule_type, changes.minutes, changes.repeats) == (Schedule.MINUTES, 5, -1)
    assert not any(problem_of(schedule) for schedule in Schedule.objects.all())


def test_writing_them_again_changes_nothing():
    schedules.write_schedules()
    before = list(Schedule.objects.order_by("pk").values())

    assert schedules.write_schedules() == {"created": [], "updated": [], "removed": [], "parked": []}
    assert list(Schedule.objects.order_by("pk").values()) == before


def test_the_first_pulls_follow_each_other_in_the_order_they_need():
    schedules.write_schedules()

    first = [minutes_to(f"pull:{kind}:full") for kind in ORDER]
    assert first == sorted(first)
    assert len({round(minutes, 1) for minutes in first}) == len(PULLED)
    assert first[0] > -0.1
    assert first[-1] < 3
    assert set(ORDER) == set(PULLED)


def test_the_first_comparison_comes_after_a_week_when_there_is_something_to_compare():
    schedules.write_schedules()

    assert minutes_to("pull:reconciliation:full") == pytest.approx(7 * 1440, abs=5)


def test_what_was_pulled_before_waits_for_its_time():
    SyncRun.objects.create(kind="users", status="succeeded", full=True, finished_at=timezone.now())

    schedules.write_schedules()

    assert minutes_to("pull:users:full") > 1400
    assert minutes_to("pull:certificates:full") < 5


def test_a_site_that_is_connected_later_is_pulled_soon_after_the_restart():
    schedules.write_schedules()
    # Nothing was connected when it was due, so nothing came of it.
    Schedule.objects.filter(name="pull:users:full").update(next_run=timezone.now() + timedelta(hours=23))

    schedules.write_schedules()

    assert minutes_to("pull:users:full") < 5


def test_a_changed_interval_is_in_force_at_once_and_a_sooner_run_stays_sooner():
    SyncRun.objects.create(kind="users", status="succeeded", full=True, finished_at=timezone.now())
    schedules.write_schedules()

    users = interval("users")
    users.every_minutes = 10
    schedules.save(users)
    assert Schedule.objects.get(name="pull:users:full").minutes == 10
    assert minutes_to("pull:users:full") < 11

    users.every_minutes = 1440
    schedules.save(users)
    assert Schedule.objects.get(name="pull:users:full").minutes == 1440
    assert minutes_to("pull:users:full") < 11


@pytest.mark.parametrize("minutes", [0, 20_161])
def test_an_interval_out_of_range_is_refused_beside_its_field(minutes):
    schedules.write_schedules()
    users = interval("users")
    users.every_minutes = minutes

    with pytest.raises(ValidationError) as refused:
        schedules.save(users)

    assert "every_minutes" in refused.value.message_dict
    assert interval("users").every_minutes == 1440
    assert Schedule.objects.get(name="pull:users:full").minutes == 1440


def test_what_is_switched_off_or_deleted_goes():
    schedules.write_schedules()

    users = interval("users")
    users.enabled = False
    schedules.save(users)
    interval("content").delete()
    schedules.write_schedules()

    assert names().isdisjoint({"pull:users:full", "pull:content:full"})


def test_schedules_of_others_are_left_alone():
    theirs = Schedule.objects.create(name="report", func="math.sqrt", schedule_type=Schedule.DAILY)
    alike = Schedule.objects.create(name="pull:reports", func="theirs.pull", schedule_type=Schedule.DAILY)
    before = list(Schedule.objects.filter(pk__in=[theirs.pk, alike.pk]).order_by("pk").values())

    schedules.write_schedules()
    schedules.write_schedules()

    assert list(Schedule.objects.filter(pk__in=[theirs.pk, alike.pk]).order_by("pk").values()) == before


def test_ours_are_repaired_and_doubles_removed():
    schedules.write_schedules()
    Schedule.objects.filter(name="pull:users:full").update(args="('users',", next_run=None)
    double = Schedule.objects.get(name="pull:content:full")
    double.pk = None
    double.save()

    changed = schedules.write_schedules()

    assert changed["updated"] == ["pull:users:full"]
    assert changed["removed"] == ["pull:content:full"]
    assert Schedule.objects.get(name="pull:users:full").args == "('users', True)"
    assert Schedule.objects.get(name="pull:users:full").next_run is not None
    assert Schedule.objects.filter(name="pull:content:full").count() == 1


def test_the_next_runs_are_known_per_kind():
    users = interval("users")
    users.enabled = False
    schedules.save(users)

    due = schedules.next_runs()

    assert due[("enrollments", False)] == Schedule.objects.get(name="pull:enrollments:changes").next_run
    assert ("users", True) not in due
    assert len(due) == SyncSchedule.objects.count() - 1


def test_what_was_missed_is_caught_up_with_once(monkeypatch):
    monkeypatch.setattr("django_q.scheduler.close_old_django_connections", lambda: None)
    schedules.write_schedules()
    Schedule.objects.exclude(name="pull:enrollments:changes").delete()
    Schedule.objects.update(next_run=timezone.now() - timedelta(days=2))

    scheduler()
    scheduler()

    assert OrmQ.objects.count() == 1
    assert 0 < minutes_to("pull:enrollments:changes") <= 5


def test_the_command_tells_what_it_changed():
    first, second, as_json = StringIO(), StringIO(), StringIO()

    call_command("sync_schedules", stdout=first)
    call_command("sync_schedules", stdout=second)
    call_command("sync_schedules", "--json", stdout=as_json)

    assert "created: pull:users:full" in first.getvalue()
    assert second.getvalue() == "Every schedule is as it should be.\n"
    assert as_json.getvalue() == '{"created": [], "updated": [], "removed": [], "parked": []}\n'
