"""Measures seats: enrolling 10,000 people through one, and counting all seats again.

inside/seat_enrolling.py and inside/seat_counting.py run in processes of their own.
"""

from collections.abc import Iterator

from benchmarks.frame import Line
from benchmarks.places import Place, child, environment
from benchmarks.scale import Context

PEOPLE, SEATS = 10_000, 1_000
MOST_TIMES = 3.0


def measure(context: Context, place: Place) -> Iterator[Line]:
    people = min(PEOPLE, context.people)
    found = _child("seat_enrolling", place, people)
    yield _line(
        f"{people:,} people enrolled through a seat",
        place,
        found,
        f"with places, history and outbox against {found['bare'] * 1000:.0f} ms "
        "(bulk_create of the same rows of the three tables)",
    )
    enrollments = context.rows
    seats = min(SEATS, max(10, enrollments // 100))
    found = _child("seat_counting", place, seats, enrollments)
    yield _line(
        f"{seats:,} seats counted again over {enrollments:,} enrollments",
        place,
        found,
        f"locked, counted and written against {found['bare'] * 1000:.0f} ms (GROUP BY of the same join)",
    )


def _child(name: str, place: Place, *sizes: int) -> dict[str, float]:
    database = place.fresh()
    arguments = ["-m", f"benchmarks.inside.{name}", *map(str, sizes)]
    result: dict[str, float] = child(arguments, environment(database))
    place.drop(database)
    return result


def _line(what: str, place: Place, found: dict[str, float], detail: str) -> Line:
    times = found["ours"] / found["bare"]
    return Line(
        what,
        place.name,
        f"{times:.2f} times the time, {found['statements']} statements",
        f"under {MOST_TIMES:g} times",
        times < MOST_TIMES,
        f"{found['ours'] * 1000:.0f} ms {detail}",
    )
