"""What stops the queue's scheduler. Each case is tried on the scheduler itself, so that we refuse what it
cannot read and nothing else."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from django_q.scheduler import scheduler

from integrations import schedules
from integrations.schedule_problems import problem_of

pytestmark = pytest.mark.django_db

MALFORMED = [
    {"args": "1, unknown"},
    {"args": "(1,"},
    {"args": "{[]: 1}"},
    {"args": "('users', False"},
    {"kwargs": "5"},
    {"kwargs": "{1: 2}"},
    {"kwargs": "{[]: 1}"},
    {"kwargs": "{'q_options': 5}"},
    {"kwargs": "{'func': 'other'}"},
    {"kwargs": "broker='redis'"},
    {"intended_date_kwarg": "func"},
    {"schedule_type": "X"},
    {"schedule_type": Schedule.CRON, "cron": "every night"},
    {"schedule_type": Schedule.CRON, "cron": None},
]
SOUND = [
    {},
    {"args": "1, 'two'"},
    {"args": "('users', False)"},
    {"args": "7"},
    {"kwargs": "{'a': 1}"},
    {"kwargs": "a=1, b='two'"},
    {"kwargs": "{'q_options': {'save': False}}"},
    {"intended_date_kwarg": "due"},
    {"schedule_type": Schedule.ONCE},
    {"schedule_type": Schedule.CRON, "cron": "*/5 * * * *"},
]


@pytest.fixture(autouse=True)
def _one_connection(monkeypatch):
    # The test's transaction is on it.
    monkeypatch.setattr("django_q.scheduler.close_old_django_connections", lambda: None)


def due(**values):
    values = {"func": "math.sqrt", "schedule_type": Schedule.MINUTES, "minutes": 5} | values
    return Schedule(next_run=timezone.now() - timedelta(minutes=1), **values)


def put_past_the_door(schedule):
    Schedule.objects.bulk_create([schedule])  # as SQL, an older release or a restored backup would


def scheduled():
    scheduler()
    return OrmQ.objects.count()


@pytest.mark.parametrize("values", MALFORMED)
def test_a_malformed_schedule_stops_all_and_is_refused_on_save(values):
    put_past_the_door(due(**values))
    put_past_the_door(due())
    assert scheduled() == 0, "the scheduler can read it after all"

    # An unreadable cron expression is refused by the queue itself, in its own way.
    with pytest.raises((ValidationError, ValueError, AttributeError)):
        due(**values).save()


@pytest.mark.parametrize("values", SOUND)
def test_a_sound_schedule_runs_and_may_be_saved(values):
    assert problem_of(due(**values)) is None
    schedule = due(**values)
    schedule.save()
    Schedule.objects.update(next_run=timezone.now() - timedelta(minutes=1))

    assert scheduled() == 1


@pytest.mark.parametrize("values", MALFORMED)
def test_a_malformed_schedule_is_parked_and_the_others_run(values, caplog):
    put_past_the_door(due(name="theirs", **values))
    put_past_the_door(due(name="sound"))

    assert schedules.disable_malformed() == ["theirs"]

    assert scheduled() == 1
    assert Schedule.objects.get(name="theirs").next_run is None
    assert "theirs is malformed and was switched off" in caplog.text
    assert schedules.disable_malformed() == []
