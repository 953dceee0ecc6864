"""Django-q2's ORM broker, with probes addressed to one cluster among several on the same database."""

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
PROBES_EVERY = 1.0  # seconds between looks: one more query a second, not one more per task


def probe_key(group: int) -> str:
    """The queue that only the cluster of this process group on this host reads."""
    return f"{PROBE_KEY}{heartbeat.host()}:{group}"


class Broker(ORM):
    probes_seen_at = 0.0

    def dequeue(self) -> list[tuple[int, str]] | None:
        """Probes first, so that a long backlog does not look like a frozen cluster; then oldest first."""
        if time.monotonic() - self.probes_seen_at >= PROBES_EVERY:
            self.probes_seen_at = time.monotonic()
            if claimed := self._claim(probe_key(os.getpgrp())):
                return claimed
        if claimed := self._claim(self.list_key):
            return claimed
        time.sleep(Conf.POLL)
        return None

    def _claim(self, key: str) -> list[tuple[int, str]]:
        # Django-q2 itself would leave what was queued before a clock was set back until that moment comes.
        free = come("lock", timezone.now(), longest=timedelta(seconds=Conf.RETRY))
        waiting = self.get_connection().filter(free, key=key).order_by("pk")
        return [(row.pk, row.payload) for row in waiting[: Conf.BULK] if self._lock(row)]

    def _lock(self, row: OrmQ) -> bool:
        """Exactly one of several clusters changes the row: the lock it saw is part of the condition."""
        mine: Any = OrmQ.objects.filter(pk=row.pk, lock=row.lock)
        return bool(mine.update(lock=timezone.now() + timedelta(seconds=Conf.RETRY)))
