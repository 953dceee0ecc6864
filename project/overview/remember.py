"""Figures that are dear on a large site are kept for a while; cheap ones are always fresh."""

import time
from collections.abc import Callable
from typing import TypeVar

from django.core.cache import cache

T = TypeVar("T")

CHEAP = 0.1  # seconds
KEPT_TIMES = 600  # half a second of work is good for five minutes
LONGEST = 3600


def remember(key: str, compute: Callable[[], T]) -> T:
    """What `compute` answers, or answered a while ago if that took long. Keep people's scopes in the key."""
    kept: T | None = cache.get(f"overview:{key}")
    if kept is not None:
        return kept
    start = time.monotonic()
    value = compute()
    took = time.monotonic() - start
    if took > CHEAP:
        cache.set(f"overview:{key}", value, min(LONGEST, round(took * KEPT_TIMES)))
    return value
