"""The name of a process, by which it claims what it works on, whether it still lives, and its memory."""

import gc
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager


def this_process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def is_gone(process: str) -> bool:
    """Return whether a process (`host:pid`) of this machine is gone. False for other machines."""
    host, _, pid = process.rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    return not _lives(int(pid))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Returns whether the process has ended but its parent has not noticed: it still accepts signals then."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:  # noqa: PTH123 (not a file)
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False


@contextmanager
def fewer_garbage_collections() -> Iterator[None]:
    """Make Python's garbage collector run less often. A pull or an
    import makes millions of objects and no cycles, and the collector would take about a tenth of its time."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
