"""The pitfalls of the queue that its settings avoid; docs/queue.md describes each."""

import math
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import Schedule

ROOT = Path(__file__).parents[3]


def run_python(code: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    code = f"import django; django.setup()\n{code}"
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True
    )


@pytest.mark.parametrize("workers", ["1", "4", "7"])
def test_a_waiting_task_is_not_given_to_a_second_worker(process_environment, workers):
    shown = run_python(
        "from django_q.conf import Conf; print(Conf.WORKERS, Conf.TIMEOUT, Conf.RETRY, Conf.QUEUE_LIMIT)",
        process_environment | {"QUEUE_WORKERS": workers},
    )

    count, timeout, retry, limit = map(int, shown.stdout.split())
    assert count == int(workers)
    # The lock counts from when a task leaves the database, and it may wait in the cluster until every
    # task before it has used up its time.
    assert retry > timeout * (math.ceil((limit + 1) / count) + 1)


def test_tasks_are_in_the_database_even_when_there_is_a_redis(process_environment):
    shown = run_python(
        "from django_q.brokers import get_broker; print(get_broker().info())",
        process_environment | {"REDIS_URL": "redis://127.0.0.1:1"},
    )

    assert shown.stdout.strip() == "ORM default"


def test_the_broker_is_the_orm_broker_with_probes(db):
    assert isinstance(get_broker(), ORM)
    assert get_broker().list_key == Conf.CLUSTER_NAME


def test_the_queue_keeps_no_count_of_successes_and_lets_failures_go():
    assert Conf.SAVE_LIMIT == 0  # above 0 every save locks what is kept
    assert Conf.ACK_FAILURES is True
    assert Conf.MAX_ATTEMPTS == settings.Q_CLUSTER["max_attempts"] > 0
    assert Conf.CATCH_UP is False


def test_a_second_queue_that_nobody_fills_is_refused(process_environment):
    shown = run_python("", process_environment | {"Q_CLUSTER_NAME": "other"})

    assert shown.returncode != 0
    assert "Q_CLUSTER_NAME is set, but there is only one queue" in shown.stderr


def test_cron_expressions_work():
    nightly = Schedule(func="math.sqrt", schedule_type=Schedule.CRON, cron="15 3 * * *")

    due = nightly.calculate_next_run()

    assert isinstance(due, datetime)
    assert timezone.now() < due <= timezone.now() + timedelta(days=1)
