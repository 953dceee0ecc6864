"""Figures that are dear on a large site are kept for a while; cheap ones are always fresh."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from django.core.cache import cache
from django.utils import timezone

from core.moments import is_older

T = TypeVar("T")

CHEAP = 0.1  # seconds
KEPT_TIMES = 600  # half a second of work is good for five minutes
LONGEST = 3600


class Kept(NamedTuple):
    value: Any
    at: datetime
    seconds: float


def remember(key: str, compute: Callable[[], T]) -> T:
    """What `compute` answers, or answered a while ago if that took long. Keep people's scopes in the key."""
    now = timezone.now()
    kept = cache.get(f"overview:{key}")
    # The cache's own clock may be one that was set back.
    if isinstance(kept, Kept) and not is_older(kept.at, now, than=timedelta(seconds=kept.seconds)):
        return kept.value
    start = time.monotonic()
    value = compute()
    took = time.monotonic() - start
    if took > CHEAP:
        seconds = min(LONGEST, round(took * KEPT_TIMES))
        cache.set(f"overview:{key}", Kept(value, now, seconds), seconds)
    return value
