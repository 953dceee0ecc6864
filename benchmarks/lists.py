"""The lists of people and enrollments at a million rows, beside the same pages at ten thousand.

`python -m benchmarks.lists ROWS` is what runs in a process of its own, on an empty database: it fills it,
signs in with Django's test client and asks for the pages of the admin.
"""

import json
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.frame import Line
from benchmarks.places import Place, child, environment
from benchmarks.scale import Context

FEW = 10_000
MOST_QUERIES = 15
MORE_TIME = 1.5
SEARCH_TIME = 2.0
ASKED = 25
PAGES = {
    "users": ("list of users", "admin:core_user_changelist", ""),
    "enrollments": ("list of enrollments", "admin:core_enrollment_changelist", ""),
    "search": ("search by part of an e-mail", "admin:core_user_changelist", "?q=elena.klein4"),
}


def measure(context: Context, place: Place) -> Iterator[Line]:
    few, many = (_measured(place, rows) for rows in (FEW, context.rows))
    for name in ("users", "enrollments"):
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
    result = child(["-m", "benchmarks.lists", str(rows)], environment(database, DATABASE_STATEMENT_TIMEOUT=0))
    place.drop(database)
    return result


def run(rows: int) -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.test import Client
    from django.urls import reverse

    from benchmarks.filling import fill
    from core.models import User

    # The manifest of static files belongs to a deployment.
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    root = User.objects.create_superuser("root@example.com")
    fill(rows)
    client = Client()
    client.force_login(root)
    found = {name: _ask(client, reverse(view) + query) for name, (_, view, query) in PAGES.items()}
    print(json.dumps(found))


def _ask(client: Any, address: str) -> dict[str, float]:
    from django.db import connection

    for _ in range(3):  # templates compiled, pages of the database in memory
        answer = client.get(address)
        assert answer.status_code == 200, (address, answer.status_code)
    statements: list[str] = []

    def count(execute: Any, sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(count):
        client.get(address)
    times = []
    for _ in range(ASKED):
        started = time.perf_counter()
        client.get(address)
        times.append(time.perf_counter() - started)
    return {"ms": statistics.median(times) * 1000, "queries": len(statements)}


if __name__ == "__main__":
    run(int(sys.argv[1]))
