"""`python -m benchmarks.inside.storing ours|baseline`: stores the people and enrollments of a site in an
empty database, for benchmarks/storing.py."""

import json
import sys
import time
from collections.abc import Callable

from django.conf import settings

from benchmarks.inside import loading

PAGES_AT_ONCE = 8  # pages in one batch, as in runs/fetch.py


def run(variant: str) -> None:
    settings.SIMPLE_HISTORY_ENABLED = False
    users, enrollments = loading.pages("/users"), loading.pages("/enrollments")
    store: Callable[..., int] = loading.save_each if variant == "baseline" else loading.mirror
    loading.mirror_catalog()
    started = time.perf_counter()
    rows = store(users, enrollments, PAGES_AT_ONCE)
    print(json.dumps({"seconds": time.perf_counter() - started, "rows": rows}))


if __name__ == "__main__":
    run(sys.argv[1])
