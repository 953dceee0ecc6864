"""Counts the queries of pages read by a person, and by an administrator who acts as that person.

inside/impersonated.py runs in a process of its own.
"""

from collections.abc import Iterator

from benchmarks.frame import Line
from benchmarks.places import Place, child, environment
from benchmarks.scale import Context

MOST_MORE = 1


def measure(context: Context, place: Place) -> Iterator[Line]:
    database = place.fresh()
    result = child(["-m", "benchmarks.inside.impersonated"], environment(database))
    place.drop(database)
    pages = result["pages"]
    more = max(page["impersonated"] - page["alone"] for page in pages)
    yield Line(
        "the check of an impersonation",
        place.name,
        f"{more} more queries, {result['checks_alone']} without one",
        f"at most {MOST_MORE}, none without one",
        more <= MOST_MORE and result["checks_alone"] == 0,
        ", ".join(
            f"{page['address']}: {page['alone']} and {page['impersonated']}" for page in result["pages"]
        ),
    )
