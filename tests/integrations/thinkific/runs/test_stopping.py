"""Cancel, Ctrl-C, SIGTERM and a worker that stops: a run ends within two seconds, whatever the socket does.

The time limits are wide because machines may be busy; without the feature it would take a minute or more.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.db import connections

from core.models import OutboxEntry, User
from core.processes import this_process
from core.services import people
from integrations.models import Kind, SyncRun
from integrations.thinkific.kinds import carry_out
from integrations.thinkific.runs import lifecycle
from tests.integrations.thinkific.runs.test_killed import wait_for
from tests.integrations.thinkific.sockets import SLOW, dripping_body, dripping_headers, mute, serve

ROOT = Path(__file__).parents[4]
SOON = 6.0
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def facing(settings):
    """`facing(url)` connects the dashboard to that address."""

    def face(url: str) -> None:
        settings.THINKIFIC_SUBDOMAIN, settings.THINKIFIC_API_KEY = "acme", "k" * 32
        settings.THINKIFIC_ACCESS_TOKEN, settings.THINKIFIC_API_URL = "t" * 40, url
        settings.THINKIFIC_RATE_LIMIT = settings.THINKIFIC_GRAPHQL_POINTS = 1_000_000

    return face


def carry_in_a_thread(run):
    claimed = lifecycle.claim(run.pk, worker=this_process())
    left: list[float] = []

    def work() -> None:
        try:
            carry_out(claimed)
        finally:
            left.append(time.monotonic())
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    return thread, left


@pytest.mark.parametrize(
    ("kind", "script"),
    [*((Kind.USERS, script) for script in SLOW), (Kind.QUIZ_RESULTS, dripping_body), (Kind.USERS, mute)],
    ids=lambda one: getattr(one, "__name__", str(one)),
)
def test_cancel_works_while_the_run_waits_for_an_answer(facing, kind, script):
    with serve(script) as url:
        facing(url.replace("http:", "https:") if script is mute else url)
        run, _ = lifecycle.open_run(kind)
        thread, left = carry_in_a_thread(run)
        time.sleep(1.0)
        cancelled_at = time.monotonic()
        lifecycle.cancel(SyncRun.objects.get(pk=run.pk))
        thread.join(30)

    assert not thread.is_alive()
    assert left[0] - cancelled_at < SOON
    assert SyncRun.objects.get(pk=run.pk).status == "cancelled"


def test_a_run_that_trickles_ends_as_a_timed_out_one_does(facing, settings, monkeypatch):
    monkeypatch.setattr("integrations.thinkific.runs.fetch.FIRST_PAUSE", 0.01)
    settings.THINKIFIC_DEADLINE = 1.0
    with serve(dripping_body) as url:
        facing(url)
        run, _ = lifecycle.open_run(Kind.USERS)
        status = carry_out(lifecycle.claim(run.pk, worker=this_process()))

    assert status == "failed"  # nothing had come; with a page it would be partial
    message = SyncRun.objects.get(pk=run.pk).errors[0]["message"]
    assert "Thinkific's answer was not complete after 1 s: " in message
    assert "resume" in message
    assert SyncRun.objects.get(pk=run.pk).requests == 3


def test_cancel_while_changes_are_sent_breaks_off_what_is_under_way(facing):
    user = User.objects.create(email="ana@own.example", thinkific_id=7)
    people.update_user(user, last_name="Ours")
    with serve(dripping_headers) as url:
        facing(url)
        run, _ = lifecycle.open_run(Kind.ENROLLMENTS, options={"direction": "both"})
        thread, left = carry_in_a_thread(run)
        time.sleep(1.0)
        cancelled_at = time.monotonic()
        lifecycle.cancel(SyncRun.objects.get(pk=run.pk))
        thread.join(30)

    assert left[0] - cancelled_at < SOON
    assert SyncRun.objects.get(pk=run.pk).status == "cancelled"
    entry = OutboxEntry.objects.get()
    assert (entry.status, entry.attempts) == ("pending", 0)


# --- processes ----------------------------------------------------------------------------------------------


@pytest.fixture
def environment(process_environment):
    def towards(url: str) -> dict[str, str]:
        return process_environment | {
            "READ_DOT_ENV": "0",
            "THINKIFIC_SUBDOMAIN": "acme",
            "THINKIFIC_API_KEY": "k" * 32,
            "THINKIFIC_ACCESS_TOKEN": "",
            "THINKIFIC_API_URL": url,
            "THINKIFIC_RATE_LIMIT": "1000000",
        }

    return towards


def seconds_to_stop(process, number=signal.SIGTERM) -> float:
    """Signal a process that has been at work for a second. Returns how long it took to end."""
    time.sleep(1.0)
    began = time.monotonic()
    process.send_signal(number)
    process.wait(60)
    return time.monotonic() - began


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("script", [dripping_body, dripping_headers])
def test_a_command_that_is_told_to_stop_cancels_its_run(environment, number, script):
    with serve(script) as url:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "sync", "users"], cwd=ROOT, env=environment(url)
        )
        try:
            assert wait_for(lambda: SyncRun.objects.filter(status="running").exists(), process)
            seconds = seconds_to_stop(process, number)
        finally:
            process.kill()
            process.wait()

    assert (process.returncode, SyncRun.objects.get().status) == (1, "cancelled")
    assert seconds < SOON


@pytest.mark.slow
def test_a_drain_that_is_told_to_stop_leaves_the_change_waiting(environment):
    user = User.objects.create(email="ana@own.example", thinkific_id=7)
    people.update_user(user, last_name="Ours")
    with serve(dripping_body) as url:
        process = subprocess.Popen([sys.executable, "manage.py", "drain"], cwd=ROOT, env=environment(url))
        try:
            assert wait_for(lambda: OutboxEntry.objects.filter(status="in_flight").exists(), process)
            seconds = seconds_to_stop(process)
        finally:
            process.kill()
            process.wait()

    assert OutboxEntry.objects.get().status == "pending"
    assert seconds < SOON


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_worker_that_stops_leaves_its_run_to_others(environment):
    with serve(dripping_body) as url:
        run, _ = lifecycle.open_run(Kind.USERS)
        lifecycle.wake(run)
        command = [sys.executable, "manage.py", "worker", "--workers", "1", "--stop-within", "40"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment(url), start_new_session=True)
        try:
            assert wait_for(lambda: SyncRun.objects.filter(status="running").exists(), process, seconds=40)
            seconds = seconds_to_stop(process)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    assert SyncRun.objects.get().status == "queued"
    assert seconds < 15  # the cluster needs some of it; without being told, the run would have kept it for 40
