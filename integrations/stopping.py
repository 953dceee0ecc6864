"""Whether this process was told to stop: a worker by its supervisor, a command by Ctrl-C or SIGTERM.

Code that works in steps or waits for Thinkific asks `requested()`, and returns within a second or two.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

TELL_WORKER = signal.SIGUSR1  # not SIGTERM: that ends a worker of the queue at once, in the middle of a task


class _Process:
    told = False  # a plain flag, because a signal handler must not take a lock


def requested() -> bool:
    return _Process.told


def listen(number: int) -> None:
    """Treat this signal as the request to stop."""
    _Process.told = False  # it may be set from the parent process, before the fork
    signal.signal(number, _note)


@contextmanager
def by_signals() -> Iterator[None]:
    """While the block runs, Ctrl-C or SIGTERM sets `requested()`; a second one raises KeyboardInterrupt.

    Does nothing outside of the main thread, which alone may handle signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _note_first) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _Process.told = False


def _note(number: int, frame: FrameType | None) -> None:
    _Process.told = True


def _note_first(number: int, frame: FrameType | None) -> None:
    if _Process.told:
        raise KeyboardInterrupt
    _Process.told = True
