"""The shared cache: Redis. The dashboard works without it.

Every failure of Redis (unreachable, no answer, read-only, full, wrong password) counts as a cache miss.
django-redis can ignore errors too, but tries again at every call, so every page would wait for the time-out.
This class around Django's own backend needs no other package.
"""

import pickle
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import structlog
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache as DjangosRedisCache
from redis.exceptions import RedisError, ResponseError

log = structlog.get_logger(__name__)

T = TypeVar("T")

TIMEOUT = 0.5  # seconds to connect, and to wait for an answer
PAUSE = 10.0  # seconds without requests after a failure
LOG_EVERY = 300.0  # seconds between two log lines while the failure lasts
# Errors for a value that another version of the code stored, with classes that this version does not have.
UNREADABLE = (
    pickle.UnpicklingError,
    AttributeError,
    ImportError,
    EOFError,
    IndexError,
    TypeError,
    ValueError,
)


class FailureState:
    """Remembers whether reading from a server, or writing to it, fails. Shared by all threads of this
    process, as each thread has its own cache object."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._lock = threading.Lock()
        self._retry_at = 0.0
        self._logged_at: float | None = None

    def may_request(self) -> bool:
        """Whether to send a request: always while the server works. After a failure only one thread may, once
        after each pause."""
        if not self._retry_at:
            return True
        with self._lock:
            if time.monotonic() < self._retry_at:
                return False
            self._retry_at = time.monotonic() + PAUSE
            return True

    def failed(self, error: Exception) -> None:
        with self._lock:
            now = time.monotonic()
            self._retry_at = now + PAUSE
            if self._logged_at is not None and now - self._logged_at < LOG_EVERY:
                return
            self._logged_at = now
        log.warning("cache fails", at=self.what, problem=f"{type(error).__name__}: {error}")

    def succeeded(self) -> None:
        if self._retry_at:
            with self._lock:
                self._retry_at, self._logged_at = 0.0, None
            log.info("cache works again", at=self.what)


_failure_states: dict[str, tuple[FailureState, FailureState]] = {}


class RedisCache(DjangosRedisCache):
    """Django's Redis cache; every failure counts as a miss. `add` then returns False, and `incr` raises
    ValueError as for a key that does not exist."""

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        limits = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}
        super().__init__(server, {**params, "OPTIONS": {**limits, **params.get("OPTIONS", {})}})
        self._reading, self._writing = _failure_states.setdefault(
            str(server), (FailureState("reading"), FailureState("writing"))
        )

    def _try(self, state: FailureState, ask: Callable[[], T], missing: T) -> T:
        if not state.may_request():
            return missing
        try:
            answer = ask()
        except (RedisError, OSError) as error:
            state.failed(error)
            if not isinstance(error, ResponseError):  # no answer, so reading and writing both fail
                (self._writing if state is self._reading else self._reading).failed(error)
            return missing
        state.succeeded()
        return answer

    def _read(self, ask: Callable[[], T], missing: T) -> T:
        try:
            return self._try(self._reading, ask, missing)
        except UNREADABLE:
            log.warning("cache holds what cannot be read", exc_info=True)
            return missing

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        parent: Any = super()
        return self._read(lambda: parent.get(key, default, version), default)

    def get_many(self, keys: Iterable[str], version: int | None = None) -> dict[str, Any]:
        parent: Any = super()
        keys = list(keys)
        return self._read(lambda: parent.get_many(keys, version), {})

    def has_key(self, key: str, version: int | None = None) -> bool:
        parent: Any = super()
        return self._read(lambda: parent.has_key(key, version), False)

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        parent: Any = super()
        return self._try(self._writing, lambda: parent.add(key, value, timeout, version), False)

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        parent: Any = super()
        self._try(self._writing, lambda: parent.set(key, value, timeout, version), None)

    def set_many(
        self, data: Mapping[str, Any], timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> list[str]:
        """Returns the keys that were not stored."""
        parent: Any = super()
        return self._try(self._writing, lambda: parent.set_many(data, timeout, version), list(data))

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        parent: Any = super()
        return self._try(self._writing, lambda: parent.touch(key, timeout, version), False)

    def delete(self, key: str, version: int | None = None) -> bool:
        parent: Any = super()
        return self._try(self._writing, lambda: parent.delete(key, version), False)

    def delete_many(self, keys: Iterable[str], version: int | None = None) -> None:
        parent: Any = super()
        keys = list(keys)
        self._try(self._writing, lambda: parent.delete_many(keys, version), None)

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        parent: Any = super()
        count = self._try(self._writing, lambda: parent.incr(key, delta, version), None)
        if count is None:
            raise ValueError(f"Key '{key}' not found.")
        return count

    def clear(self) -> Any:
        parent: Any = super()
        return self._try(self._writing, parent.clear, False)
