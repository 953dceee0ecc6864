"""Finding out from outside whether a cluster still works: a frozen cluster cannot report it."""

import time
from collections.abc import Callable
from datetime import datetime

from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from integrations import heartbeat
from integrations.queue.broker import probe_key

STARTS_WITHIN = 60.0  # seconds until the first sign of life, on a busy machine
PROBE = "integrations.heartbeat.probed"


class Watchdog:
    """Watches one cluster: the process group `group` of this host.

    Every few seconds it sends a probe, a task that only this cluster takes. The probe passes through all of
    its processes: pusher, worker and monitor. The watchdog measures time with its own monotonic clock and
    only checks whether stored times have changed. So a machine that was suspended, or clocks that differ, do
    not lead to a wrong result.
    """

    def __init__(
        self,
        *,
        group: int,
        probe_every: float,
        replace_after: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.group = group
        self.key = probe_key(group)
        self.probe_every = probe_every
        self.replace_after = replace_after
        self.clock = clock
        self.next_probe_at = clock()
        self.sent_at: datetime | None = None
        self.restart_measuring()

    def restart_measuring(self) -> None:
        """Start to measure again, after a time without information (the database did not answer)."""
        self.beat: datetime | None = None
        self.beat_seen_at = self.clock()
        self.done_seen_at: float | None = None

    def look(self) -> str | None:
        """Returns what is wrong with the cluster, or None."""
        now = self.clock()
        beat, probed = heartbeat.last(self.group)
        if beat != self.beat:
            self.beat, self.beat_seen_at = beat, now
        if not OrmQ.objects.filter(key=self.key).exists():
            self.done_seen_at = None
            if now >= self.next_probe_at:
                self._probe(now)
        elif probed and self.sent_at and probed >= self.sent_at and self.done_seen_at is None:
            self.done_seen_at = now
        replace_after = self.replace_after if self.beat else max(self.replace_after, STARTS_WITHIN)
        if now - self.beat_seen_at > replace_after:
            return f"no worker of it has taken a task for {replace_after:.0f} seconds"
        if self.done_seen_at is not None and now - self.done_seen_at > self.replace_after:
            return f"what it did has not been acknowledged for {self.replace_after:.0f} seconds"
        return None

    def forget(self) -> None:
        """Delete the probes and heartbeats of this cluster after it has ended."""
        OrmQ.objects.filter(key=self.key).delete()
        heartbeat.forget(self.group)

    def _probe(self, now: float) -> None:
        self.sent_at = timezone.now()
        async_task(PROBE, q_options={"cluster": self.key, "save": False})
        self.next_probe_at = now + self.probe_every
