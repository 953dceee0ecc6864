"""Caches figures of the first page that are slow to compute; fast ones are computed each time."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from django.core.cache import cache
from django.utils import timezone

from core.moments import is_older

T = TypeVar("T")

CHEAP = 0.1  # seconds
KEPT_TIMES = 600  # half a second of work is cached for five minutes
LONGEST = 3600


class Kept(NamedTuple):
    value: Any
    at: datetime
    seconds: float


def remember(key: str, compute: Callable[[], T]) -> T:
    """Returns the result of `compute`, from the cache if computing it took long. The key must contain whose
    data it is, as all users share the cache."""
    now = timezone.now()
    kept = cache.get(f"overview:{key}")
    # The age is checked here too: the clock of the cache may have been set back.
    if isinstance(kept, Kept) and not is_older(kept.at, now, than=timedelta(seconds=kept.seconds)):
        return kept.value
    start = time.monotonic()
    value = compute()
    took = time.monotonic() - start
    if took > CHEAP:
        seconds = min(LONGEST, round(took * KEPT_TIMES))
        cache.set(f"overview:{key}", Kept(value, now, seconds), seconds)
    return value
