"""The storm of API calls in short, with real processes; `python -m benchmarks.api_storm` is the long one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

ROOT = Path(__file__).parents[3]
KILLS = 20


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="runs on PostgreSQL")
def test_killing_web_processes_and_workers_loses_and_doubles_no_call(process_environment):
    command = [sys.executable, "-m", "benchmarks.api_storm", "--kills", str(KILLS), "--seed", "7", "--json"]
    done = subprocess.run(
        [*command, "--database", process_environment["DATABASE_URL"]],
        cwd=ROOT,
        env=process_environment,
        text=True,
        capture_output=True,
        timeout=500,
    )
    assert done.stdout, done.stderr[-3000:]
    report = json.loads(done.stdout.splitlines()[-1])

    assert report["wrong"] == [], "\n".join(report["wrong"])
    assert report["of_web"] == KILLS // 2
    assert report["repeated"] > 0  # the clients met killed processes
    assert sum(report["calls"].values()) > 0
    assert set(report["entries"]) <= {"done", "discarded"}
