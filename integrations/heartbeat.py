"""Signs of life of the worker processes: `WorkerHeartbeat` rows, read by the supervisor and by screens.

A worker writes its row when it takes a task, and every few seconds while it works on one. An idle worker
writes nothing, and a frozen cluster writes nothing either. To tell them apart, the supervisor sends a probe
through the queue every few seconds (see watchdog.py).
"""

import os
import socket
import threading
import time
from contextlib import suppress
from datetime import datetime
from typing import Any

import structlog
from django.db import Error, connection
from django.db.models import F, Max
from django.dispatch import receiver
from django.utils import timezone
from django_q.signals import post_execute_in_worker, post_spawn, pre_execute

from core.moments import TOLERANCE
from integrations import stopping
from integrations.models import WorkerHeartbeat

log = structlog.get_logger(__name__)

EVERY = 2.0  # seconds


class _Worker:
    """State of this process, if it is a worker. `pid` shows whether the values belong to this process.

    A forked process has the values of its parent, and another process id.
    """

    pid = 0
    last_beat = 0.0
    busy = threading.Event()


def host() -> str:
    return socket.gethostname()[:64]


def beat() -> None:
    """Write a sign of life, at most one every two seconds. Does nothing outside of a worker process."""
    now = time.monotonic()
    if _Worker.pid == os.getpid() and now - _Worker.last_beat >= EVERY:
        _Worker.last_beat = now
        _write(beat_at=timezone.now())


def probed() -> None:
    """Record that this process has carried out a probe. This is the task that a probe runs."""
    now = timezone.now()
    _write(beat_at=now, probed_at=now)


def last(group: int) -> tuple[datetime | None, datetime | None]:
    """Returns when a worker of this process group on this host last worked, and last carried out a probe.

    Both are None if there was none. A worker that has only started does not count: a frozen cluster starts
    workers that never take a task.
    """
    # The clock may have been set back. So a beat before the start of its worker counts, and beats in the
    # future do not: one of a worker that is gone would hide all others.
    rows = WorkerHeartbeat.objects.filter(host=host(), group=group, beat_at__lte=timezone.now() + TOLERANCE)
    rows = rows.exclude(beat_at=F("started_at"))
    found = rows.aggregate(beat=Max("beat_at"), probe=Max("probed_at"))
    return found["beat"], found["probe"]


def forget(group: int) -> None:
    """Delete the rows of a process group of this host that has ended."""
    WorkerHeartbeat.objects.filter(host=host(), group=group).delete()


def tell_to_stop(group: int) -> None:
    """Signal the workers of this process group to stop. They leave work that another worker can continue."""
    for process in WorkerHeartbeat.objects.filter(host=host(), group=group).values_list("process", flat=True):
        with suppress(ProcessLookupError, PermissionError):
            if os.getpgid(process) == group:  # the process id may have been given to another process since
                os.kill(process, stopping.TELL_WORKER)


def _write(**values: Any) -> None:
    me: dict[str, Any] = {"host": host(), "process": os.getpid()}
    values["group"] = os.getpgrp()
    # The row nearly always exists. An update is one statement and needs no savepoint in the caller's
    # transaction.
    if not WorkerHeartbeat.objects.filter(**me).update(**values):
        WorkerHeartbeat.objects.get_or_create(**me, defaults=values)


def _beat_while_busy() -> None:
    """Beat in a thread of its own while the worker is busy.

    So a task that does not call `beat` (one long query, a slow answer) does not look like a frozen worker.
    The queue's time limit ends a task that never returns.
    """
    while _Worker.busy.wait():
        while _Worker.busy.is_set():
            time.sleep(EVERY)
            _try(beat)
        connection.close()  # the connection of this thread


def _try(write: Any) -> None:
    """Call `write`; a database error is logged, so that the task does not fail with it."""
    try:
        write()
    except Error as error:
        log.warning("The sign of life of worker process %s was not written: %s", os.getpid(), error)


# Receivers of the queue's signals. All three run in the worker process.


@receiver(post_spawn)
def worker_started(**_kwargs: Any) -> None:
    _Worker.pid = os.getpid()
    now = timezone.now()
    stopping.listen(stopping.TELL_WORKER)  # before the row is written: `tell_to_stop` finds us by the row
    _try(lambda: _write(started_at=now, beat_at=now, probed_at=None))
    threading.Thread(target=_beat_while_busy, name="heartbeat", daemon=True).start()


@receiver(pre_execute)
def task_starts(**_kwargs: Any) -> None:
    _Worker.busy.set()
    _try(beat)


@receiver(post_execute_in_worker)
def task_ended(**_kwargs: Any) -> None:
    _Worker.busy.clear()
