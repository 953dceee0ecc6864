"""The drain: pushes the entries that are due.

Those of one person run in order, different people in parallel.
"""

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import structlog
from django.db import Error, connections
from django.utils import timezone

from core.database_outage import may_recover, retry_during_outage
from core.models import OutboxEntry
from core.services import leases
from core.services.outbox import claims
from integrations import heartbeat, stopping
from integrations.thinkific import connection_state
from integrations.thinkific.budget.request_budget import SharedBudget
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.credentials import REST, Credentials
from integrations.thinkific.client.errors import BudgetExhausted
from integrations.thinkific.push.outcomes import PushResult, push

log = structlog.get_logger(__name__)

# People at a time, for each request that may be under way: some are busy with the database meanwhile.
MORE_PEOPLE = 2
AHEAD = 6  # people more whose entries are claimed: nobody waits for a claim
LONGEST_WAIT = 75.0  # seconds to wait for a request of the budget: longer than Thinkific's window
LOOK = 0.25  # seconds between looks for new entries while others are on their way
CANCEL_AFTER = 1.0  # seconds for what is under way when we are told to stop
RENEW_EVERY = 20.0  # seconds; see OutboxEntry.lease
SURE_FOR = 3 * RENEW_EVERY  # seconds after a renewal in which nobody else can have the claims
NOTE_EVERY = 1.0  # seconds between notes that Thinkific takes our key


def drain(*, seconds: float = 50.0, stop: Callable[[], bool] = stopping.requested) -> Counter[str]:
    """Push due entries for at most `seconds`. Returns how many entries were `done`, `retried` and `failed`.

    If Thinkific refuses the key, all entries wait; none fails, and the next drain tries again. When `stop`
    returns True, running requests get one second and are then cancelled; entries that were not sent wait
    again.
    """
    outcome: Counter[str] = Counter()
    credentials = Credentials.from_settings()
    if not credentials.complete:
        return outcome
    claims.free_abandoned()
    if not _due(within=claims.SETTLED_AFTER):
        return outcome
    budget = SharedBudget.from_settings(longest_wait=LONGEST_WAIT)
    budget.sleep = partial(_sleep, stop=stop)
    end = time.monotonic() + seconds
    try:
        with budget.slots(interactive=True) as slots:
            client = ThinkificClient(
                credentials, budget=slots, interactive=True, retries=1, sleep=budget.sleep
            )
            _Drain(client, slots.want + MORE_PEOPLE, outcome, end, stop).run()
    except BudgetExhausted as error:
        log.info("drain later", problem=str(error))
    return outcome


def _due(*, within: float) -> bool:
    soon = timezone.now() + timedelta(seconds=within)
    return OutboxEntry.objects.due(soon).exists()


def _sleep(seconds: float, *, stop: Callable[[], bool]) -> None:
    """Sleep.

    Raises BudgetExhausted when this process is told to stop, so that the waiting entry is put back.
    """
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if stop():
            raise BudgetExhausted("Not sent, because this process was told to stop.", after=0.0)
        time.sleep(min(left, LOOK))


