from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from integrations import heartbeat
from integrations.models import WorkerHeartbeat
from integrations.queue.watchdog import STARTS_WITHIN, Watchdog

pytestmark = pytest.mark.django_db

GROUP = 4711
SILENT = "no worker of it has taken a task for 60 seconds"


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def watchdog(clock):
    return Watchdog(group=GROUP, probe_every=10, replace_after=60, clock=clock)


@pytest.fixture
def probes(watchdog):
    return OrmQ.objects.filter(key=watchdog.key)


def work(group=GROUP, *, process=1, probe=False, host=None):
    """A worker of that group carries something out."""
    now = timezone.now()
    WorkerHeartbeat.objects.update_or_create(
        host=host or heartbeat.host(),
        process=process,
        defaults={"group": group, "beat_at": now} | ({"probed_at": now} if probe else {}),
        create_defaults={
            "group": group,
            "started_at": now - timedelta(hours=1),
            "beat_at": now,
            "probed_at": now if probe else None,
        },
    )


def after(clock, seconds, watchdog):
    clock.now += seconds
    return watchdog.look()


def test_a_cluster_that_answers_its_probes_is_left_alone(watchdog, clock, probes):
    for _ in range(20):
        assert watchdog.look() is None
        assert probes.count() == 1
        work(probe=True)
        probes.all().delete()
        assert after(clock, 10, watchdog) is None


def test_one_probe_is_under_way_at_a_time(watchdog, clock, probes):
    for _ in range(5):
        after(clock, 9, watchdog)

    assert probes.count() == 1


def test_silence_is_told_after_the_patience(watchdog, clock):
    work()
    watchdog.look()

    assert after(clock, 60, watchdog) is None
    assert after(clock, 1, watchdog) == SILENT


def test_a_cluster_may_take_longer_to_start(clock):
    watchdog = Watchdog(group=GROUP, probe_every=1, replace_after=3, clock=clock)

    assert after(clock, STARTS_WITHIN, watchdog) is None
    assert after(clock, 1, watchdog) is not None


def test_workers_that_only_start_are_no_sign_of_life(watchdog, clock):
    for process in range(3):  # what a frozen cluster does: start workers that never get a task
        now = timezone.now()
        WorkerHeartbeat.objects.create(
            host=heartbeat.host(), group=GROUP, process=process, started_at=now, beat_at=now
        )
        after(clock, 20, watchdog)

    assert after(clock, 21, watchdog) == SILENT


def test_a_busy_cluster_is_left_alone_although_its_probe_waits(watchdog, clock):
    for _ in range(20):
        work()
        assert after(clock, 30, watchdog) is None


def test_what_another_cluster_does_is_no_sign_of_life(watchdog, clock):
    for process in range(5):
        work(group=GROUP + 1, process=process)
        work(process=process + 100, host="another-machine")
        clock.now += 20
        verdict = watchdog.look()

    assert verdict == SILENT


def test_results_that_are_never_acknowledged_are_told(watchdog, clock):
    work()
    watchdog.look()  # sends the probe
    for _ in range(8):
        work(probe=True)  # carried out, but its row stays
        verdict = after(clock, 10, watchdog)

    assert verdict == "what it did has not been acknowledged for 60 seconds"


def test_an_outage_of_the_database_is_not_held_against_the_cluster(watchdog, clock):
    work()
    watchdog.look()
    clock.now += 600
    watchdog.restart_measuring()

    assert watchdog.look() is None


def test_nothing_of_a_group_that_is_gone_stays(watchdog, probes):
    work()
    work(group=GROUP + 1, process=2)
    watchdog.look()

    watchdog.forget()

    assert not probes.exists()
    assert list(WorkerHeartbeat.objects.values_list("group", flat=True)) == [GROUP + 1]
