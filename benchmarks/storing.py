"""How fast a first load is stored, against `save()` per row in one transaction with history off.

Both begin with the same bytes of the same pages and decode and map them; only the storing differs.
`python -m benchmarks.storing ours|baseline` is what runs in a process of its own, on an empty database.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator

from benchmarks.frame import Line, at_least
from benchmarks.places import Place, child, environment
from benchmarks.scale import Context

TIMES = {"PostgreSQL": 5, "SQLite": 4}
PAGES_AT_ONCE = 8  # as sync/fetch.py batches them
ROUNDS = 2


def measure(context: Context, place: Place) -> Iterator[Line]:
    seconds: dict[str, list[float]] = {"ours": [], "baseline": []}
    rows = 0
    with context.sandbox(context.small) as sandbox:
        for _ in range(ROUNDS):  # in turn, so that a busy moment meets both
            for variant, times in seconds.items():
                database = place.fresh()
                result = child(["-m", "benchmarks.storing", variant], environment(database, sandbox))
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


def run(variant: str) -> None:
    import django

    django.setup()
    from django.conf import settings

    from benchmarks import loading

    settings.SIMPLE_HISTORY_ENABLED = False
    users, enrollments = loading.pages("/users"), loading.pages("/enrollments")
    store: Callable[..., None] = loading.save_each if variant == "baseline" else loading.mirror
    loading.mirror_catalog()
    started = time.perf_counter()
    rows = store(users, enrollments, PAGES_AT_ONCE)
    print(json.dumps({"seconds": time.perf_counter() - started, "rows": rows}))


if __name__ == "__main__":
    run(sys.argv[1])
