"""Django-q2's ORM broker, extended by probes: tasks that only one of several clusters may take."""

import os
import time
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ

from core.moments import come
from integrations import heartbeat

PROBE_KEY = "group:"
PROBES_EVERY = 1.0  # seconds between looks for probes: one more query a second, instead of one per task


def probe_key(group: int) -> str:
    """Returns the name of the queue that only the cluster of this process group on this host reads."""
    return f"{PROBE_KEY}{heartbeat.host()}:{group}"


class Broker(ORM):
    probes_seen_at = 0.0

    def __init__(self, list_key: str | None = None) -> None:
        """Unlike the ORM broker of Django-q2, it closes no connection when a task is queued. A request would
        lose its own connection by that, and open another one twice for each task."""
        self.list_key = list_key or Conf.CLUSTER_NAME
        self.cache = self.get_cache()
        self._info = None

    def __setstate__(self, state: Any) -> None:
        self.list_key, self._info = state
        self.cache = self.get_cache()

    def enqueue(self, task: str) -> int:
        """Queue a signed task. Returns the primary key of its row."""
        rows = OrmQ.objects.using(Conf.ORM)
        return rows.create(key=self.list_key, payload=task, lock=timezone.now()).pk

    def dequeue(self) -> list[tuple[int, str]] | None:
        """Claim the next tasks: probes first, then the oldest.

        Otherwise a cluster with many waiting tasks would answer its probe late and look frozen.
        """
        if time.monotonic() - self.probes_seen_at >= PROBES_EVERY:
            self.probes_seen_at = time.monotonic()
            if claimed := self._claim(probe_key(os.getpgrp())):
                return claimed
        if claimed := self._claim(self.list_key):
            return claimed
        time.sleep(Conf.POLL)
        return None

    def _claim(self, key: str) -> list[tuple[int, str]]:
        # After a clock is set back, Django-q2 itself would not run tasks queued before until that time comes.
        free = come("lock", timezone.now(), longest=timedelta(seconds=Conf.RETRY))
        waiting = self.get_connection().filter(free, key=key).order_by("pk")
        return [(row.pk, row.payload) for row in waiting[: Conf.BULK] if self._lock(row)]

    def _lock(self, row: OrmQ) -> bool:
        """Returns whether this cluster got the row.

        The old lock is part of the condition, so only one can.
        """
        mine: Any = OrmQ.objects.filter(pk=row.pk, lock=row.lock)
        return bool(mine.update(lock=timezone.now() + timedelta(seconds=Conf.RETRY)))
