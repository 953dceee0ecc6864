"""Whether this process was told to stop: a worker by its supervisor, a command by Ctrl-C or SIGTERM.

Whoever works in steps or waits for Thinkific looks here, and leaves within a second or two.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

TELL_WORKER = signal.SIGUSR1  # SIGTERM ends a worker of the queue at once, whatever it is doing


class _Process:
    told = False  # a plain flag: a signal handler must take no lock


def requested() -> bool:
    return _Process.told


def listen(number: int) -> None:
    """Take this signal as the word to stop."""
    _Process.told = False  # of a parent, perhaps, before the fork
    signal.signal(number, _note)


@contextmanager
def by_signals() -> Iterator[None]:
    """Inside, Ctrl-C and SIGTERM ask the process to stop in good order; a second one ends it."""
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
