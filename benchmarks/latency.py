"""Measures how much of the request budget each kind of work uses at the latencies of Thinkific.

A site allows a number of requests a minute, and ten at a time. If each answer takes three seconds, ten at a
time are 3.3 a second. The smaller of the two limits is compared with the requests that the stand-in granted
in whole windows while there was work. When many requests are allowed, windows are half a minute long, at the
same rate. Latencies are real.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from benchmarks.frame import Line
from benchmarks.places import ROOT, Place, child, environment
from benchmarks.scale import Context
from integrations.thinkific.sandbox import Scale, SpawnedSandbox

AT_ONCE = 10
AT_LEAST = 0.95
PER_MINUTE = (120, 1000)
FEW = 500  # with fewer requests a minute, a window is a whole minute
LATENCIES = (0.3, 1.0, 3.0)
PAUSE = 8.0  # seconds until all processes are at work
EMPTY: dict[str, Any] = {
    "users": 50, "enrollments_per_user": 0, "quiz_results_per_user": 0, "orders_per_user": 0,
    "courses": 3, "builder_courses": 0, "bundles": 0, "groups": 0,
}  # fmt: skip


@dataclass(frozen=True)
class Work:
    """One kind of work. `scale` is a site on which it needs at least as many requests as are measured."""

    what: str
    kind: str
    rows: int
    scale: dict[str, Any]
    before: tuple[str, ...] = ()
    variables: dict[str, object] = field(default_factory=dict)


def works(requests: int) -> list[Work]:
    """Returns the kinds of work, each with at least this many requests."""
    return [
        Work("a list", "users", 5, {"users": 5 * requests}),
        Work("members of groups", "groups", 250, {"users": 500, "groups": requests}, ("users",)),
        Work(
            "holders of bundles",
            "enrollments",
            5,
            {
                "users": requests,
                "enrollments_per_user": 3,
                "courses": 20,
                "bundles": 60,
                "bundle_holders": 0.5,
            },
            ("products",),
        ),
        Work(
            "content of courses",
            "content",
            250,
            {"courses": requests // 4, "chapters_per_course": 4},
            ("products",),
            {"THINKIFIC_ACCESS_TOKEN": ""},
        ),
        Work("single objects", "products", 250, {"courses": 20, "bundles": requests}),
        Work("pushes", "push", 0, {"users": requests // 2 + 50}, ("users",)),
    ]


def measure(context: Context, place: Place) -> Iterator[Line]:
    cases = [(limit, latency) for limit in PER_MINUTE for latency in LATENCIES]
    if context.window < 60:  # a quick run
        cases = [(120, 0.3), (1000, 1.0), (1000, 3.0)]
    for limit, latency in cases:
        yield from _measure(context, place, limit, latency)


def _measure(context: Context, place: Place, per_minute: int, latency: float) -> Iterator[Line]:
    window = _window(context, per_minute)
    limit = round(per_minute * window / 60)
    possible = min(limit, AT_ONCE * window / latency)
    whole = context.windows
    asked = round(possible * (whole + 2) + possible * PAUSE / window) + 200
    with ExitStack() as stack:
        running = []
        for work in works(asked):
            sandbox = stack.enter_context(context.sandbox(Scale(**(EMPTY | work.scale))))
            database = place.fresh()
            stack.callback(place.drop, database)
            if work.before:
                child(["manage.py", "sync", *work.before, "--json"], environment(database, sandbox))
            running.append((work, sandbox, database))
        limits = {"rate_limit": limit, "rate_window": window, "concurrency": AT_ONCE, "latency": latency}
        for work, sandbox, database in running:
            sandbox.control("PATCH", "options", limits)
            settings = {"THINKIFIC_RATE_LIMIT": limit, "THINKIFIC_RATE_WINDOW": window}
            settings |= {"THINKIFIC_CONCURRENCY": AT_ONCE}
            variables = environment(database, sandbox, **(settings | work.variables))
            if work.kind == "push":
                child(["-m", "benchmarks.inside.pushes", "mark", str(asked // 2)], variables)
            stack.enter_context(_Process(work, variables))
        time.sleep(PAUSE)
        begun = int(time.time() // window) + 1
        time.sleep((begun + whole) * window - time.time() + 0.2)
        for work, sandbox, _ in running:
            yield _line(place, work, sandbox, per_minute, latency, possible, range(begun, begun + whole))


def _window(context: Context, per_minute: int) -> float:
    """Returns the length of a window in seconds. Ten requests at a time may fall into one window or the next,
    which would be a sixth of 60 requests in half a minute."""
    return max(15.0, context.window / (1 if per_minute < FEW else 2))


def _line(
    place: Place,
    work: Work,
    sandbox: SpawnedSandbox,
    per_minute: int,
    latency: float,
    possible: float,
    windows: range,
) -> Line:
    stats = sandbox.control("GET", "stats")
    granted = [stats["grants_by_window"].get(str(number), 0) for number in windows]
    share = sum(granted) / (possible * len(granted))
    refused = stats["refused_rate"] + stats["refused_concurrency"]
    return Line(
        f"{work.what}: use of {per_minute:,} requests a minute at {latency:g} s",
        place.name,
        f"{share:.1%}, {refused} refused",
        f"at least {AT_LEAST:.0%}, none refused",
        share >= AT_LEAST and refused == 0,
        f"{', '.join(map(str, granted))} requests in windows that allow {possible:.0f}",
    )


class _Process:
    """A process that does the work until the block ends."""

    def __init__(self, work: Work, variables: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.inside.pulls", work.kind, str(work.rows)],
            cwd=ROOT,
            env=variables,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        over = self.process.poll()
        self.process.kill()
        _, said = self.process.communicate()
        if over is not None and error[0] is None:
            raise RuntimeError(f"The work ended before the measurement did:\n{said[-2000:]}")
