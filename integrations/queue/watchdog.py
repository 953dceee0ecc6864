"""Judges whether a cluster still works, from outside: a frozen one cannot say so itself."""

import time
from collections.abc import Callable
from datetime import datetime

from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from integrations import heartbeat
from integrations.queue.broker import probe_key

STARTS_WITHIN = 60.0  # seconds to the first sign of life, on a machine that is busy with other things
PROBE = "integrations.heartbeat.probed"


class Watchdog:
    """Watches one cluster: the process group `group` of this host, and no other.

    Every few seconds it sends a probe that only this cluster takes, through all of it: pusher, worker,
    monitor. It measures silence with its own clock and only looks for what changed since, so neither a
    machine that slept nor clocks that differ make it judge wrongly.
    """

    def __init__(
        self, *, group: int, probe_every: float, patience: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.group = group
        self.key = probe_key(group)
        self.probe_every = probe_every
        self.patience = patience
        self.clock = clock
        self.next_probe_at = clock()
        self.sent_at: datetime | None = None
        self.give_time()

    def give_time(self) -> None:
        """Start measuring again, when there was no way to know (the database did not answer)."""
        self.beat: datetime | None = None
        self.beat_seen_at = self.clock()
        self.done_seen_at: float | None = None

    def look(self) -> str | None:
        """What is wrong with the cluster; None while nothing is."""
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
        patience = self.patience if self.beat else max(self.patience, STARTS_WITHIN)
        if now - self.beat_seen_at > patience:
            return f"no worker of it has taken a task for {patience:.0f} seconds"
        if self.done_seen_at is not None and now - self.done_seen_at > self.patience:
            return f"what it did has not been acknowledged for {self.patience:.0f} seconds"
        return None

    def forget(self) -> None:
        """Remove what a cluster leaves behind that is gone."""
        OrmQ.objects.filter(key=self.key).delete()
        heartbeat.forget(self.group)

    def _probe(self, now: float) -> None:
        self.sent_at = timezone.now()
        async_task(PROBE, q_options={"cluster": self.key, "save": False})
        self.next_probe_at = now + self.probe_every
