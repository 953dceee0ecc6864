import os
import time

import pytest
from django.db import OperationalError
from django_q.signals import post_execute_in_worker, post_spawn, pre_execute

from integrations import heartbeat
from integrations.models import WorkerHeartbeat


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(heartbeat, "EVERY", 0.05)


@pytest.fixture
def worker(monkeypatch):
    """This process, as if the queue had just started it as a worker."""
    monkeypatch.setattr(heartbeat._Worker, "pid", 0)
    monkeypatch.setattr(heartbeat._Worker, "last_beat", 0.0)
    post_spawn.send(sender="django_q", proc_name="worker")
    yield
    post_execute_in_worker.send(sender="django_q", func=None, task={})


def me():
    return WorkerHeartbeat.objects.get(process=os.getpid())


@pytest.mark.django_db
def test_outside_of_a_worker_nothing_is_written():
    heartbeat.beat()

    assert not WorkerHeartbeat.objects.exists()


@pytest.mark.django_db
def test_a_worker_is_known_from_its_start_but_has_done_nothing_yet(worker):
    assert me().host == heartbeat.host()
    assert me().group == os.getpgrp()
    assert heartbeat.last(os.getpgrp()) == (None, None)


@pytest.mark.django_db
def test_a_task_is_a_sign_of_life_and_a_probe_is_known_as_one(worker):
    pre_execute.send(sender="django_q", func=None, task={})
    beat, probe = heartbeat.last(os.getpgrp())
    assert (beat, probe) == (me().beat_at, None)

    heartbeat.probed()

    beat, probe = heartbeat.last(os.getpgrp())
    assert beat == probe == me().probed_at


@pytest.mark.django_db
def test_signs_of_life_are_cheap_to_ask_for(worker, django_assert_num_queries):
    heartbeat.beat()

    with django_assert_num_queries(0):
        for _ in range(100):
            heartbeat.beat()


@pytest.mark.django_db(transaction=True)
def test_a_busy_worker_beats_by_itself_and_an_idle_one_does_not(quick, worker):
    pre_execute.send(sender="django_q", func=None, task={})
    at_first = me().beat_at
    time.sleep(0.5)  # the task is at work and never calls beat()
    assert me().beat_at > at_first

    post_execute_in_worker.send(sender="django_q", func=None, task={})
    time.sleep(0.3)
    at_last = me().beat_at
    time.sleep(0.3)
    assert me().beat_at == at_last


@pytest.mark.django_db
def test_a_reused_process_id_belongs_to_its_new_cluster(worker):
    WorkerHeartbeat.objects.update(group=1)

    heartbeat.probed()

    assert me().group == os.getpgrp()


@pytest.mark.django_db
def test_a_sign_of_life_that_cannot_be_written_does_not_end_the_worker(worker, caplog):
    def locked():
        raise OperationalError("database is locked")

    heartbeat._try(locked)

    assert "database is locked" in caplog.text
