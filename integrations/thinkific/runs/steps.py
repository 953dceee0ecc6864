"""A step of a run: what it stores, what it counts and where it leaves the cursor stand or fall together."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from integrations.models import COUNTS, SyncRun

STORED = ("requests", *COUNTS)  # of the counts, what a step may change
KEPT = (*STORED, "pages_done", "pages_total", "guarded", "seen")


@contextmanager
def in_transaction(*, patience: str = "") -> Iterator[None]:
    """A transaction of the thread that asks for it, which waits at most so long for a lock."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            # Nobody is told of this commit. Should the server crash before it is on the disk, the run's
            # cursor is as old as its rows, and the page is pulled again.
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL synchronous_commit = off")
                if patience:
                    cursor.execute("SET LOCAL lock_timeout = %s", [patience])
        yield


def snapshot(run: SyncRun) -> dict[str, Any]:
    """What a step may change of its run, as it is now."""
    values = {name: getattr(run, name) for name in KEPT}
    return values | {"cursor": copy.deepcopy(run.cursor), "errors": list(run.errors)}


def take_back(run: SyncRun, before: dict[str, Any]) -> None:
    """Make the run what it was at a `snapshot`, which may be used again."""
    _put_back(run.cursor, copy.deepcopy(before["cursor"]))
    run.errors = list(before["errors"])
    for name in KEPT:
        setattr(run, name, before[name])


def _put_back(current: dict[str, Any], before: dict[str, Any]) -> None:
    """Make a dict what it was, keeping the inner dicts that others hold on to."""
    for key in set(current) - set(before):
        del current[key]
    for key, value in before.items():
        if isinstance(value, dict) and isinstance(current.get(key), dict):
            _put_back(current[key], value)
        else:
            current[key] = value
