"""Rows that one process at a time works on. core/services/leases.py claims them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Self, TypeVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from core.moments import come

L = TypeVar("L", bound="Leased")


@dataclass(frozen=True)
class Lease:
    """How the rows of a model are claimed. The methods return conditions on a row, for `filter()`.

    A claimed row has a status of its own, or keeps that of a waiting one. In the second case a row whose
    lease is over is due again by itself; in the first somebody has to put it back.
    """

    length: timedelta  # from the last sign of life of the process that works on the row
    longest_wait: timedelta  # for which a row is ever put off
    waiting: str  # the status of a row that waits
    claimed: str  # the status of a row that is claimed

    @property
    def keeps_status(self) -> bool:
        return self.claimed == self.waiting

    def turn(self, now: datetime) -> Q:
        """The row need not wait any longer."""
        return come("not_before", now, longest=self.longest_wait)

    def free(self) -> Q:
        """The row waits and no process has claimed it."""
        waits = Q(status=self.waiting)
        return waits & Q(claimed_until__isnull=True) if self.keeps_status else waits

    def taken(self) -> Q:
        """A process has claimed the row."""
        claimed = Q(status=self.claimed)
        return claimed & Q(claimed_until__isnull=False) if self.keeps_status else claimed

    def over(self, now: datetime) -> Q:
        """The lease has ended. A row that no process has claimed (NULL) has none that ended."""
        return come("claimed_until", now, longest=self.length)

    def lapsed(self, now: datetime) -> Q:
        """A process has claimed the row, and its lease has ended."""
        return self.taken() & self.over(now)

    def due(self, now: datetime) -> Q:
        """A process can claim the row now."""
        due = Q(self.turn(now), status=self.waiting)
        if self.keeps_status:
            due &= Q(claimed_until__isnull=True) | self.over(now)
        return due


class LeasedQuerySet(models.QuerySet[L]):
    def due(self, now: datetime | None = None) -> Self:
        """Returns the rows that a process can claim now."""
        return self.filter(self.model.lease.due(now or timezone.now()))


class Leased(models.Model):
    """A row that a process claims before it works on it. The model also has a `status`."""

    lease: ClassVar[Lease]

    # Counted before the work begins: a row may be what kills its process.
    attempts = models.PositiveIntegerField(default=0, db_default=0)
    # How often a process died with the row, or lost it, which says nothing about what the row asks for.
    crashes = models.PositiveIntegerField(default=0, db_default=0)
    not_before = models.DateTimeField(default=timezone.now, db_default=Now())
    claimed_by = models.CharField(max_length=100, blank=True, default="", db_default="")  # see leases.Claim
    claimed_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
