"""`python -m benchmarks.api_storm`: kills web processes and workers during a storm of API calls. Clients
repeat each call with its idempotency key until it is answered. At the end every answered call has had its
effect once, here and in Thinkific.

    --kills 200 --seed 1 [--workers 3] [--database postgres://…] [--json]

Without a database it uses a temporary SQLite file. The exit code is 1 if anything is wrong.
"""

import sys

from benchmarks import kill_storm

if __name__ == "__main__":
    sys.exit(
        kill_storm.run(
            "benchmarks.api_calls",
            program="api_storm",
            about=__doc__,
            API_CALLS_PER_MINUTE=0,
            ALLOWED_HOSTS="127.0.0.1",
        )
    )
