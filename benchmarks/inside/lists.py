"""`python -m benchmarks.inside.lists ROWS`: fills an empty database, signs in with Django's test client and
requests the pages of the admin that benchmarks/lists.py names."""

import json
import statistics
import sys
import time
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse

from benchmarks.inside.filling import fill
from benchmarks.lists import PAGES
from core.models import User

ASKED = 25


def run(rows: int) -> None:
    # There is no manifest of static files without a deployment.
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    root = User.objects.create_superuser("root@example.com")
    fill(rows)
    client = Client()
    client.force_login(root)
    found = {name: ask(client, reverse(view) + query) for name, (_, view, query) in PAGES.items()}
    print(json.dumps(found))


def ask(client: Any, address: str) -> dict[str, float]:
    """Returns the median time of a page, and its number of queries."""
    for _ in range(3):  # compiles the templates and loads pages of the database into memory
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
