"""Real worker processes, some of which are killed."""

import os
import signal
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from django_q.models import OrmQ, Schedule, Success
from django_q.tasks import async_task

from integrations.models import InboundEvent, WorkerHeartbeat
from tests.integrations.queue.conftest import alive, finished, members, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
    pytest.mark.django_db(transaction=True),
]

SOME_TASK = "integrations.heartbeat.host"


def sentinel_of(group):
    """The process that guards the others, which are its children."""
    return int(Path(f"/proc/{group}/task/{group}/children").read_text().split()[0])


def kill_the_cluster_itself(worker, group):
    os.kill(group, signal.SIGKILL)


def kill_the_idle_workers(worker, group):
    # One of them dies with the lock of the queue in its hand: those that replace it never get a task.
    for process in worker.workers():
        with suppress(ProcessLookupError):  # it has ended with the one before
            os.kill(process, signal.SIGKILL)


def kill_what_acknowledges(worker, group):
    # The monitor dies with the lock of the results in its hand. The pusher, which is replaced, comes along.
    sentinel = sentinel_of(group)
    for process in map(int, Path(f"/proc/{sentinel}/task/{sentinel}/children").read_text().split()):
        if process not in worker.workers():
            with suppress(ProcessLookupError):  # it has ended with the one before
                os.kill(process, signal.SIGKILL)


def stop_all_of_it(worker, group):
    os.killpg(group, signal.SIGSTOP)


WAYS_TO_BREAK = [
    kill_the_cluster_itself,
    kill_the_idle_workers,
    kill_what_acknowledges,
    stop_all_of_it,
]


def break_and_see(worker, break_it):
    group = worker.wait_until_working(2)

    break_it(worker, group)
    wait_until(lambda: worker.group() not in {group, None}, what=f"replaced after {break_it.__name__}")

    task = async_task(SOME_TASK)
    wait_until(lambda: finished(task), what=f"working after {break_it.__name__}")
    assert members(group) == []
    assert not WorkerHeartbeat.objects.filter(group=group).exists()
    assert not OrmQ.objects.filter(key__endswith=f":{group}").exists()


def test_a_broken_cluster_is_replaced_and_works_again(start_worker):
    worker = start_worker("--workers", "2")

    for break_it in WAYS_TO_BREAK:
        break_and_see(worker, break_it)


def test_a_cluster_that_is_busy_for_long_is_left_alone(start_worker):
    worker = start_worker("--workers", "1")
    group = worker.wait_until_working()

    task = async_task("time.sleep", 6)  # more than twice as long as the patience
    wait_until(lambda: finished(task))

    assert worker.group() == group


def test_what_waited_for_a_worker_is_taken_up_before_the_schedules_are(start_worker):
    event = InboundEvent.objects.create(event_id="1", topic="lead.created", payload={"id": 1})

    start_worker()

    wait_until(lambda: InboundEvent.objects.get(pk=event.pk).status == "ignored", seconds=20)


def test_a_worker_stops_within_seconds(start_worker):
    worker = start_worker()
    group = worker.wait_until_working()

    assert worker.stop() < 5
    assert worker.process.returncode == 0
    assert members(group) == []
    assert not WorkerHeartbeat.objects.exists()


def test_a_worker_stops_even_if_its_cluster_does_not(start_worker):
    worker = start_worker("--stop-within", "1", "--patience", "60")
    group = worker.wait_until_working()

    os.killpg(group, signal.SIGSTOP)

    assert worker.stop(signal.SIGINT) < 4
    assert members(group) == []


def test_a_cluster_ends_when_its_supervisor_is_killed(start_worker):
    worker = start_worker()
    group = worker.wait_until_working()

    worker.process.kill()

    wait_until(lambda: not alive(group) and not members(group))


def test_two_clusters_run_each_due_schedule_once(start_worker):
    due = timezone.now() - timedelta(hours=3)
    for number in range(30):
        Schedule.objects.create(
            name=f"mine {number}", func=SOME_TASK, schedule_type=Schedule.MINUTES, minutes=5, next_run=due
        )
    eager = {"DJANGO_SETTINGS_MODULE": "tests.integrations.queue.eager_settings"}
    workers = [start_worker(**eager), start_worker(**eager)]
    for worker in workers:
        worker.wait_until_working()
    wait_until(lambda: Success.objects.filter(group__startswith="mine ").count() >= 30)
    for worker in workers:
        worker.stop()

    ran = list(Success.objects.filter(group__startswith="mine ").values_list("group", flat=True))
    assert sorted(ran) == sorted(f"mine {number}" for number in range(30))
    # Missed for three hours, but caught up with once.
    assert not Schedule.objects.filter(name__startswith="mine ", next_run__lte=timezone.now()).exists()
