"""`python -m benchmarks`, by `make bench`: measures the promised figures, each compared with a baseline of
the same run, on SQLite and PostgreSQL, and stores the table in benchmarks/RESULTS.md."""

import argparse
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks import (
    content,
    files,
    full_pull,
    impersonated,
    latency,
    lists,
    push,
    request_budget,
    rest_api,
    seats,
    storing,
    tagging,
    team_lists,
    webhooks,
)
from benchmarks.frame import RESULTS, Line, Report
from benchmarks.places import Place, scratch
from benchmarks.scale import Context
from tests.services import Missing, postgresql

FIGURES: dict[str, Callable[[Context, Place], Iterator[Line]]] = {
    "storing": storing.measure,
    "pull": full_pull.measure,
    "budget": request_budget.measure,
    "latency": latency.measure,
    "content": content.measure,
    "push": push.measure,
    "webhooks": webhooks.measure,
    "lists": lists.measure,
    "tagging": tagging.measure,
    "team": team_lists.measure,
    "impersonated": impersonated.measure,
    "seats": seats.measure,
    "api": rest_api.measure,
    "files": files.measure,
}
DATABASES = ("sqlite", "postgresql")


def main() -> int:
    options = _options()
    given = shlex.join(sys.argv[1:])
    command = f"make bench BENCH={shlex.quote(given)}" if given else "make bench"
    size = f"{options.people:,} people, {options.people * options.enrollments_per_user:,.0f} enrollments, "
    report = Report(command, f"{size}lists of {options.rows:,} rows")
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        context = Context(
            people=options.people,
            enrollments_per_user=options.enrollments_per_user,
            rows=options.rows,
            folder=folder,
            repeats=1 if options.quick else 2,
            seconds=10 if options.quick else 30,
            window=10 if options.quick else 60,
            windows=1 if options.quick else 3,
        )
        for place in _places(options.database, stack, folder, report):
            stack.callback(place.drop_all)
            for name, measure in FIGURES.items():
                if not options.only or name in options.only:
                    _run(name, measure, context, place, report)
    print("\n" + report.table())
    print(*report.notes, sep="\n")
    whole = not (options.only or options.quick)
    if options.keep or whole:
        report.keep(whole=whole and options.database == "both")
        print(f"Kept in {RESULTS.relative_to(Path.cwd())}.")
    return 0 if all(line.ok for line in report.lines) and report.lines else 1


def _run(
    name: str,
    measure: Callable[[Context, Place], Iterator[Line]],
    context: Context,
    place: Place,
    report: Report,
) -> None:
    print(f"\n=== {name} on {place.name}", flush=True)
    os.sync()  # so that this group does not wait for the writes of the one before
    started = time.monotonic()
    for line in measure(context, place):
        report.lines.append(line)
        print(f"{line.what}: {line.measured} ({line.budget}) {line.cells[4]}  {line.detail}", flush=True)
    print(f"{time.monotonic() - started:.0f} s", flush=True)


def _places(wanted: str, stack: ExitStack, folder: Path, report: Report) -> Iterator[Place]:
    if wanted in ("both", "postgresql"):
        try:
            server = os.environ.get("TEST_DATABASE_URL") or stack.enter_context(postgresql())
        except Missing as missing:
            report.notes.append(f"Not measured on PostgreSQL: {missing}.")
        else:
            yield Place("PostgreSQL", folder, server)
    if wanted in ("both", "sqlite"):
        yield Place("SQLite", folder)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--people", type=int, metavar="N", help="people of the site (default: 100,000)")
    add("--enrollments-per-user", type=float, default=5, metavar="N", help="on average (default: 5)")
    add("--rows", type=int, metavar="N", help="rows of the long lists (default: 1,000,000)")
    add("--only", nargs="+", choices=FIGURES, help="some groups of figures; keeps no results")
    add("--keep", action="store_true", help="keep the results all the same, beside the others")
    add("--database", choices=[*DATABASES, "both"], default="both")
    add("--quick", action="store_true", help="small, in two minutes; says little, keeps no results")
    options = parser.parse_args()
    options.people = options.people or (5_000 if options.quick else 100_000)
    options.rows = options.rows or (100_000 if options.quick else 1_000_000)
    return options


if __name__ == "__main__":
    sys.exit(main())
