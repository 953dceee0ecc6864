"""Worker processes that drain the outbox, forked from this process, and killed at random."""

import os
import random
import signal
import sys
import time

from django.db import connections

from core.models import OutboxEntry, User
from core.processes import this_process
from integrations.models import SyncConflict
from integrations.thinkific import identities, tasks

Status = OutboxEntry.Status


def _link_owner() -> bool:
    """Link the owner with the Thinkific account that was created when its answer was lost, as an
    administrator would: an account with rights is not linked by its address. Returns whether there was a
    conflict."""
    opened = SyncConflict.objects.filter(kind=SyncConflict.Kind.LINK, settled_at=None)
    for conflict in opened:
        identities.link(conflict, by=User.objects.get(pk=conflict.object_id))
    return bool(opened)


class Herd:
    """Worker processes. Each drains whenever an entry is due."""

    def __init__(self, size: int) -> None:
        self.pids = [self._fork() for _ in range(size)]
        self.in_the_middle = 0  # kills of a worker that had claimed something

    def kill_one(self, dice: random.Random) -> None:
        host = this_process().rpartition(":")[0]
        names = OutboxEntry.objects.filter(status=Status.IN_FLIGHT).values_list("claimed_by", flat=True)
        busy = {int(name.partition("#")[0].rpartition(":")[2]) for name in names if name.startswith(host)}
        # Prefer workers that are at work, because killing an idle one tests little.
        candidates = sorted(busy & set(self.pids)) or self.pids
        pid = dice.choice(candidates)
        self.in_the_middle += pid in busy
        self._kill(pid)
        self.pids[self.pids.index(pid)] = self._fork()

    def wait_until_sent(self, seconds: float) -> float:
        """Wait until no entry waits any more, at most `seconds`. Returns how long it took."""
        started = time.monotonic()
        waiting = OutboxEntry.objects.filter(status__in=[Status.PENDING, Status.IN_FLIGHT])
        while (_link_owner() or waiting.exists()) and time.monotonic() - started < seconds:
            time.sleep(0.2)
        return time.monotonic() - started

    def stop(self) -> None:
        for pid in self.pids:
            self._kill(pid)

    @staticmethod
    def _kill(pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    @staticmethod
    def _fork() -> int:
        connections.close_all()  # a connection must not be shared
        pid = os.fork()
        if pid:
            return pid
        try:
            while True:
                tasks.drain_outbox()
                time.sleep(0.02)
        except BaseException as problem:
            sys.stderr.write(f"A worker ended: {problem!r}\n")
        finally:
            os._exit(1)
