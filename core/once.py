"""Values that are read once in a request or a task: the settings.

Within `scope` a value is read when it is first asked for, and again after ten seconds, so that a long task
sees changes too. Each request and each task has a scope of its own, so a changed value counts for all
processes at once. Outside of a scope a value is read each time.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

LONGEST = 10.0  # seconds
Value = TypeVar("Value")

_values: ContextVar[dict[str, tuple[float, Any]] | None] = ContextVar("once", default=None)


@contextmanager
def scope() -> Iterator[None]:
    before = _values.set({})
    try:
        yield
    finally:
        _values.reset(before)


def read(name: str, how: Callable[[], Value]) -> Value:
    """Returns the value that the scope has under this name; reads it with `how` if it has none."""
    values = _values.get()
    if values is None:
        return how()
    known = values.get(name)
    if known is None or time.monotonic() - known[0] > LONGEST:
        known = values[name] = (time.monotonic(), how())
    value: Value = known[1]
    return value


def forget(name: str) -> None:
    """Let the scope read the value again, because it was changed."""
    if (values := _values.get()) is not None:
        values.pop(name, None)
