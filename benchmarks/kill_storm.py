"""`python -m benchmarks.kill_storm`: kills workers during many edits, while the stand-in loses answers and
refuses requests. At the end both sides must be equal, with no change lost or made twice.

    --kills 200 --seed 1 [--workers 3] [--database postgres://…] [--json]

Without a database it uses a temporary SQLite file. The exit code is 1 if the two sides differ.
"""

import argparse
import json
import sys
from contextlib import ExitStack
from typing import Any

from benchmarks.places import Place, child, environment, manage, scratch
from integrations.thinkific.sandbox import Scale, spawn_sandbox

# The stand-in accepts a second enrollment of a student in a course and a second group of the same name, so
# that changes made twice can be seen.
SITE = {
    "rate_limit": 1_000_000,
    "rate_window": 1,
    "concurrency": 0,
    "graphql_points": 0,
    "repost": "duplicate",
    "group_repost": "duplicate",
}
SIZE = Scale(users=30, courses=6, builder_courses=0, bundles=2, groups=2)
LIMITS = {"THINKIFIC_RATE_LIMIT": 1_000_000, "THINKIFIC_RATE_WINDOW": 1, "LOG_LEVEL": "CRITICAL"}


def main() -> int:
    return run("benchmarks.storm", program="kill_storm", about=__doc__)


def run(module: str, *, program: str, about: str | None, **variables: object) -> int:
    """Start the process of a storm with a database and a stand-in, and print its report. `variables` are for
    its environment. Returns the exit code."""
    options = _options(program, about)
    with ExitStack() as stack:
        database = options.database
        if not database:
            database = Place("SQLite", stack.enter_context(scratch())).fresh()
        else:
            manage(database, "migrate", "-v0")
        sandbox = stack.enter_context(spawn_sandbox(SIZE, **SITE))
        numbers = map(str, (options.kills, options.seed, options.workers))
        report = child(
            ["-m", module, *numbers, sandbox.url], environment(database, sandbox, **LIMITS, **variables)
        )
    print(json.dumps(report) if options.json else _told(report))
    return 1 if report["wrong"] else 0


def _told(report: dict[str, Any]) -> str:
    lines = [f"{name.replace('_', ' ')}: {value}" for name, value in report.items() if name != "wrong"]
    return "\n".join([*lines, *(f"WRONG: {problem}" for problem in report["wrong"]), ""])


def _options(program: str, about: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{program}", description=about)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--database", default="", help="an address for DATABASE_URL; it is written to")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
