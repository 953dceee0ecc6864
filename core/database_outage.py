"""Retrying database writes while the database is not reachable.

A push may have changed something in Thinkific just before the database fails. Only this process knows the
outcome then. If it is not stored, the outbox entry waits until its lease ends, and the next push must ask
Thinkific what happened.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from django.db import Error, connection

from core.databases import is_unavailable

log = structlog.get_logger(__name__)

T = TypeVar("T")

LONGEST_OUTAGE = 150.0  # seconds: longer than the lease of a claim; then another process takes the entry
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0


def retry_during_outage(write: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call `write` with the arguments and return its result; repeat it while the database is not reachable.

    Raises the last database error after 150 seconds. The write must be safe to repeat: it may have been
    committed although its answer was lost. Writes about a claim are safe, because their condition names the
    owner of the claim.
    """
    end, pause = time.monotonic() + LONGEST_OUTAGE, FIRST_PAUSE
    while True:
        try:
            return write(*args, **kwargs)
        except Error as error:
            if not may_recover(error) or time.monotonic() > end:
                raise
            log.warning("database unavailable, waiting", problem=f"{type(error).__name__}: {error}".strip())
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def may_recover(error: Error) -> bool:
    """Returns whether the same statement may work later.

    If so, the connection of this thread is closed, and the next query opens a new one.
    """
    if not is_unavailable(error) or connection.in_atomic_block:
        return False
    connection.close()
    return True
