"""Measures how soon a change is in Thinkific when nothing else happens, with a real worker that polls the
queue; and how much of the request limit ten thousand changes use.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.frame import Line
from benchmarks.places import ROOT, Place, child, environment
from benchmarks.scale import Context
from integrations.thinkific.sandbox import Scale, SpawnedSandbox

EDITS = 40
LIMIT = 1000  # requests a minute of a Plus site (a quick run scales the minute down)
WINDOWS = 3  # measured windows
DRAINS = 2  # processes that drain
ENTRIES, OWN_ENTRIES = 10_000, 1000
MEDIAN, P95, OWN, SHARE = 1.0, 2.0, 5.0, 0.95


def measure(context: Context, place: Place) -> Iterator[Line]:
    scale = Scale.bulk(ENTRIES, enrollments_per_user=0, quiz_results_per_user=0, bundles=0, groups=0)
    with context.sandbox(scale) as sandbox:
        database = place.fresh()
        child(["manage.py", "sync", "users", "--json"], environment(database, sandbox))
        yield from _latency(place, database, sandbox)
        yield _own_work(place, database, sandbox)
        place.drop(database)
    limits = {"rate_limit": LIMIT, "rate_window": context.window, "concurrency": 10}
    with context.sandbox(scale, **limits) as sandbox:
        database = place.fresh()
        child(["manage.py", "sync", "users", "--json"], _limited(context, database, sandbox))
        yield _under_the_limit(context, place, database, sandbox)
        place.drop(database)


def _latency(place: Place, database: str, sandbox: SpawnedSandbox) -> Iterator[Line]:
    """Measure the time from the commit in one process until a worker in another has sent the change."""
    variables = environment(database, sandbox)
    worker = subprocess.Popen(
        [sys.executable, "manage.py", "worker"],
        cwd=ROOT,
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(6)  # until the worker is ready
        seconds = sorted(child(["-m", "benchmarks.inside.pushes", "edit", str(EDITS)], variables)["seconds"])
    finally:
        worker.terminate()
        worker.wait(30)
    median, p95 = statistics.median(seconds), seconds[int(len(seconds) * 0.95) - 1]
    for what, value, budget in (("median", median, MEDIAN), ("95th percentile", p95, P95)):
        yield Line(
            f"change to request, idle, {what}",
            place.name,
            f"{value:.2f} s",
            f"under {budget:g} s",
            value < budget,
            f"{len(seconds)} edits, one worker process group, polling included",
        )


def _own_work(place: Place, database: str, sandbox: SpawnedSandbox) -> Line:
    variables = environment(database, sandbox)
    child(["-m", "benchmarks.inside.pushes", "mark", str(OWN_ENTRIES)], variables)
    found = child(["-m", "benchmarks.inside.pushes", "own"], variables)
    per_entry = 1000 * found["cpu"] / OWN_ENTRIES
    return Line(
        "the drain's own work per entry",
        place.name,
        f"{per_entry:.1f} ms",
        f"under {OWN:g} ms",
        per_entry < OWN,
        f"{OWN_ENTRIES} renamed people, processor time without that of the requests, which took "
        f"{1000 * found['http'] / OWN_ENTRIES:.1f} ms",
    )


def _limited(context: Context, database: str, sandbox: SpawnedSandbox) -> dict[str, str]:
    limits = {"THINKIFIC_RATE_LIMIT": LIMIT, "THINKIFIC_RATE_WINDOW": context.window}
    return environment(database, sandbox, **limits)


def _under_the_limit(context: Context, place: Place, database: str, sandbox: SpawnedSandbox) -> Line:
    variables = _limited(context, database, sandbox)
    child(["-m", "benchmarks.inside.pushes", "mark", str(ENTRIES)], variables)
    sandbox.control("POST", "stats/reset")
    drains = [
        subprocess.Popen(
            [sys.executable, "manage.py", "drain", "--json"],
            cwd=ROOT,
            env=variables,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(DRAINS)
    ]
    try:
        while not sandbox.control("GET", "stats")["grants_by_window"]:
            time.sleep(0.05)
        begun = int(time.time() // context.window) + 1
        # Until the end of the last measured window.
        time.sleep((begun + WINDOWS) * context.window - time.time() + 0.1)
        stats = sandbox.control("GET", "stats")
        over = [drain.poll() for drain in drains if drain.poll() is not None]
    finally:
        for drain in drains:
            drain.kill()
            drain.wait()
    if over:
        raise RuntimeError(f"A drain ended with {over[0]} although {ENTRIES:,} entries were to be sent.")
    granted = [stats["grants_by_window"].get(str(begun + number), 0) for number in range(WINDOWS)]
    refused = stats["refused_rate"] + stats["refused_concurrency"]
    share = sum(granted) / (LIMIT * WINDOWS)
    each = stats["total"] / stats["by_endpoint"]["PUT /api/public/v1/users/{id}"]
    return Line(
        f"use of the request limit by {ENTRIES:,} pushes",
        place.name,
        f"{share:.1%}, {refused} refused",
        f"at least {SHARE:.0%}, none refused",
        share >= SHARE and refused == 0,
        f"requests in {WINDOWS} windows of {LIMIT} per {context.window:g} s by {DRAINS} processes: "
        f"{', '.join(map(str, granted))}; {each:.2f} requests an entry",
    )
