"""The kill storm in short, with real processes; `python -m benchmarks.kill_storm` is the long one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]


@pytest.mark.longest
@pytest.mark.slow
def test_killing_workers_in_a_storm_of_edits_loses_and_doubles_nothing(process_environment):
    database = process_environment["DATABASE_URL"]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.kill_storm",
            "--kills",
            "20",
            "--seed",
            "7",
            "--json",
            "--database",
            database,
        ],
        cwd=ROOT,
        env=process_environment,
        text=True,
        capture_output=True,
        timeout=240,
    )
    assert done.stdout, done.stderr[-3000:]
    report = json.loads(done.stdout.splitlines()[-1])

    assert report["wrong"] == [], "\n".join(report["wrong"])
    assert report["in_the_middle"] >= 10
    assert sum(report["trouble"].values()) > 0
    assert set(report["entries"]) <= {"done", "discarded"}
