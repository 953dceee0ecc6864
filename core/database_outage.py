"""The database is gone for a while: what this process knows is written down as soon as it is back.

A push may have told Thinkific something when the database goes. Its outcome is then known here and nowhere
else, and the entry would wait until its lease is over, to be looked up again.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from django.db import Error, connection

from core.databases import is_unavailable

log = structlog.get_logger(__name__)

T = TypeVar("T")

PATIENCE = 150.0  # seconds: longer than a claim lasts, after which others look what became of it
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0


def patiently(write: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Carry out a write, again and again while the database cannot. Raises its error when patience ends.

    The write may have been committed where only the answer was lost, so it must be one that does no harm
    twice: everything about a claim asks whose claim it is.
    """
    end, pause = time.monotonic() + PATIENCE, FIRST_PAUSE
    while True:
        try:
            return write(*args, **kwargs)
        except Error as error:
            if not leaves_hope(error) or time.monotonic() > end:
                raise
            log.warning("database unavailable, waiting", problem=f"{type(error).__name__}: {error}".strip())
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def leaves_hope(error: Error) -> bool:
    """Whether the same may work later. This thread's connection is then closed: the next query opens one."""
    if not is_unavailable(error) or connection.in_atomic_block:
        return False
    connection.close()
    return True
