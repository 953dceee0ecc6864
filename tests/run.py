"""Runs all checks and tests that must pass before a change is merged: `python -m tests.run`, by `make test`.

Name steps to run only those: lint, sqlite, postgresql, browser, and slow (by `make test-slow`). Slow tests
kill processes, wait for clocks and slow sockets, start whole servers or open all screens in a browser; on
PostgreSQL, tests that hardly depend on the database are among them. Steps that the machine cannot run are
skipped and listed with the reason at the end; with CI=true or NOTHING_SKIPPED=1 a skip is a failure.
"""

import argparse
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from tests import migrated
from tests.services import Missing, find_chromium, has_postgresql, postgresql, redis

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "test-results"
PYTHON = sys.executable
# Two more than there are processors, because many tests wait for the stand-in or for a worker.
WORKERS = os.environ.get("TEST_WORKERS", str(max(2, min(os.cpu_count() or 2, 8)) + 2))

# The environment of a production machine, so that these checks find insecure defaults.
PRODUCTION = {
    "READ_DOT_ENV": "0",
    "DEBUG": "0",
    "SECRET_KEY": secrets.token_urlsafe(64),
    "ALLOWED_HOSTS": "dashboard.example.com",
    "DATABASE_URL": "sqlite://:memory:",
}
DEVELOPMENT = {"READ_DOT_ENV": "0", "DEBUG": "1", "DATABASE_URL": "sqlite://:memory:"}
BANDIT = ["--configfile=pyproject.toml", "api", "core", "fixtures", "integrations", "project", "manage.py"]
CHECKS: list[tuple[str, list[str], dict[str, str]]] = [
    ("ruff check", ["-m", "ruff", "check", "."], {}),
    ("ruff format", ["-m", "ruff", "format", "--check", "."], {}),
    ("bandit", ["-m", "bandit", "--quiet", "--recursive", "--severity-level=medium", *BANDIT], {}),
    ("mypy", ["-m", "mypy"], DEVELOPMENT),
    ("missing migrations", ["manage.py", "makemigrations", "--check", "--dry-run"], DEVELOPMENT),
    ("check --deploy", ["manage.py", "check", "--deploy", "--fail-level", "WARNING"], PRODUCTION),
]
SUITES = {
    "sqlite": "tests on SQLite",
    "postgresql": "tests on PostgreSQL",
    "browser": "tests in a browser",
    "slow-sqlite": "slow, on SQLite",
    "slow-postgresql": "slow, on PostgreSQL",
    "slow-browser": "slow, in a browser",
}
WHICH = {
    "sqlite": "not browser and not slow",
    "postgresql": "not browser and not slow and not once and not later",
    "browser": "browser and not slow",
    "slow-sqlite": "slow and not browser",  # and `either`, where there is no PostgreSQL
    "slow-postgresql": "(slow or later and not repeated) and not browser and not once",
    "slow-browser": "browser and slow",
}
USUAL, SLOW = ("lint", "sqlite", "postgresql", "browser"), ("slow-sqlite", "slow-postgresql", "slow-browser")


@dataclass
class Outcome:
    """The results so far."""

    lines: list[str] = field(default_factory=list)  # one for each step
    failures: int = 0
    passed: int = 0
    # Tests that only one database can run are skipped on the other. Those that never ran count as skipped.
    ran: set[str] = field(default_factory=set)
    skipped: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, *, ok: bool, seconds: float, detail: str = "") -> None:
        line = f"  {name:<22}{'ok' if ok else 'FAILED':<8}{seconds:6.1f} s  {detail}"
        self.lines.append(line.rstrip())

    def not_run(self, name: str, reason: str) -> None:
        self.lines.append(f"  {name:<22}skipped")
        self.skipped[name] = reason


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.run", description=__doc__)
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"{', '.join(USUAL)} or slow")
    steps = parser.parse_args().steps or list(USUAL)
    if "slow" in steps:
        steps = [*(step for step in steps if step != "slow"), *SLOW]
    if unknown := set(steps) - {"lint", *SUITES}:
        parser.error(f"there is no step called {', '.join(sorted(unknown))}")
    RESULTS.mkdir(exist_ok=True)
    started, outcome = time.monotonic(), Outcome()
    suites = [suite for suite in SUITES if suite in steps]
    with ThreadPoolExecutor(1) as beside:  # the checks leave a processor free
        if suites and "lint" in steps:
            beside.submit(compile_tests)
        if any(not suite.endswith("postgresql") for suite in suites):
            beside.submit(migrated.sqlite_file)
        if any(suite.endswith("postgresql") for suite in suites):
            beside.submit(migrated.postgresql_dump)
        if "lint" in steps:
            check(outcome)
        for suite in suites:
            test(outcome, suite)
    return close(outcome, seconds=time.monotonic() - started)


