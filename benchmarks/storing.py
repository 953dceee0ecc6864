"""Measures how fast a first load is stored, compared with `save()` for each row in one transaction without
history.

Both decode and map the same bytes of the same pages; only the storing differs.
inside/storing.py is what runs in a process of its own.
"""

from collections.abc import Iterator

from benchmarks.frame import Line, at_least
from benchmarks.places import Place, child, environment
from benchmarks.scale import Context

TIMES = {"PostgreSQL": 5, "SQLite": 4}
ROUNDS = 2


def measure(context: Context, place: Place) -> Iterator[Line]:
    seconds: dict[str, list[float]] = {"ours": [], "baseline": []}
    rows = 0
    with context.sandbox(context.small) as sandbox:
        for _ in range(ROUNDS):  # alternately, so that a busy moment affects both
            for variant, times in seconds.items():
                database = place.fresh()
                result = child(["-m", "benchmarks.inside.storing", variant], environment(database, sandbox))
                place.drop(database)
                times.append(result["seconds"])
                rows = result["rows"]
    yield at_least(
        f"storing a first load ({rows:,} rows)",
        place.name,
        ours=min(seconds["ours"]),
        baseline=min(seconds["baseline"]),
        times=TIMES[place.name],
        baseline_name="save() per row in one transaction, history off",
    )
