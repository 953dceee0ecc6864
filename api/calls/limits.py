"""How many calls a token may make in a minute.

Counted in the shared cache: exactly for all processes with Redis, and by each process for itself without.
"""

import time
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.http import HttpResponse

WINDOW = 60  # seconds


@dataclass(frozen=True)
class Limit:
    """What is left of a token's calls in this minute."""

    allowed: int
    used: int
    resets_in: int  # seconds

    @property
    def exceeded(self) -> bool:
        return self.used > self.allowed

    def write(self, response: HttpResponse) -> None:
        """Add the RateLimit headers, and Retry-After when no call is left."""
        response["RateLimit-Limit"] = str(self.allowed)
        response["RateLimit-Remaining"] = str(max(0, self.allowed - self.used))
        response["RateLimit-Reset"] = str(self.resets_in)
        if self.exceeded:
            response["Retry-After"] = str(self.resets_in)


def count(token: int) -> Limit | None:
    """Count one call of a token (primary key). None when calls are not limited."""
    allowed = settings.API_CALLS_PER_MINUTE
    if not allowed:
        return None
    now = int(time.time())
    key, left = f"api-calls:{token}:{now // WINDOW}", WINDOW - now % WINDOW
    if cache.add(key, 1, timeout=2 * WINDOW):
        return Limit(allowed, 1, left)
    try:
        return Limit(allowed, cache.incr(key), left)
    except ValueError:  # the cache is out of reach: nobody is refused for that
        return Limit(allowed, 1, left)
