"""Starts real worker processes that use the database of the test."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from django.db import connection
from django_q.models import Task

from integrations.models import WorkerHeartbeat

ROOT = Path(__file__).parents[3]


def wait_until(condition: Callable[[], object], *, seconds: float = 20, what: str = "") -> object:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} seconds: {what or condition}")


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def members(group: int) -> list[int]:
    """Returns the processes of a process group, without zombies."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rsplit(")", 1)[1].split()
            if int(fields[2]) == group and fields[0] != "Z":
                found.append(int(stat.parent.name))
    return found


def finished(task_id: str) -> bool:
    return Task.objects.filter(id=task_id).exists()


class Worker:
    """One `manage.py worker`."""

    def __init__(self, environment: dict[str, str], log: Path, options: tuple[str, ...]) -> None:
        self.log = log
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "worker", *options],
            env=environment,
            cwd=ROOT,
            stderr=log.open("w"),
            start_new_session=True,
        )

    def group(self) -> int | None:
        """Returns the process group of its current cluster, or None."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if children else None

    def workers(self) -> list[int]:
        """Returns the processes of its cluster that have carried out a task."""
        worked = WorkerHeartbeat.objects.filter(group=self.group() or 0, probed_at__isnull=False)
        return sorted(worked.values_list("process", flat=True))

    def wait_until_working(self, count: int = 1) -> int:
        """Wait until `count` processes have carried out a task. Returns the process group."""
        wait_until(lambda: len(self.workers()) >= count, what=f"{count} workers that work")
        return self.group()

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Send the signal and wait for the end. Returns the seconds that it took."""
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(20)
        return time.monotonic() - started


@pytest.fixture
def start_worker(process_environment, tmp_path) -> Iterator[Callable[..., Worker]]:
    """`start_worker("--workers", "2", NAME="value")` starts another worker."""
    started: list[Worker] = []

    def start(*options: str, **environment: str) -> Worker:
        quick = ("--probe-every", "0.5", "--patience", "2.5")
        log = tmp_path / f"worker-{len(started)}.log"
        started.append(Worker(process_environment | environment, log, (*quick, *options)))
        return started[-1]

    yield start
    for worker in started:
        group = worker.group() if worker.process.poll() is None else None
        if worker.process.poll() is None:
            worker.process.kill()
        worker.process.wait()
        if group:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        sys.stdout.write(worker.log.read_text())
    connection.close()
