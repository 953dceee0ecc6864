"""`python -m benchmarks.kill_storm`: workers are killed in the middle of a storm of edits, while the stand-in
loses answers and refuses. In the end both sides must be equal, with nothing lost and nothing doubled.

    --kills 200 --seed 1 [--workers 3] [--database postgres://…] [--json]

Without a database it uses a SQLite file of its own. Exit code 1 when something is not as it must be.
"""

import argparse
import json
import os
import random
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.places import Place, environment, manage, scratch
from integrations.thinkific.sandbox import Scale, SpawnedSandbox, spawn_sandbox

SHARE = 0.05  # of requests: answers lost after the write took effect, 500s, 429s
# The stand-in takes a second enrollment of the same student and course, so that doubling would show.
SITE = {
    "rate_limit": 1_000_000,
    "rate_window": 1,
    "concurrency": 0,
    "graphql_points": 0,
    "repost": "duplicate",
}
SIZE = Scale(users=30, courses=6, builder_courses=0, bundles=2, groups=2)
SETTLE = 240.0  # seconds to send the rest once the trouble is over


def main() -> int:
    options = _options()
    with ExitStack() as stack:
        database = options.database
        if not database:
            place = Place("SQLite", stack.enter_context(scratch()))
            database = place.fresh()
        else:
            manage(database, "migrate", "-v0")
        sandbox = stack.enter_context(spawn_sandbox(SIZE, **SITE))
        limits = {"THINKIFIC_RATE_LIMIT": 1_000_000, "THINKIFIC_RATE_WINDOW": 1, "LOG_LEVEL": "CRITICAL"}
        os.environ.update(environment(database, sandbox, **limits))
        report = _storm(options, sandbox)
    wrong = report["wrong"]
    print(json.dumps(report) if options.json else _told(report))
    return 1 if wrong else 0


def _storm(options: argparse.Namespace, sandbox: SpawnedSandbox) -> dict[str, Any]:
    import django

    django.setup()
    # After Django is set up, and with the trouble still to come.
    from benchmarks import storm_check, storm_edits
    from integrations.thinkific.sync import fates

    fates.FIRST_WAIT = 0.1  # the pauses of a real site would only make this longer
    dice = random.Random(options.seed)
    storm_edits.prepare()
    for kind, path in (("lost_answer", ""), ("500", ""), ("429", "")):
        sandbox.control("POST", "faults", {"kind": kind, "probability": SHARE, "path": path or "/api/public"})
    started = time.monotonic()
    herd = Herd(options.workers)
    editor = storm_edits.Editor(dice)
    for _ in range(options.kills):
        for _ in range(dice.randint(1, 4)):
            editor.edit()
        time.sleep(dice.uniform(0.02, 0.25))
        herd.kill_one(dice)
    seconds = time.monotonic() - started
    trouble = sandbox.control("GET", "stats")["faults"]
    sandbox.control("DELETE", "faults")
    settled = herd.wait_until_sent(SETTLE)
    herd.stop()
    return {
        "kills": options.kills,
        "in_the_middle": herd.in_the_middle,
        "edits": editor.count,
        "seconds": round(seconds, 1),
        "settled_after": round(settled, 1),
        "trouble": trouble,
        **storm_check.compare(),
    }


class Herd:
    """Worker processes, forked from this one: each drains whenever something is due."""

    def __init__(self, size: int) -> None:
        self.pids = [self._fork() for _ in range(size)]
        self.in_the_middle = 0  # kills of a worker that had claimed something

    def kill_one(self, dice: random.Random) -> None:
        from core.models import OutboxEntry
        from integrations.thinkific.sync.owner import this_process

        host = this_process().rpartition(":")[0]
        names = OutboxEntry.objects.filter(status="in_flight").values_list("claimed_by", flat=True)
        busy = {int(name.partition("#")[0].rpartition(":")[2]) for name in names if name.startswith(host)}
        # Those at work first: killing an idle one proves little.
        candidates = sorted(busy & set(self.pids)) or self.pids
        pid = dice.choice(candidates)
        self.in_the_middle += pid in busy
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self.pids[self.pids.index(pid)] = self._fork()

    def wait_until_sent(self, seconds: float) -> float:
        """How long it took until nothing waited any more."""
        from core.models import OutboxEntry

        started = time.monotonic()
        waiting = OutboxEntry.objects.filter(status__in=["pending", "in_flight"])
        while waiting.exists() and time.monotonic() - started < seconds:
            time.sleep(0.2)
        return time.monotonic() - started

    def stop(self) -> None:
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    @staticmethod
    def _fork() -> int:
        from django.db import connections

        from integrations.thinkific import tasks

        connections.close_all()  # a connection must not be shared
        pid = os.fork()
        if pid:
            return pid
        try:
            while True:
                tasks.drain_outbox()
                time.sleep(0.02)
        except BaseException as problem:
            sys.stderr.write(f"A worker ended: {problem!r}\n")
        finally:
            os._exit(1)


def _told(report: dict[str, Any]) -> str:
    lines = [f"{name.replace('_', ' ')}: {value}" for name, value in report.items() if name != "wrong"]
    return "\n".join([*lines, *(f"WRONG: {problem}" for problem in report["wrong"]), ""])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kill_storm", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--database", default="", help="an address for DATABASE_URL; it is written to")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    return parser.parse_args()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    sys.exit(main())
