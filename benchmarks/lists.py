"""Measures the lists of people and enrollments with a million rows, compared with ten thousand.

inside/lists.py runs in a process of its own.
"""

from collections.abc import Iterator
from typing import Any

from benchmarks.frame import Line
from benchmarks.places import Place, child, environment
from benchmarks.scale import Context

FEW = 10_000
MOST_QUERIES = 15
MORE_TIME = 1.5
SEARCH_TIME = 2.0
PAGES = {
    "users": ("list of users", "admin:core_user_changelist", ""),
    "enrollments": ("list of enrollments", "admin:core_enrollment_changelist", ""),
    "students": ("list of enrollments by student", "admin:core_enrollment_changelist", "?o=0"),
    "search": ("search by part of an e-mail", "admin:core_user_changelist", "?q=elena.klein4"),
}


def measure(context: Context, place: Place) -> Iterator[Line]:
    few, many = (_measured(place, rows) for rows in (FEW, context.rows))
    for name in ("users", "enrollments", "students"):
        times = many[name]["ms"] / few[name]["ms"]
        queries = max(many[name]["queries"], few[name]["queries"])
        yield Line(
            f"{PAGES[name][0]}, {context.rows:,} rows",
            place.name,
            f"{times:.2f} times the time, {queries} queries",
            f"under {MORE_TIME} times, at most {MOST_QUERIES} queries",
            times < MORE_TIME and queries <= MOST_QUERIES,
            f"{many[name]['ms']:.0f} ms against {few[name]['ms']:.0f} ms at {FEW:,} rows",
        )
    if place.is_postgresql:
        times = many["search"]["ms"] / many["users"]["ms"]
        yield Line(
            f"{PAGES['search'][0]}, {context.rows:,} rows",
            place.name,
            f"{times:.2f} times the time",
            f"under {SEARCH_TIME:g} times",
            times < SEARCH_TIME,
            f"{many['search']['ms']:.0f} ms against {many['users']['ms']:.0f} ms without a search",
        )


def _measured(place: Place, rows: int) -> dict[str, Any]:
    database = place.fresh()
    result = child(
        ["-m", "benchmarks.inside.lists", str(rows)], environment(database, DATABASE_STATEMENT_TIMEOUT=0)
    )
    place.drop(database)
    return result
