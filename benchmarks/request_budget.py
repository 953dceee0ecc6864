"""Measures how much of the request limit two parallel pulls use, and whether Thinkific refuses a request.

The limit is the documented one, 120 requests a minute (in a quick look the minute is scaled down); what
counts is what the stand-in granted in each of its windows while both pulls had work.
"""

import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.frame import Line
from benchmarks.places import ROOT, Place, environment
from benchmarks.scale import Context
from integrations.thinkific.sandbox import Scale, SpawnedSandbox

LIMIT = 120
AT_LEAST = 0.95
KINDS = ("users", "enrollments")


def measure(context: Context, place: Place) -> Iterator[Line]:
    pages = LIMIT * (context.windows + 4)  # more than can be requested, so that the work does not end
    scale = Scale.bulk(200 * pages, enrollments_per_user=1, quiz_results_per_user=0, bundles=0, groups=0)
    limits = {"rate_limit": LIMIT, "rate_window": context.window, "concurrency": 10}
    with context.sandbox(scale, **limits) as sandbox:
        database = place.fresh()
        granted, refused = _watch(context, sandbox, database)
        place.drop(database)
    share = sum(granted) / (LIMIT * len(granted))
    yield Line(
        "use of the request limit, two processes",
        place.name,
        f"{share:.1%}, {refused} refused",
        f"at least {AT_LEAST:.0%}, none refused",
        share >= AT_LEAST and refused == 0,
        f"requests in windows of {LIMIT} per {context.window:g} s: {', '.join(map(str, granted))}",
    )


def _watch(context: Context, sandbox: SpawnedSandbox, database: str) -> tuple[list[int], int]:
    """Returns the requests granted in each whole window, and the number of 429s."""
    variables = environment(
        database,
        sandbox,
        THINKIFIC_RATE_LIMIT=LIMIT,
        THINKIFIC_RATE_WINDOW=context.window,
        THINKIFIC_CONCURRENCY=10,
    )
    pulls = [
        subprocess.Popen(
            [sys.executable, "manage.py", "sync", kind, "--full"],
            cwd=ROOT,
            env=variables,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for kind in KINDS
    ]
    try:
        while not all(
            f"GET /api/public/v1/{kind}" in sandbox.control("GET", "stats")["by_endpoint"] for kind in KINDS
        ):
            _check(pulls)
            time.sleep(0.1)
        # the first window in which both are at work all the time
        begun = int(time.time() // context.window) + 1
        time.sleep(context.window * (context.windows + 1))
        stats = sandbox.control("GET", "stats")
        _check(pulls)
    finally:
        for pull in pulls:
            pull.kill()
            pull.wait()
    ended = int(time.time() // context.window)
    windows = stats["grants_by_window"]
    granted = [windows.get(str(number), 0) for number in range(begun, ended)]
    return granted[: context.windows], stats["refused_rate"] + stats["refused_concurrency"]


def _check(pulls: "list[subprocess.Popen[str]]") -> None:
    for pull in pulls:
        if pull.poll() is not None:
            raise RuntimeError(f"A pull ended before the measurement did:\n{pull.communicate()[1][-2000:]}")
