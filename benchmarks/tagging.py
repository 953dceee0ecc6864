"""Measures how long it takes to add a tag to 10,000 people, compared with the bare bulk insert of its rows.

inside/tagging.py runs in a process of its own.
"""

from collections.abc import Iterator

from benchmarks.frame import Line
from benchmarks.places import Place, child, environment
from benchmarks.scale import Context

PEOPLE = 10_000
MOST_TIMES = 3.0


def measure(context: Context, place: Place) -> Iterator[Line]:
    database = place.fresh()
    people = min(PEOPLE, context.people)
    result = child(["-m", "benchmarks.inside.tagging", str(people)], environment(database))
    place.drop(database)
    times = result["ours"] / result["bare"]
    yield Line(
        f"a tag for {people:,} people",
        place.name,
        f"{times:.2f} times the time, {result['statements']} statements",
        f"under {MOST_TIMES:g} times",
        times < MOST_TIMES,
        f"{result['ours'] * 1000:.0f} ms with history against {result['bare'] * 1000:.0f} ms "
        "(bulk_create of the same rows, without history)",
    )
