"""A process is killed during a comparison or a repair. Another one continues and counts nothing twice."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.models import OutboxEntry, User
from core.processes import this_process
from integrations.models import Drift, DriftKind, SyncRun
from integrations.thinkific.kinds import carry_out
from integrations.thinkific.reconcile import repair
from integrations.thinkific.runs import lifecycle
from integrations.thinkific.sandbox import Scale, Site
from tests.integrations.thinkific.reconcile.conftest import numbers

ROOT = Path(__file__).parents[4]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def thinkific_site():
    scale = Scale(
        users=1500, enrollments_per_user=2, courses=3, builder_courses=0, bundles=1, groups=1,
        quiz_results_per_user=0, orders_per_user=0,
    )  # fmt: skip
    return Site.generate(scale, seed=1)


@pytest.fixture
def reconcile(connected_environment, tmp_path):
    """Starts `manage.py reconcile` on the database of the test."""
    started = []

    def start() -> subprocess.Popen:
        log = (tmp_path / f"{len(started)}.log").open("w")
        command = [sys.executable, "manage.py", "reconcile", "--json"]
        process = subprocess.Popen(command, cwd=ROOT, env=connected_environment, stdout=log, stderr=log)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_a_comparison_that_is_killed_four_times_counts_like_one_that_was_left_alone(
    reconcile, site, compare, thinkific
):
    users = list(User.objects.filter(thinkific_id__isnull=False).order_by("pk")[::60])
    User.objects.filter(pk__in=[user.pk for user in users]).update(company="Ours")
    undisturbed = {kind: numbers(report) for kind, report in compare().items()}
    assert undisturbed["users"]["differs"] == len(users) > 20

    thinkific.set_options(latency=0.03)
    process, kills = reconcile(), 0
    while kills < 4 and process.poll() is None:
        target = thinkific.stats.total + 4 + 7 * kills
        while thinkific.stats.total < target and process.poll() is None:
            time.sleep(0.01)
        process.kill()
        process.wait()
        kills += 1
        process = reconcile()
    assert process.wait(timeout=60) == 0

    run = SyncRun.objects.filter(kind="reconciliation").first()
    assert kills == 4
    assert (run.status, run.attempts) == ("succeeded", 5)
    assert {report.kind: numbers(report) for report in run.drift_reports.all()} == undisturbed


def test_a_repair_that_breaks_off_goes_on_and_sends_each_once(site, compare, root, push, thinkific):
    users = list(User.objects.filter(thinkific_id__isnull=False).order_by("pk")[:12])
    User.objects.filter(pk__in=[user.pk for user in users]).update(first_name="Ours")
    compare()
    started = repair.start(Drift.objects.filter(report__kind=DriftKind.USERS), choice="push", by=root)

    class Killed(BaseException):
        pass

    def die(run):
        if run.pages_done == 5:
            raise Killed

    with pytest.raises(Killed):
        carry_out(lifecycle.claim(started.run_id, worker=this_process()), on_progress=die)
    SyncRun.objects.filter(pk=started.run_id).update(
        worker="elsewhere:1", heartbeat_at="2020-01-01T00:00:00Z"
    )
    assert Drift.objects.filter(state="pushed").count() == 5
    assert carry_out(lifecycle.claim(started.run_id, worker=this_process())) == "succeeded"
    push()

    assert not Drift.objects.exclude(state="pushed").exists()
    assert OutboxEntry.objects.count() == len(users)
    assert {thinkific.site.users[user.thinkific_id].first_name for user in users} == {"Ours"}
