"""Measures what a team manager sees of the own team with a million people in the database, compared with a
database that has this team alone.

inside/team_lists.py runs in a process of its own.
"""

from collections.abc import Iterator
from typing import Any

from benchmarks.frame import Line
from benchmarks.places import Place, child, environment
from benchmarks.scale import Context

MEMBERS = 200
MOST_QUERIES = 15
MORE_TIME = 1.3
PAGES = {
    "users": "a manager's list of users",
    "tab": "a team's tab Users",
    "sorted": "a team's tab Users, sorted by name",
}


def measure(context: Context, place: Place) -> Iterator[Line]:
    alone, many = (_measured(place, rows) for rows in (0, context.rows))
    for name, title in PAGES.items():
        times = many[name]["ms"] / alone[name]["ms"]
        queries = max(many[name]["queries"], alone[name]["queries"])
        yield Line(
            f"{title}, {context.rows:,} people",
            place.name,
            f"{times:.2f} times the time, {queries} queries",
            f"at most {MORE_TIME} times, at most {MOST_QUERIES} queries",
            times <= MORE_TIME and queries <= MOST_QUERIES,
            f"{many[name]['ms']:.0f} ms against {alone[name]['ms']:.0f} ms with the team alone",
        )


def _measured(place: Place, rows: int) -> dict[str, Any]:
    database = place.fresh()
    result = child(
        ["-m", "benchmarks.inside.team_lists", str(rows)], environment(database, DATABASE_STATEMENT_TIMEOUT=0)
    )
    place.drop(database)
    return result
