"""`python -m benchmarks.api_storm`: kills web processes and workers during a storm of API calls. Clients
repeat each call with its idempotency key until it is answered. At the end every answered call has had its
effect once, here and in Thinkific.

    --kills 200 --seed 1 [--workers 3] [--database postgres://…] [--json]

Without a database it uses a temporary SQLite file. The exit code is 1 if anything is wrong.
"""

import argparse
import json
import sys
from contextlib import ExitStack

from benchmarks.kill_storm import LIMITS, SITE, SIZE, told
from benchmarks.places import Place, child, environment, manage, scratch
from integrations.thinkific.sandbox import spawn_sandbox

CALLS = {"API_CALLS_PER_MINUTE": 0, "ALLOWED_HOSTS": "127.0.0.1"}


def main() -> int:
    options = _options()
    with ExitStack() as stack:
        database = options.database
        if not database:
            database = Place("SQLite", stack.enter_context(scratch())).fresh()
        else:
            manage(database, "migrate", "-v0")
        sandbox = stack.enter_context(spawn_sandbox(SIZE, **SITE))
        numbers = map(str, (options.kills, options.seed, options.workers))
        storm = ["-m", "benchmarks.api_calls", *numbers, sandbox.url]
        report = child(storm, environment(database, sandbox, **LIMITS, **CALLS))
    print(json.dumps(report) if options.json else told(report))
    return 1 if report["wrong"] else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.api_storm", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--database", default="", help="an address for DATABASE_URL; it is written to")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
