"""Slots for requests that are under way at the same time, and grants to send them."""

import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import Error

from core.processes import is_gone
from integrations.thinkific.budget import decisions, meter
from integrations.thinkific.budget.decisions import BudgetState
from integrations.thinkific.budget.meter import Outcome
from integrations.thinkific.client.rates import Points, RateHeaders

if TYPE_CHECKING:
    from integrations.thinkific.budget.request_budget import SharedBudget


@dataclass(frozen=True, slots=True)
class Grant:
    """Permission to send `count` requests before `expires`, a moment of `time.monotonic()`."""

    count: int
    expires: float


class Slots:
    """Up to `want` slots of one holder, from `SharedBudget.slots()`: each request under way takes one.

    It can be given to a client as its budget. Whoever has work may use all slots of the site, so the number
    that we may use changes with every call. For others, those count as taken that we used at our last call.
    """

    def __init__(self, budget: "SharedBudget", want: int, interactive: bool) -> None:
        self.budget = budget
        self.want = max(1, want)
        self.interactive = interactive
        self.count = 0  # slots that are ours now
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._batch = Grant(0, 0.0)
        self._under_way = 0
        self._waiting = 0
        self._lock = threading.RLock()

    def take_one(self, points: int = 0) -> bool | float:
        """Takes a slot and a request (or points) in one decision; else returns the seconds to wait."""
        room, outcome = self.budget.change(
            lambda state, now: self._next(state, now, 1, 0, points, batch=False)
        )
        self.count = room
        return True if outcome.units else outcome.wait

    def close(self) -> None:
        """Gives the slots back. Grants that were not used count as used."""
        with suppress(Error):  # without it they are free when the lease has expired
            self.release()

    def release(self) -> None:
        """Gives the slots back for now: nothing is under way."""
        if self.count:
            self.count = 0
            self.budget.change(lambda state, now: state.leases.pop(self.holder, None))

    def try_acquire(self, want: int = 1, *, in_flight: int | None = None) -> Grant | float:
        """Returns a grant for up to `want` requests, or the seconds after which to ask again. Never waits.

        `in_flight` is how many requests the caller has under way; without it, those under `permit` count.
        """
        with self._lock:
            in_flight = self._under_way if in_flight is None else in_flight
            if in_flight < self.count and self._batch.count and time.monotonic() < self._batch.expires:
                return self._from_batch(min(want, self.count - in_flight))
            self.count, outcome = self.budget.change(
                lambda state, now: self._next(state, now, want, in_flight)
            )
            if not outcome.units:
                return outcome.wait
            life = meter.margin(self.budget.limits.window) / 2
            self._batch = Grant(outcome.units, time.monotonic() + life)
            return self._from_batch(max(1, min(want, self.count - in_flight)))

    def try_acquire_points(self, cost: int, *, in_flight: int | None = None) -> Grant | float:
        """Returns a grant for one GraphQL query of `cost` points, or the seconds after which to ask again."""
        with self._lock:
            in_flight = self._under_way if in_flight is None else in_flight
            self.count, outcome = self.budget.change(
                lambda state, now: self._next(state, now, 1, in_flight, points=cost)
            )
            return Grant(1, time.monotonic() + 1) if outcome.units else outcome.wait

    @contextmanager
    def permit(self, *, interactive: bool = False, points: int = 0) -> Iterator[None]:
        """Waits for a grant to send one request, which is under way within the block."""
        with self._lock:
            self._waiting += 1
        try:
            self.budget.wait(lambda: self._enter(points))
        finally:
            with self._lock:
                self._waiting -= 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    def note(self, rate: RateHeaders) -> None:
        self.budget.note(rate)

    def stop_until(self, until: datetime) -> None:
        self._batch = Grant(0, 0.0)
        self.budget.stop_until(until)

    def stop_points_until(self, until: datetime) -> None:
        self.budget.stop_points_until(until)

    def note_points(self, points: Points, *, estimate: int) -> None:
        self.budget.note_points(points, estimate=estimate)

    def _enter(self, points: int) -> Grant | float:
        with self._lock:
            outcome = self.try_acquire_points(points) if points else self.try_acquire()
            self._under_way += isinstance(outcome, Grant)
        return outcome

    def _from_batch(self, want: int) -> Grant:
        count = min(want, self._batch.count)
        self._batch = Grant(self._batch.count - count, self._batch.expires)
        return Grant(count, self._batch.expires)

    def _next(
        self,
        state: BudgetState,
        now: float,
        want: int,
        in_flight: int,
        points: int = 0,
        *,
        batch: bool = True,
    ) -> tuple[int, Outcome]:
        limits, person = self.budget.limits, self.interactive
        holder = self.holder
        if decisions.free_slots(state, limits, holder=holder, in_flight=in_flight, for_people=person) < 1:
            # Free the slots of processes on this machine that were killed.
            for one in [one for one in state.leases if is_gone(one.rpartition(":")[0])]:
                del state.leases[one]
        return decisions.admit(
            state,
            limits,
            now,
            holder=holder,
            for_people=person,
            in_flight=in_flight,
            most=self.want,
            want=want,
            points=points,
            waiting=self._waiting,
            batch=batch,
        )