def compile_tests() -> None:
    """Otherwise each process of the first suite compiles all modules of tests, which takes ten seconds."""
    collect = [PYTHON, "-m", "pytest", "--collect-only", "-qq"]
    subprocess.run(collect, cwd=ROOT, env=_environment(), stdout=subprocess.DEVNULL)


def _environment() -> dict[str, str]:
    """Returns our environment for a process that keeps the modules that it compiles."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def check(outcome: Outcome) -> None:
    for name, arguments, variables in CHECKS:
        print(f"\n=== {name}", flush=True)
        started = time.monotonic()
        ok = subprocess.run([PYTHON, *arguments], cwd=ROOT, env={**os.environ, **variables}).returncode == 0
        outcome.failures += not ok
        outcome.add(name, ok=ok, seconds=time.monotonic() - started)


def test(outcome: Outcome, suite: str) -> None:
    """Run one suite with the services it needs; skip it when they are missing."""
    print(f"\n=== {SUITES[suite]}", flush=True)
    variables = _environment()
    with ExitStack() as services:
        try:
            if suite.endswith("postgresql"):
                migrated.postgresql_dump()
                variables["TEST_DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL") or (
                    services.enter_context(postgresql())
                )
                variables["TEST_REDIS_URL"] = _redis(outcome, services)
            else:
                variables.pop("TEST_DATABASE_URL", None)
                variables.pop("TEST_REDIS_URL", None)
            if suite.endswith("browser"):
                find_chromium()
        except Missing as missing:
            outcome.not_run(SUITES[suite], str(missing))
            return
        _pytest(outcome, suite, variables)


def _redis(outcome: Outcome, services: ExitStack) -> str:
    """Returns the address of a Redis, or "" if there is none. Large sites use PostgreSQL with Redis as the
    shared cache, so the two are tested together."""
    if given := os.environ.get("TEST_REDIS_URL"):
        return given
    try:
        return services.enter_context(redis())
    except Missing as missing:
        outcome.not_run("with a shared cache", str(missing))
        return ""


def _pytest(outcome: Outcome, suite: str, variables: dict[str, str]) -> None:
    report = RESULTS / f"{suite}.xml"
    report.unlink(missing_ok=True)
    which = WHICH[suite]
    if suite == "slow-sqlite" and has_postgresql():
        which += " and not either"
    folder = "tests/browser" if suite.endswith("browser") else "tests"
    arguments = [
        folder,
        "-m",
        which,
        "-n",
        WORKERS,
        "--dist=worksteal",
        "--durations=5",
        f"--junit-xml={report}",
    ]
    started = time.monotonic()
    done = subprocess.run([PYTHON, "-m", "pytest", "-q", *arguments], cwd=ROOT, env=variables)
    seconds = time.monotonic() - started
    passed, failed = 0, 0
    for name, verdict, reason in _verdicts(report):
        passed += verdict == "passed"
        failed += verdict == "failed"
        if verdict == "skipped":
            outcome.skipped.setdefault(name, reason)
        else:
            outcome.ran.add(name)
    if done.returncode and not failed:
        failed = 1  # pytest failed before it had results
    outcome.passed += passed
    outcome.failures += failed
    outcome.add(SUITES[suite], ok=not failed, seconds=seconds, detail=f"{passed} passed, {failed} failed")


def _verdicts(report: Path) -> Iterator[tuple[str, str, str]]:
    """Yields name, verdict and reason of every test in the report of pytest."""
    if not report.exists():
        return
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            yield name, "failed", ""
        elif skipped is not None and skipped.get("type") != "pytest.xfail":
            yield name, "skipped", skipped.get("message", "")
        else:
            yield name, "passed", ""


def close(outcome: Outcome, *, seconds: float) -> int:
    skipped = {name: reason for name, reason in outcome.skipped.items() if name not in outcome.ran}
    strict = os.environ.get("CI") == "true" or os.environ.get("NOTHING_SKIPPED") == "1"
    print("\n" + "=" * 78)
    print("\n".join(outcome.lines))
    print(f"  {'together':<30}{seconds:6.1f} s\n")
    for name, reason in skipped.items():
        print(f"Skipped {name}: {reason}")
    if skipped and strict:
        print("Nothing may be skipped here (CI=true or NOTHING_SKIPPED=1): that is a failure.")
    ok = not outcome.failures and not (skipped and strict)
    print("Everything that ran is in order." if ok else "NOT in order: see above.")
    print(f"{outcome.passed} passed, {outcome.failures} failed, {len(skipped)} skipped", flush=True)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
