"""Measures the REST API against a bare django-ninja site that does the same queries (benchmarks/bare/), each
served by one process of gunicorn with the configuration of production."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.frame import Line
from benchmarks.places import ROOT, Place, child, environment
from benchmarks.scale import Context
from tests.services import free_port

CONNECTIONS = 16
ROUNDS = 3
LEAST = 0.7  # of the bare site's requests
LEAST_WRITES = 0.5
MOST_SPREAD = 5.0  # 99th percentile to median
KEYSET_RATE = 600
TITLES = {
    "read": "one student by the API",
    "page": "a page of students by the API",
    "search": "a search of students by the API",
    "write": "POST students by the API",
}


def measure(context: Context, place: Place) -> Iterator[Line]:
    yield from _at(context, place, context.people, ("read", "page", "search", "write"))
    yield from _at(context, place, context.rows, ("keyset",))


def _at(context: Context, place: Place, rows: int, kinds: tuple[str, ...]) -> Iterator[Line]:
    database = place.fresh()
    variables = environment(
        database, API_CALLS_PER_MINUTE=0, ALLOWED_HOSTS="127.0.0.1", DATABASE_STATEMENT_TIMEOUT=0
    )
    made = child(["-m", "benchmarks.inside.api_rows", str(rows)], variables)
    place.vacuum(database)
    with _served("project.wsgi", variables) as ours, _served("benchmarks.bare.wsgi", variables) as bare:
        for kind in kinds:
            yield _line(kind, rows, place, _both(context, kind, made, ours, bare))
    place.drop(database)


def _both(context: Context, kind: str, made: dict[str, Any], ours: str, bare: str) -> tuple[Any, Any]:
    """Measure both in turn. Returns the best round of each, ours with the p99 of that round."""
    seconds = max(3.0, context.seconds / 4)
    rounds = [
        (_load(ours, kind, made, seconds), _load(bare, f"bare-{kind}", made, seconds)) for _ in range(ROUNDS)
    ]
    return max((one for one, _ in rounds), key=_rate), max((other for _, other in rounds), key=_rate)


def _rate(found: dict[str, Any]) -> float:
    return float(found["rate"])


def _load(url: str, kind: str, made: dict[str, Any], seconds: float) -> dict[str, Any]:
    arguments = [
        url,
        made["token"],
        str(seconds),
        str(CONNECTIONS),
        kind,
        str(made["first"]),
        str(made["last"]),
    ]
    found: dict[str, Any] = child(["-m", "benchmarks.load", *arguments], dict(os.environ))
    return found


def _line(kind: str, rows: int, place: Place, measured: tuple[Any, Any]) -> Line:
    ours, bare = measured
    share, spread = ours["rate"] / bare["rate"], ours["p99"] / ours["median"]
    detail = (
        f"{ours['rate']:.0f} against {bare['rate']:.0f} requests a second over {CONNECTIONS} connections; "
        f"{ours['median']:.1f} ms, 99 % within {ours['p99']:.1f} ms"
    )
    if kind == "keyset":
        reached = share >= LEAST and ours["rate"] >= KEYSET_RATE
        return Line(
            f"a keyset page of 100 of {rows:,} students",
            place.name,
            f"{share:.0%} of the bare rate, {ours['rate']:.0f} a second",
            f"at least {LEAST:.0%} and {KEYSET_RATE} a second",
            reached,
            detail,
        )
    least = LEAST_WRITES if kind == "write" else LEAST
    return Line(
        f"{TITLES[kind]}, {rows:,} people",
        place.name,
        f"{share:.0%} of the bare rate, p99 {spread:.1f} times the median",
        f"at least {least:.0%}, under {MOST_SPREAD:g} times",
        share >= least and spread < MOST_SPREAD,
        detail,
    )


@contextmanager
def _served(application: str, variables: dict[str, str]) -> Iterator[str]:
    """Serve an application by one process. Yields its address."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--config=python:project.serving.config"]
    process = subprocess.Popen(
        [*command, f"--bind=127.0.0.1:{port}", "--workers=1", application],
        cwd=ROOT,
        env=variables,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{url}/api/openapi.json", timeout=5)
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.1)
            else:
                break
        yield url
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
