"""Threads that do HTTP for one run, and nothing else: what asks the budget and the database is the run's own
thread, which they send word to.

    future = threads.start(call)         # a call may make several requests: each waits for leave by itself
    outcome = threads.try_start(call)    # the same future, with leave for its first request; or a wait
    threads.step(seconds)                # gives leave, until something is done or the time is over
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from integrations.thinkific.budget.priorities import Grant, Slots
from integrations.thinkific.client.errors import BudgetExhausted, Interrupted
from integrations.thinkific.client.rates import Points, RateHeaders

R = TypeVar("R")

LOOK = 0.25  # seconds of waiting between signs of life
# Seconds that whoever is next may wait for leave; longer than a window and than Thinkific's longest wait.
PATIENCE = 150.0
NEXT_POINTS = 2  # calls that wait for GraphQL points at a time: more would only hold threads


class _Waiting:
    """A request in another thread that waits for leave."""

    def __init__(self, points: int) -> None:
        self.points = points
        self.answered = threading.Event()
        self.refusal: Exception | None = None


class Threads:
    """As many threads as requests may be under way. It is the budget of the run's client."""

    def __init__(self, slots: Slots, *, breathe: Callable[[], None] = lambda: None) -> None:
        self.slots = slots
        self.breathe = breathe
        self.size = slots.want
        self.in_flight = 0
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._waiting: dict[bool, deque[_Waiting]] = {False: deque(), True: deque()}  # True: for points
        self._not_before = {False: 0.0, True: 0.0}
        self._next_since = {False: 0.0, True: 0.0}
        self._asking_points = 0  # calls that were started and have not got their points
        self._pool: ThreadPoolExecutor | None = None
        self._busy = 0
        self._owner = threading.get_ident()
        self._local = threading.local()
        self._lock = threading.Lock()
        self._closed = False

    # --- the run's own thread -----------------------------------------------------------------------------

    @property
    def has_room(self) -> bool:
        return self._busy < self.size

    @property
    def has_room_for_points(self) -> bool:
        return self.has_room and self._asking_points < NEXT_POINTS

    def try_start(self, call: Callable[[], R]) -> "Future[R] | float":
        """Run a call of REST if a request may be sent now, else answer the seconds after which to ask again.
        Whoever waits already comes first."""
        if self._waiting[False] or not self.has_room:
            return LOOK
        outcome = self.slots.try_acquire(in_flight=self.in_flight)
        if isinstance(outcome, float):
            return outcome
        self._enter()
        return self.start(call, granted=True)

    def start(self, call: Callable[[], R], *, granted: bool = False, points: bool = False) -> "Future[R]":
        """Run a call that waits for its own leave; `points` says that it asks GraphQL."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(max_workers=self.size, thread_name_prefix="thinkific")
        self._busy += 1
        self._asking_points += points
        future = self._pool.submit(self._run, call, granted, points)
        future.add_done_callback(lambda _: self._inbox.put(self._one_done))
        return future

    def step(self, seconds: float) -> None:
        """Give leave to who waits for it, for at most so long or until something is done."""
        end = time.monotonic() + min(max(seconds, 0.001), 1.0)
        while True:
            waits = self._give_leave()
            left = min(max(end - time.monotonic(), 0.001), LOOK, max(waits, 0.001))
            heard = self._hear(left)
            if heard or time.monotonic() >= end:
                self._give_leave()
                self.breathe()
                return
            self.breathe()

    def _hear(self, seconds: float) -> bool:
        """Do what the threads have sent word of, waiting so long for the first; False where none has come."""
        heard = False
        try:
            while True:
                (self._inbox.get_nowait() if heard or not seconds else self._inbox.get(timeout=seconds))()
                heard = True
        except queue.Empty:
            return heard

    def rest(self) -> None:
        """Before work that asks nothing: others may have the slots."""
        if not self.in_flight:
            self.slots.release()

    def close(self) -> None:
        """No request waits any more. Those under way are waited for: tell the client to stop before."""
        self._closed = True
        for waiting in self._waiting.values():
            while waiting:
                self._answer(waiting.popleft(), Interrupted("The run was left before this was asked."))
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _one_done(self) -> None:
        self._busy -= 1

    def _give_leave(self) -> float:
        """Returns the seconds until another look is worth it."""
        waits = LOOK
        for points in (False, True):
            waiting = self._waiting[points]
            while waiting:
                left = self._not_before[points] - time.monotonic()
                if left <= 0:
                    outcome = self._ask(waiting[0])
                    left = outcome if isinstance(outcome, float) else 0.0
                    self._not_before[points] = time.monotonic() + left
                if left > 0:
                    waits = min(waits, left)
                    self._lose_patience(points, left)
                    break
                self._enter()
                self._next_since[points] = 0.0
                self._answer(waiting.popleft(), None)
        return waits

    def _ask(self, waiting: _Waiting) -> Grant | float:
        if waiting.points:
            return self.slots.try_acquire_points(waiting.points, in_flight=self.in_flight)
        return self.slots.try_acquire(in_flight=self.in_flight)

    def _lose_patience(self, points: bool, left: float) -> None:
        """As a budget does that is waited for: who is next is refused after a while."""
        now = time.monotonic()
        since = self._next_since[points] = self._next_since[points] or now
        if now + left - since > PATIENCE:
            self._next_since[points] = 0.0
            words = f"Thinkific's request limit leaves no room for another {left:.0f} s."
            self._answer(self._waiting[points].popleft(), BudgetExhausted(words, after=left))

    def _answer(self, waiting: _Waiting, refusal: Exception | None) -> None:
        waiting.refusal = refusal
        waiting.answered.set()

    def _enter(self) -> None:
        with self._lock:
            self.in_flight += 1

    def _leave(self) -> None:
        with self._lock:
            self.in_flight -= 1

    # --- any thread: what a client wants of its budget ------------------------------------------------------

    def _run(self, call: Callable[[], R], granted: bool, points: bool) -> R:
        self._local.granted, self._local.points = granted, points
        try:
            return call()
        finally:
            if self._local.granted:  # it asked nothing
                self._local.granted = False
                self._leave()
            self._points_are_there()

    @contextmanager
    def permit(self, *, interactive: bool = False, points: int = 0) -> Iterator[None]:
        if not points and getattr(self._local, "granted", False):
            self._local.granted = False
        elif threading.get_ident() == self._owner:
            self._wait_here(points)
        else:
            self._wait_there(points)
        try:
            yield
        finally:
            self._leave()

    def _wait_here(self, points: int) -> None:
        waiting = _Waiting(points)
        self._waiting[points > 0].append(waiting)
        while not waiting.answered.is_set():
            self._hear(0.0)
            if (waits := self._give_leave()) and not waiting.answered.is_set():
                self.slots.budget.sleep(waits)
        if waiting.refusal is not None:
            raise waiting.refusal

    def _wait_there(self, points: int) -> None:
        waiting = _Waiting(points)
        self._inbox.put(lambda: self._waiting[points > 0].append(waiting))
        while not waiting.answered.wait(LOOK):
            if self._closed:
                raise Interrupted("The run was left before this was asked.")
        if waiting.refusal is not None:
            raise waiting.refusal
        if points:
            self._points_are_there()

    def _points_are_there(self) -> None:
        if getattr(self._local, "points", False):
            self._local.points = False
            self._inbox.put(self._one_less_asks_points)

    def _one_less_asks_points(self) -> None:
        self._asking_points -= 1

    def _tell(self, word: Callable[[], Any]) -> None:
        if threading.get_ident() == self._owner:
            word()
        else:
            self._inbox.put(word)

    def note(self, rate: RateHeaders) -> None:
        self._tell(partial(self.slots.note, rate))

    def stop_until(self, until: datetime) -> None:
        self._tell(partial(self.slots.stop_until, until))

    def stop_points_until(self, until: datetime) -> None:
        self._tell(partial(self.slots.stop_points_until, until))

    def note_points(self, points: Points, *, estimate: int) -> None:
        self._tell(partial(self.slots.note_points, points, estimate=estimate))
