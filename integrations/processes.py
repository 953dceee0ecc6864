"""Which process carries a run out, and whether it still lives."""

import os
import socket

from django.utils import timezone

from core.moments import is_older
from integrations.models import STALE_AFTER, SyncRun


def this_process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def is_dead(run: SyncRun) -> bool:
    """Whether a running run has lost its process: known at once on this machine, elsewhere by its silence."""
    if is_older(run.heartbeat_at, timezone.now(), than=STALE_AFTER):
        return True
    return is_silent(run.worker)


def is_silent(process: str) -> bool:
    """Whether a process (`host:pid`) is known to be gone; False for one of another machine."""
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
    """A killed child that its parent has not buried yet still answers to signals."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:  # noqa: PTH123 (not a file)
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False