class _Drain:
    """One drain. The calling thread claims entries, and other threads push them.

    The other threads keep their connections to the database and to Thinkific until the end.
    """

    def __init__(
        self,
        client: ThinkificClient,
        people: int,
        outcome: "Counter[str]",
        end: float,
        stop: Callable[[], bool],
    ) -> None:
        self.client = client
        self.people = people  # at a time
        self.outcome = outcome
        self.end = end
        self.stop = stop
        self.stopped = threading.Event()
        self.cancelled = threading.Event()
        client.transport.stop = self.cancelled.is_set
        self.todo: queue.SimpleQueue[list[OutboxEntry] | None] = queue.SimpleQueue()
        self.done: queue.SimpleQueue[tuple[list[OutboxEntry], list[str]]] = queue.SimpleQueue()
        self.under_way: dict[int, list[OutboxEntry]] = {}
        self.renewed_at = time.monotonic()
        self.noted_at = -NOTE_EVERY

    def run(self) -> None:
        threads: list[threading.Thread] = []
        try:
            while self._run_once():
                for n in range(len(threads), min(self.people, len(self.under_way))):
                    threads.append(threading.Thread(target=self._work, name=f"push-{n}", daemon=True))
                    threads[-1].start()
        finally:
            self.stopped.set()
            for _ in threads:
                self.todo.put(None)
            self._wait_for(threads)

    def _wait_for(self, threads: list[threading.Thread]) -> None:
        """Wait for the threads. When told to stop, cancel their requests after one second, not at once.

        The outcome of a cancelled request is not known.
        """
        cancel_at: float | None = None
        while alive := [thread for thread in threads if thread.is_alive()]:
            if self.stop():
                cancel_at = cancel_at or time.monotonic() + CANCEL_AFTER
                if time.monotonic() > cancel_at:
                    self.cancelled.set()
            alive[0].join(LOOK)

    def _run_once(self) -> bool:
        """Claim entries and collect results once. Returns False when nothing is left to do.

        While the database is not reachable the drain waits for it, because its threads have results to store.
        """
        try:
            if self.stop() or not (self._claim() or self.under_way or self._due_soon()):
                return False
            self._collect()
            self._renew_claims()
        except Error as error:
            if not may_recover(error):
                raise
            log.warning("drain waits for the database", problem=f"{type(error).__name__}: {error}".strip())
            time.sleep(LOOK)
        return True

    def _claim(self) -> bool:
        room = self.people + AHEAD - len(self.under_way)
        if not self._should_continue() or room < AHEAD:
            return False
        groups = claims.claim(room)
        for group in groups:
            self.under_way[id(group)] = group
            self.todo.put(group)
        return bool(groups)

    def _due_soon(self) -> bool:
        """Returns whether an entry will be due within seconds; then the drain waits for it."""
        return self._should_continue() and _due(within=claims.SETTLED_AFTER)

    def _should_continue(self) -> bool:
        return not self.stopped.is_set() and not self.stop() and time.monotonic() < self.end

    def _collect(self) -> None:
        """Wait for the results of one person's entries, and add all results that are ready."""
        wait = LOOK
        while True:
            try:
                group, results = self.done.get(timeout=wait) if wait else self.done.get_nowait()
            except queue.Empty:
                return
            wait = 0.0
            del self.under_way[id(group)]
            self.outcome.update(results)

    def _renew_claims(self) -> None:
        heartbeat.beat()
        if time.monotonic() - self.renewed_at > RENEW_EVERY:
            leases.renew(entry for group in self.under_way.values() for entry in group)
            self.renewed_at = time.monotonic()

    def _work(self) -> None:
        try:
            while (group := self.todo.get()) is not None:
                results: list[str] = []
                left = list(group)
                try:
                    self._push_person(left, results)
                except Exception:  # last resort of the thread; the rest is put back when its lease ends
                    log.exception("entries were left", entries=[entry.pk for entry in left])
                    connections.close_all()
                self.done.put((group, results))
        finally:
            connections.close_all()

    def _push_person(self, left: list[OutboxEntry], results: list[str]) -> None:
        """Push one person's entries in order. Removes each from `left` when its result is stored."""
        hold = None
        while left:
            entry = left[0]
            if hold is not None or not self._should_continue():
                retry_during_outage(claims.put_back, entry, until=hold or timezone.now(), counts=False)
            elif self._is_still_claimed(entry):
                result = push(entry, self.client)
                results.append(result.name)
                hold = timezone.now() + timedelta(seconds=result.hold) if result.hold else None
                retry_during_outage(self._note_connection, result)
            del left[0]

    def _is_still_claimed(self, entry: OutboxEntry) -> bool:
        """Returns whether the claim is still ours. After a database outage another process may have it."""
        renewed_ago = time.monotonic() - self.renewed_at
        return renewed_ago < SURE_FOR or bool(retry_during_outage(leases.renew, [entry]))

    def _note_connection(self, result: PushResult) -> None:
        if result.refused is not None:
            connection_state.note(result.refused.surface, ok=False, detail=str(result.refused))
        elif result.no_answer is not None:
            self.noted_at = -NOTE_EVERY  # note the next success at once
            connection_state.note_no_answer(result.no_answer)
        elif result.name == "done" and time.monotonic() - self.noted_at >= NOTE_EVERY:
            self.noted_at = time.monotonic()
            connection_state.note(REST, ok=True)
        if result.stop:
            self.stopped.set()
