"""Real processes, killed in the middle of their work."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from core.models import Enrollment, User
from core.processes import this_process
from integrations.models import STALE_AFTER, SyncRun
from integrations.thinkific.kinds import carry_out
from integrations.thinkific.runs import lifecycle
from integrations.thinkific.sandbox import Scale

ROOT = Path(__file__).parents[4]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
SCALE = Scale(
    users=3000, enrollments_per_user=3, courses=4, builder_courses=0, bundles=1, groups=0,
    quiz_results_per_user=0, orders_per_user=0,
)  # fmt: skip


@pytest.fixture
def sync(connected_environment, tmp_path):
    """`sync("users", ...)` starts `manage.py sync` on the database of the test."""
    started = []

    def start(*arguments):
        command = [sys.executable, "manage.py", "sync", *arguments]
        log = (tmp_path / f"{len(started)}.log").open("w")
        process = subprocess.Popen(
            command, cwd=ROOT, env=connected_environment, stdout=subprocess.PIPE, stderr=log
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
    for log in tmp_path.glob("*.log"):
        sys.stderr.write(log.read_text()[-2000:])


def wait_for(condition, process, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if condition():
            return True
        time.sleep(0.01)
    return False


def state():
    users = User.objects.order_by("thinkific_id").values_list("thinkific_id", "email", "name", "removed_at")
    order = ("user__thinkific_id", "product__productable_id", "product__productable_type")
    enrollments = Enrollment.objects.order_by(*order).values_list(
        "user__thinkific_id",
        "product__productable_type",
        "product__productable_id",
        "thinkific_id",
        "percentage_completed",
        "expiry_date",
        "via_bundle__product__productable_id",
        "removed_at",
    )
    return list(users), list(enrollments)


@pytest.mark.longest
@pytest.mark.timeout(500)  # of a busy machine
def test_a_pull_that_is_killed_ten_times_ends_as_one_that_was_left_alone(sync, thinkific):
    thinkific.set_options(latency=0.05)
    enrollments = len(thinkific.site.enrollments)
    kills = 0
    process = sync("products", "users", "enrollments")
    while kills < 10:
        # at another place every time: a few requests further
        target = thinkific.stats.total + 3 + kills % 4
        if not wait_for(lambda target=target: thinkific.stats.total >= target, process):
            break
        time.sleep(0.013 * kills)
        process.kill()
        process.wait()
        kills += 1
        process = sync("products", "users", "enrollments")
    assert process.wait(timeout=60) == 0
    assert kills == 10
    finished = {run.kind: run for run in SyncRun.objects.order_by("pk")}
    assert {run.status for run in finished.values()} == {"succeeded"}
    assert SyncRun.objects.filter(attempts__gt=1).exists()
    bundle = thinkific.site.bundles.listing[0]["id"]
    minimum = (
        2
        + 12
        + -(-enrollments // 250)
        + max(1, -(-len(thinkific.site.bundle_enrollments(bundle)) // 250))
        + 1
    )
    again = 3 * kills  # products and users that were done are walked by the next command
    assert thinkific.stats.total < minimum + again * 12
    assert User.objects.count() == 3000
    assert Enrollment.objects.filter(thinkific_id__isnull=False).count() == len(thinkific.site.enrollments)
    after = state()

    User.objects.all().delete()
    SyncRun.objects.all().delete()
    assert sync("products", "users", "enrollments").wait(timeout=60) == 0
    assert state() == after


def test_a_run_whose_process_was_killed_goes_on_at_its_page(sync, thinkific):
    thinkific.set_options(latency=0.1)
    process = sync("users")
    assert wait_for(lambda: SyncRun.objects.filter(pages_done__gte=4).exists(), process)
    process.kill()
    process.wait()
    run = SyncRun.objects.get()
    done = run.pages_done
    assert (run.status, run.attempts) == ("running", 1)
    time.sleep(0.3)  # the answers to its requests are lost
    thinkific.reset_stats()
    thinkific.set_options(latency=0.0)
    began = time.monotonic()

    process = sync("users", "--json")
    out, _ = process.communicate(timeout=60)

    assert time.monotonic() - began < 30  # at once, on the same host
    run.refresh_from_db()
    assert (run.status, run.attempts, run.created) == ("succeeded", 2, 3000)
    assert thinkific.stats.total == 12 - done
    (reported,) = json.loads(out)["runs"]
    assert (reported["status"], reported["fetched"], reported["created"]) == ("succeeded", 3000, 3000)


def test_a_run_that_lives_is_waited_for_and_not_doubled(sync, thinkific):
    thinkific.set_options(latency=3.0)
    first = sync("users")
    assert wait_for(lambda: SyncRun.objects.filter(status="running").exists(), first)
    second = sync("users", "--json")

    out, _ = second.communicate(timeout=60)

    assert first.wait(timeout=10) == second.returncode == 0
    assert SyncRun.objects.get().attempts == 1
    assert thinkific.stats.total == 12
    assert json.loads(out)["runs"][0]["created"] == 3000


def test_of_many_that_claim_a_run_at_once_one_gets_it(connected):
    run, _ = lifecycle.open_run("users")
    barrier, got = threading.Barrier(6), []

    def claim(number):
        barrier.wait()
        try:
            got.append(lifecycle.claim(run.pk, worker=f"elsewhere:{number}"))
        finally:
            connection.close()

    threads = [threading.Thread(target=claim, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len([one for one in got if one is not None]) == 1
    run.refresh_from_db()
    assert run.attempts == 1


def test_a_process_that_was_taken_over_writes_nothing_any_more(connected, monkeypatch):
    monkeypatch.setattr("integrations.thinkific.runs.fetch.PAGE_SIZE", 250)
    run, _ = lifecycle.open_run("users")
    mine = lifecycle.claim(run.pk, worker=this_process())
    seen = []

    def fall_silent(progress):
        if not seen:  # after the first page
            silent = timezone.now() - STALE_AFTER - timedelta(seconds=1)
            SyncRun.objects.filter(pk=run.pk).update(heartbeat_at=silent)
            assert lifecycle.claim(run.pk, worker="elsewhere:1") is not None
            seen.append((User.objects.count(), SyncRun.objects.get(pk=run.pk).cursor))

    carry_out(mine, on_progress=fall_silent)

    stored = SyncRun.objects.get(pk=run.pk)
    users, cursor = seen[0]
    assert 0 < users < 3000
    assert User.objects.count() == users
    assert (stored.status, stored.attempts, stored.worker) == ("running", 2, "elsewhere:1")
    assert stored.cursor == cursor


def test_a_run_of_another_machine_is_taken_over_only_without_a_heartbeat(connected):
    run, _ = lifecycle.open_run("users")
    assert lifecycle.claim(run.pk, worker="elsewhere:1") is not None

    assert lifecycle.claim(run.pk, worker=this_process()) is None

    SyncRun.objects.update(heartbeat_at=timezone.now() - STALE_AFTER - timedelta(seconds=1))
    assert lifecycle.claim(run.pk, worker=this_process()).attempts == 2


def test_a_worker_that_is_killed_leaves_a_run_that_the_next_wake_up_finishes(connected):
    run, _ = lifecycle.open_run("users")
    dead = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    host = this_process().rpartition(":")[0]
    assert lifecycle.claim(run.pk, worker=f"{host}:{dead.pid}") is not None
    assert lifecycle.revive_stale() == 0
    os.kill(dead.pid, signal.SIGKILL)
    dead.wait()

    assert lifecycle.revive_stale() == 1
    claimed = lifecycle.claim(run.pk, worker=this_process())
    assert carry_out(claimed) == "succeeded"
    assert User.objects.count() == 3000
