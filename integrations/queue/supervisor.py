"""The supervisor of one cluster: starts it, replaces it when it dies or freezes, and stops it."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import FrameType

import structlog
from django.db import Error, close_old_connections

from core.services.site import health
from integrations import heartbeat, schedules
from integrations.queue import tasks
from integrations.queue.cluster import Cluster
from integrations.queue.watchdog import Watchdog
from integrations.thinkific.runs import lifecycle

log = structlog.get_logger(__name__)

TICK = 0.2  # seconds until a signal or a dead cluster is noticed
LOOK_EVERY = 1.0
REPAIR_EVERY = 10.0
LONGEST_PAUSE = 30.0  # between starts of a cluster that keeps dying
# A schedule runs these every minute too. But a malformed schedule stops all schedules, also that one; and a
# run whose worker was killed should not wait for a minute.
REPAIRS: list[Callable[[], object]] = [
    schedules.disable_malformed,
    schedules.correct_next_runs,
    lifecycle.revive_stale,
]


@dataclass(frozen=True)
class Times:
    """Time limits of the supervisor, in seconds. `replace_after` is the time without a sign of life."""

    probe_every: float = 10
    replace_after: float = 60
    stop_within: float = 10


class Supervisor:
    def __init__(self, *, workers: int | None = None, times: Times | None = None) -> None:
        self.workers = workers
        self.times = times or Times()
        self.stop_requests = 0

    def run(self) -> None:
        """Work until SIGTERM or SIGINT asks to stop. A second signal does not wait for running tasks."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._wait_for_database()
        pause = 1.0
        while not self.stop_requests:
            started_at = time.monotonic()
            self._run_cluster()
            lived = time.monotonic() - started_at
            pause = 1.0 if lived > self.times.replace_after else min(pause * 2, LONGEST_PAUSE)
            self._sleep(pause)

    def _run_cluster(self) -> None:
        cluster = Cluster(workers=self.workers)
        watchdog = Watchdog(
            group=cluster.group, probe_every=self.times.probe_every, replace_after=self.times.replace_after
        )
        log.info("Started the cluster of process group %s", cluster.group)
        self._ask_database(tasks.start_waiting_work)
        wrong = self._watch(cluster, watchdog)
        if wrong:
            log.error("Replacing the cluster of process group %s: %s", cluster.group, wrong)
        else:
            self._ask_database(partial(heartbeat.tell_to_stop, cluster.group))
            cluster.ask_to_stop()
            self._wait_for_end(cluster)
        cluster.kill()  # processes of the group that are left
        self._ask_database(watchdog.forget)
        if not wrong:
            log.info("Stopped the cluster of process group %s", cluster.group)

    def _watch(self, cluster: Cluster, watchdog: Watchdog) -> str | None:
        """Watch the cluster. Returns what is wrong with it, or None when the supervisor is asked to stop."""
        next_look = next_repair = time.monotonic()
        while not self.stop_requests:
            if (code := cluster.exit_code()) is not None:
                return f"it ended by itself with code {code}"
            now = time.monotonic()
            if now >= next_repair:
                next_repair = now + REPAIR_EVERY
                for repair in REPAIRS:
                    self._ask_database(repair)
            if now >= next_look:
                next_look = now + LOOK_EVERY
                try:
                    if wrong := watchdog.look():
                        return wrong
                except Error as error:
                    log.warning("The database did not answer, so nothing is judged: %s", error)
                    watchdog.restart_measuring()
                    close_old_connections()
            time.sleep(TICK)
        return None

    def _wait_for_database(self) -> None:
        """Wait until the database answers and has its tables, then write the schedules."""
        told = False
        while not self.stop_requests:
            state = health.database()
            if state.ok and self._ask_database(schedules.write_schedules):
                return
            if not told:
                log.warning("Waiting for the database: %s", state.detail)
                told = True
            self._sleep(1)

    def _wait_for_end(self, cluster: Cluster) -> None:
        deadline = time.monotonic() + self.times.stop_within
        while time.monotonic() < deadline and self.stop_requests < 2:
            if cluster.wait(TICK):
                return
        log.warning("Process group %s did not stop in time and is killed", cluster.group)

    def _ask_database(self, question: Callable[[], object]) -> bool:
        try:
            question()
        except Error as error:
            log.warning("The database did not answer: %s", error)
            close_old_connections()
            return False
        except Exception:  # an error in housekeeping must not end the supervisor
            log.exception("%s failed", question)
            return False
        return True

    def _sleep(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self.stop_requests and time.monotonic() < deadline:
            time.sleep(TICK)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.stop_requests += 1
