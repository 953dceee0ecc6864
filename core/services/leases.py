"""Claims: how a process takes rows, so that no other one works on them meanwhile, and how it lets them go.

A claim has a name, and whatever is done with it changes only rows that still bear this name. So a process
that has lost its claim (the lease ended, another process took the row) can neither finish the row nor put
it back.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db import Error, transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils import timezone

from core.database_outage import may_recover, retry_during_outage
from core.models.fields.leased import Leased, LeasedQuerySet
from core.moments import has_come
from core.processes import is_gone, this_process
from core.services.storage import bulk

L = TypeVar("L", bound=Leased)


@dataclass(frozen=True)
class Claim(Generic[L]):
    """Rows of a model that one process has taken at once. `keys` are primary keys; without them all of its
    rows are meant."""

    model: type[L]
    name: str  # the process and a token: `host:pid#token`

    @classmethod
    def new(cls, model: type[L]) -> "Claim[L]":
        return cls(model, f"{this_process()}#{uuid.uuid4().hex[:8]}")

    @classmethod
    def on(cls, row: L) -> "Claim[L]":
        """The claim under which this row was taken."""
        return cls(type(row), row.claimed_by)

    def held(self, keys: Collection[int] | None = None) -> LeasedQuerySet[L]:
        """The rows that this claim still holds."""
        rows = _rows(self.model).filter(self.model.lease.taken(), claimed_by=self.name)
        return rows if keys is None else rows.filter(pk__in=keys)

    def take(self, keys: Collection[int], *, now: datetime) -> int:
        """Claim those of these rows that are free and whose turn has come. Returns how many."""
        return self._take(self.model.lease.free(), keys, now)

    def take_over(self, keys: Collection[int], *, now: datetime) -> int:
        """Claim those of these rows whose lease is over: a process died with them or lost them, which is
        counted. Returns how many."""
        return self._take(self.model.lease.lapsed(now), keys, now, crashes=F("crashes") + 1)

    def renew(self, keys: Collection[int] | None = None) -> int:
        """Let the lease begin anew. Returns how many rows are still held."""
        return self.held(keys).update(claimed_until=timezone.now() + self.model.lease.length)

    def put_back(
        self,
        keys: Collection[int] | None = None,
        *,
        until: datetime | None = None,
        counts: bool = True,
        crashed: bool = False,
        **values: Any,
    ) -> int:
        """Let rows wait again until a moment, or without `until` as long as before.

        `counts`: whether this was an attempt; `crashed`: whether their process died; `values`: other columns.
        Returns how many were still held.
        """
        if not counts:
            values["attempts"] = Greatest(F("attempts") - 1, 0)
        if crashed:
            values["crashes"] = F("crashes") + 1
        if until is not None:
            values["not_before"] = until
        return self.finish(keys, status=self.model.lease.waiting, **values)

    def finish(self, keys: Collection[int] | None = None, *, status: str, **values: Any) -> int:
        """End the work on rows with this status and other columns. Returns how many were still held."""
        return self.held(keys).update(status=status, **values, claimed_by="", claimed_until=None)

    def settle(self, ends: Mapping[int, Mapping[str, Any]], *, not_counted: Collection[int] = ()) -> None:
        """End the work on many rows, each in its own way: by primary key the columns of each, the same ones
        for all, with `status` among them. Rows that are no longer held stay as they are. `not_counted`: those
        for which this was no attempt. Call it in the transaction of the effects; it costs one read and one
        write.
        """
        if not ends:
            return
        names = [*next(iter(ends.values()))]
        with transaction.atomic(savepoint=False):
            held = self.held(ends.keys()).select_for_update().values_list("pk", "attempts")
            rows = [
                (pk, *(ends[pk][name] for name in names), max(0, attempts - (pk in not_counted)), "", None)
                for pk, attempts in held
            ]
            bulk.update(self.model, [*names, "attempts", "claimed_by", "claimed_until"], rows)

    def _take(self, which: Q, keys: Collection[int], now: datetime, **values: Any) -> int:
        lease = self.model.lease
        return (
            _rows(self.model)
            .filter(which, lease.turn(now), pk__in=keys)
            .update(
                status=lease.claimed,
                attempts=F("attempts") + 1,
                **values,
                claimed_by=self.name,
                claimed_until=now + lease.length,
            )
        )


def _rows(model: type[L]) -> LeasedQuerySet[L]:
    return LeasedQuerySet(model)


@contextmanager
def given_back_if_lost(give_back: Callable[[], object]) -> Iterator[None]:
    """For the statements of a claim. Where the database goes away in the middle, the claim may have been
    committed and only the answer was lost: then `give_back` is called when the database is back."""
    try:
        yield
    except Error as error:
        if may_recover(error):
            retry_during_outage(give_back)
        raise


def renew(rows: Iterable[Leased]) -> int:
    """Renew the leases of these rows, which may belong to several claims. Returns how many are still held."""
    by_claim: dict[Claim[Leased], list[int]] = {}
    for row in rows:
        by_claim.setdefault(Claim.on(row), []).append(row.pk)
    return sum(claim.renew(keys) for claim, keys in by_claim.items())


def abandoned(model: type[L], now: datetime) -> Iterator[tuple[L, bool]]:
    """Claimed rows whose process is gone, or whose lease is over. With each, whether its process is known to
    be gone. Put them back with `crashed=True`, or finish them."""
    for row in _rows(model).filter(model.lease.taken()):
        gone = is_abandoned(row.claimed_by)
        if gone or row.claimed_until is None or row.claimed_until <= now:
            yield row, gone
        else:
            _cut_short(row, now)


def _cut_short(row: Leased, now: datetime) -> None:
    """Let a lease that was written before a clock was set back end as one that begins now. It ends later than
    any of those. Its process may live, and then renews it in time; so the row is not taken away."""
    length, until = row.lease.length, row.claimed_until
    if has_come(until or now, now, longest=length):
        Claim.on(row).held([row.pk]).filter(claimed_until=until).update(claimed_until=now + length)


def is_abandoned(claimed_by: str) -> bool:
    """Whether the process of a claim is known to be gone."""
    return is_gone(claimed_by.partition("#")[0])


def growing_wait(times: int, *, first: float, longest: float) -> float:
    """Seconds to wait after so many failures: `first` after one, then twice as long each time."""
    return min(first * 2.0 ** min(times - 1, 50), longest) if times > 0 else 0.0
