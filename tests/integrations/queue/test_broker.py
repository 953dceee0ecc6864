from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from integrations.queue import broker
from integrations.queue.broker import Broker, probe_key

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr("integrations.queue.broker.Conf.POLL", 0)


def put(key, payload="a task", locked_for=timedelta(seconds=-1)):
    return OrmQ.objects.create(key=key, payload=payload, lock=timezone.now() + locked_for)


def taken(queue):
    return [payload for _, payload in queue.dequeue() or []]


@pytest.fixture
def own_key(monkeypatch):
    monkeypatch.setattr("integrations.queue.broker.os.getpgrp", lambda: 4711)
    return probe_key(4711)


def test_tasks_are_taken_oldest_first_and_once():
    put("main", "first")
    put("main", "second")
    queue = Broker("main")

    assert [taken(queue), taken(queue), taken(queue)] == [["first"], ["second"], []]


def test_a_task_that_another_cluster_took_is_not_taken_again():
    put("main", locked_for=timedelta(minutes=5))

    assert taken(Broker("main")) == []


def test_of_two_clusters_that_see_the_same_task_one_takes_it():
    seen = put("main")
    one, other = Broker("main"), Broker("main")

    assert [one._lock(seen), other._lock(seen)] == [True, False]


def test_a_task_whose_worker_was_killed_comes_back():
    row = put("main")
    queue = Broker("main")
    taken(queue)
    OrmQ.objects.filter(pk=row.pk).update(lock=timezone.now())  # the lock has run out

    assert taken(queue) == ["a task"]


def test_a_probe_comes_before_a_backlog(own_key):
    put("main")
    put(own_key, "probe")

    assert taken(Broker("main")) == ["probe"]


def test_a_probe_is_taken_by_its_own_cluster_only(own_key):
    put(probe_key(4712), "probe of another")

    assert taken(Broker("main")) == []


def test_probes_are_not_looked_for_at_every_task(own_key, django_assert_num_queries):
    queue = Broker("main")
    taken(queue)

    with django_assert_num_queries(1):
        taken(queue)


def test_a_probe_key_fits_into_its_column(monkeypatch):
    monkeypatch.setattr("integrations.heartbeat.socket.gethostname", lambda: "h" * 253)

    assert len(broker.probe_key(2**22)) <= OrmQ._meta.get_field("key").max_length


@pytest.mark.django_db(transaction=True)
def test_queueing_a_task_keeps_the_connection_of_the_request():
    connection.ensure_connection()
    before = connection.connection
    async_task("math.floor", 1.5, save=False)
    assert connection.connection is before
    assert OrmQ.objects.count() == 1
