"""Signs of life of the worker processes: `WorkerHeartbeat` rows, which a supervisor and people look at.

A worker writes one when it takes a task, and every few seconds while it works on one. An idle worker
writes nothing: with a cluster that is frozen all are idle, so silence has to mean something. That is why a
supervisor sends a probe through the queue every few seconds (see watchdog.py).
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
    """This process, if it is a worker. Nothing here is inherited by a fork: see `pid`."""

    pid = 0
    last_beat = 0.0
    busy = threading.Event()


def host() -> str:
    return socket.gethostname()[:64]


def beat() -> None:
    """Show that this process lives. Cheap to call often; outside of a worker it does nothing."""
    now = time.monotonic()
    if _Worker.pid == os.getpid() and now - _Worker.last_beat >= EVERY:
        _Worker.last_beat = now
        _write(beat_at=timezone.now())


def probed() -> None:
    """The task of a probe: note that this process carried it out."""
    now = timezone.now()
    _write(beat_at=now, probed_at=now)


def last(group: int) -> tuple[datetime | None, datetime | None]:
    """When a worker of this group on this host last worked, and when one last carried out a probe.

    A worker that only started does not count: a frozen cluster starts workers that never work.
    """
    # A clock may have been set back: since a start (so not "later than"), or since the last beat of a worker
    # that is gone, which would hide all others.
    rows = WorkerHeartbeat.objects.filter(host=host(), group=group, beat_at__lte=timezone.now() + TOLERANCE)
    rows = rows.exclude(beat_at=F("started_at"))
    found = rows.aggregate(beat=Max("beat_at"), probe=Max("probed_at"))
    return found["beat"], found["probe"]


def forget(group: int) -> None:
    """Remove the rows of a group of this host that is gone."""
    WorkerHeartbeat.objects.filter(host=host(), group=group).delete()


def tell_to_stop(group: int) -> None:
    """Have the workers of this group leave what they do, as far as it can go on elsewhere."""
    for process in WorkerHeartbeat.objects.filter(host=host(), group=group).values_list("process", flat=True):
        with suppress(ProcessLookupError, PermissionError):
            if os.getpgid(process) == group:  # a number may be another process's by now
                os.kill(process, stopping.TELL_WORKER)


def _write(**values: Any) -> None:
    me: dict[str, Any] = {"host": host(), "process": os.getpid()}
    values["group"] = os.getpgrp()
    # Nearly always the row is there: one statement, and no savepoint inside a caller's transaction.
    if not WorkerHeartbeat.objects.filter(**me).update(**values):
        WorkerHeartbeat.objects.get_or_create(**me, defaults=values)


def _beat_while_busy() -> None:
    """A task that does not call `beat` (one long query, a slow answer) must not look like a frozen worker.

    One that hangs for good is ended by the queue's time limit, not by us.
    """
    while _Worker.busy.wait():
        while _Worker.busy.is_set():
            time.sleep(EVERY)
            _try(beat)
        connection.close()  # this thread's own


def _try(write: Any) -> None:
    """A sign of life that cannot be written must not take the task with it."""
    try:
        write()
    except Error as error:
        log.warning("The sign of life of worker process %s was not written: %s", os.getpid(), error)


# The queue's own hooks. All three are called in the worker process.


@receiver(post_spawn)
def worker_started(**_kwargs: Any) -> None:
    _Worker.pid = os.getpid()
    now = timezone.now()
    stopping.listen(stopping.TELL_WORKER)  # before the row, by which `tell_to_stop` finds us
    _try(lambda: _write(started_at=now, beat_at=now, probed_at=None))
    threading.Thread(target=_beat_while_busy, name="heartbeat", daemon=True).start()


@receiver(pre_execute)
def task_starts(**_kwargs: Any) -> None:
    _Worker.busy.set()
    _try(beat)


@receiver(post_execute_in_worker)
def task_ended(**_kwargs: Any) -> None:
    _Worker.busy.clear()
