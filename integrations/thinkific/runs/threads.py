"""Threads that send HTTP requests for one run.

Only the run's own thread uses the request budget and the database. The other threads put functions into its
inbox, which it calls.

    future = threads.start(call)         # a call may make several requests; each waits for permission
    outcome = threads.try_start(call)    # the same, with permission for the first request; or seconds to wait
    threads.step(seconds)                # grants permissions until a call has ended or the time is over
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

POLL_SECONDS = 0.25  # between two calls of `while_waiting`
# Seconds that the next request may wait for permission: longer than a window and Thinkific's longest wait.
LONGEST_WAIT = 150.0
NEXT_POINTS = 2  # the most calls that wait for GraphQL points at a time: more would only block threads


class _Waiting:
    """A request that waits for permission."""

    def __init__(self, points: int) -> None:
        self.points = points
        self.answered = threading.Event()
        self.refusal: Exception | None = None


class Threads:
    """As many threads as requests may be under way. It also is the budget of the run's client."""

    def __init__(self, slots: Slots, *, while_waiting: Callable[[], None] = lambda: None) -> None:
        self.slots = slots
        self.while_waiting = while_waiting
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
        """Run a call of REST if a request may be sent now; otherwise return the seconds after which to try
        again. Requests that wait already come first."""
        if self._waiting[False] or not self.has_room:
            return POLL_SECONDS
        outcome = self.slots.try_acquire(in_flight=self.in_flight)
        if isinstance(outcome, float):
            return outcome
        self._enter()
        return self.start(call, granted=True)

    def start(self, call: Callable[[], R], *, granted: bool = False, points: bool = False) -> "Future[R]":
        """Run a call in another thread, where its requests wait for permission. `points` says that it uses
        GraphQL; `granted` that its first request has permission."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(max_workers=self.size, thread_name_prefix="thinkific")
        self._busy += 1
        self._asking_points += points
        future = self._pool.submit(self._run, call, granted, points)
        future.add_done_callback(lambda _: self._inbox.put(self._one_done))
        return future

    def step(self, seconds: float) -> None:
        """Grant permissions to waiting requests, for at most this long or until something has happened."""
        end = time.monotonic() + min(max(seconds, 0.001), 1.0)
        while True:
            waits = self._grant_waiting()
            left = min(max(end - time.monotonic(), 0.001), POLL_SECONDS, max(waits, 0.001))
            ran_some = self._run_inbox(left)
            if ran_some or time.monotonic() >= end:
                self._grant_waiting()
                self.while_waiting()
                return
            self.while_waiting()

    def _run_inbox(self, seconds: float) -> bool:
        """Call the functions in the inbox, waiting at most this long for the first. Returns False if there
        was none."""
        ran_some = False
        try:
            while True:
                (self._inbox.get_nowait() if ran_some or not seconds else self._inbox.get(timeout=seconds))()
                ran_some = True
        except queue.Empty:
            return ran_some

    def release_slots(self) -> None:
        """Give the slots to others, before work that sends no requests."""
        if not self.in_flight:
            self.slots.release()

    def close(self) -> None:
        """Refuse the waiting requests and wait for those under way. Tell the client to stop before."""
        self._closed = True
        for waiting in self._waiting.values():
            while waiting:
                self._answer(waiting.popleft(), Interrupted("The run was left before this was asked."))
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _one_done(self) -> None:
        self._busy -= 1

    def _grant_waiting(self) -> float:
        """Grant as many waiting requests as the budget allows. Returns the seconds until the next try."""
        waits = POLL_SECONDS
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
                    self._refuse_after_longest_wait(points, left)
                    break
                self._enter()
                self._next_since[points] = 0.0
                self._answer(waiting.popleft(), None)
        return waits

    def _ask(self, waiting: _Waiting) -> Grant | float:
        if waiting.points:
            return self.slots.try_acquire_points(waiting.points, in_flight=self.in_flight)
        return self.slots.try_acquire(in_flight=self.in_flight)

    def _refuse_after_longest_wait(self, points: bool, left: float) -> None:
        """Refuse the next request when it has waited for LONGEST_WAIT, as the budget itself does."""
        now = time.monotonic()
        since = self._next_since[points] = self._next_since[points] or now
        if now + left - since > LONGEST_WAIT:
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

    # --- any thread: the interface that a client expects of its budget --------------------------------------

    def _run(self, call: Callable[[], R], granted: bool, points: bool) -> R:
        self._local.granted, self._local.points = granted, points
        try:
            return call()
        finally:
            if self._local.granted:  # it sent no request
                self._local.granted = False
                self._leave()
            self._note_points_granted()

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
            self._run_inbox(0.0)
            if (waits := self._grant_waiting()) and not waiting.answered.is_set():
                self.slots.budget.sleep(waits)
        if waiting.refusal is not None:
            raise waiting.refusal

    def _wait_there(self, points: int) -> None:
        waiting = _Waiting(points)
        self._inbox.put(lambda: self._waiting[points > 0].append(waiting))
        while not waiting.answered.wait(POLL_SECONDS):
            if self._closed:
                raise Interrupted("The run was left before this was asked.")
        if waiting.refusal is not None:
            raise waiting.refusal
        if points:
            self._note_points_granted()

    def _note_points_granted(self) -> None:
        if getattr(self._local, "points", False):
            self._local.points = False
            self._inbox.put(self._count_points_granted)

    def _count_points_granted(self) -> None:
        self._asking_points -= 1

    def _run_in_own_thread(self, action: Callable[[], Any]) -> None:
        if threading.get_ident() == self._owner:
            action()
        else:
            self._inbox.put(action)

    def note(self, rate: RateHeaders) -> None:
        self._run_in_own_thread(partial(self.slots.note, rate))

    def stop_until(self, until: datetime) -> None:
        self._run_in_own_thread(partial(self.slots.stop_until, until))

    def stop_points_until(self, until: datetime) -> None:
        self._run_in_own_thread(partial(self.slots.stop_points_until, until))

    def note_points(self, points: Points, *, estimate: int) -> None:
        self._run_in_own_thread(partial(self.slots.note_points, points, estimate=estimate))
