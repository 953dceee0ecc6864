"""Work in many steps on leased rows: claimed by one process at a time, a step in each transaction.

What a step does, and the proof that the claim is still held (`hold`), commit together. So a killed process
loses the step under way and nothing else, and none is carried out twice.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

import structlog
from django.conf import settings
from django.db import Error, transaction
from django.utils import timezone
from django_q.tasks import async_task

from core.database_outage import retry_during_outage
from core.databases import is_crossed, is_unavailable
from core.errors import Refusal
from core.models.fields.leased import Leased, LeasedQuerySet
from core.services import leases
from core.services.leases import Claim

log = structlog.get_logger(__name__)

L = TypeVar("L", bound=Leased)
TRIES = 5  # of the work, or of a step, that fails without what was asked for being to blame
MOST_CRASHES = 5  # of its process, without a step being done in between
FIRST_WAIT, LONGEST_WAIT = 5.0, 600.0  # seconds
DIED = f"The process that carried it out ended {MOST_CRASHES} times."
GoOn = Callable[[], None]


class Lost(Exception):
    """The work was cancelled, or another process has taken it."""


class Paused(Exception):
    """The time is over, or this process has to end. Another goes on."""


def hold(claim: Claim[L], row: L, **values: Any) -> None:
    """Renew the claim, with other columns of the row. Call it last in the transaction of a step, so that
    whoever cancels the work waits only for the commit. Raises Lost when the claim is held no longer."""
    until = timezone.now() + row.lease.length
    if not claim.held([row.pk]).update(claimed_until=until, crashes=0, **values):
        raise Lost


def in_one(step: Callable[[], None], *, before_again: Callable[[], None] = lambda: None) -> None:
    """Run a step in one transaction, and again when another transaction crossed it."""
    for attempt in range(1, TRIES + 1):
        try:
            with transaction.atomic():
                step()
            return
        except Error as error:
            if attempt == TRIES or not is_crossed(error):
                raise
            time.sleep(0.05 * attempt)
            before_again()


@dataclass(frozen=True)
class LongWork(Generic[L]):
    model: type[L]
    task: str  # the setting that names the task, which calls `run_due`
    # Carries all steps of a row out, and calls the function before each. Returns what `finish` is told.
    carry_out: Callable[[L, Claim[L], GoOn], dict[str, Any]]
    # Ends the work on a claimed row, and tells who started it; `why` it failed. Returns what became of it.
    finish: Callable[..., str]
    unexpected: str  # `why` after an error of ours

    def wake(self) -> None:
        """Queue the task after the current transaction commits."""
        transaction.on_commit(lambda: async_task(getattr(settings, self.task), save=False))

    def sweep(self) -> None:
        """Each minute: take over what a killed worker or a lost wake-up left."""
        self.free_abandoned()
        if self._rows().due().exists():
            self.wake()

    def free_abandoned(self) -> int:
        """Let wait again what a dead process had claimed; fail what kills its process. Returns how many."""
        count, now = 0, timezone.now()
        for row, _ in leases.abandoned(self.model, now):
            claim = Claim.on(row)
            if row.crashes + 1 >= MOST_CRASHES:
                self.finish(row, claim, why=DIED)
                continue
            pause = leases.growing_wait(row.crashes, first=FIRST_WAIT, longest=LONGEST_WAIT)
            until = now + timedelta(seconds=pause)
            count += claim.put_back([row.pk], until=until, counts=False, crashed=True)
        return count

    def run_due(
        self,
        *,
        seconds: float = 50.0,
        stop: Callable[[], bool] = lambda: False,
        beat: Callable[[], None] = lambda: None,
    ) -> Counter[str]:
        """Carry out what waits, until nothing does, for at most `seconds`. Returns how many rows had which
        result. `stop` says that this process has to end."""
        self.free_abandoned()
        end, results = time.monotonic() + seconds, Counter[str]()

        def go_on() -> None:
            beat()
            if stop() or time.monotonic() > end:
                raise Paused

        while not stop() and time.monotonic() < end:
            claim: Claim[L] = Claim.new(self.model)
            row = self._take(claim)
            if row is None:
                return results
            results[self._carry_out(row, claim, go_on)] += 1
        self.sweep()
        return results

    def carry_out_now(self, row: L, *, beat: Callable[[], None] = lambda: None) -> str:
        """Carry out a row that waits in this process, for a command. Returns what became of it."""
        claim: Claim[L] = Claim.new(self.model)
        if not claim.take([row.pk], now=timezone.now()):
            return "lost"
        row.refresh_from_db()
        return self._carry_out(row, claim, beat)

    def _rows(self) -> LeasedQuerySet[L]:
        return LeasedQuerySet(self.model)

    def _take(self, claim: Claim[L]) -> L | None:
        with leases.given_back_if_lost(claim.put_back), transaction.atomic():
            now = timezone.now()
            rows = self._rows().due(now).select_for_update(skip_locked=True).order_by("pk")
            keys = list(rows.values_list("pk", flat=True)[:1])
            if not keys:
                return None
            _ = claim.take(keys, now=now) or claim.take_over(keys, now=now)
        return claim.held(keys).first()

    def _carry_out(self, row: L, claim: Claim[L], go_on: GoOn) -> str:
        try:
            told = self.carry_out(row, claim, go_on)
            return retry_during_outage(self.finish, row, claim, **told)
        except Lost:
            return "lost"
        except Paused:
            retry_during_outage(claim.put_back, [row.pk], counts=False)
            self.wake()
            return "paused"
        except Refusal as refusal:
            return retry_during_outage(self.finish, row, claim, why=str(refusal))
        except Exception as error:
            log.exception(
                "long work stopped", kind=self.model._meta.model_name, key=row.pk, attempt=row.attempts
            )
            counts = not is_unavailable(error)
            if counts and row.attempts >= TRIES:
                return retry_during_outage(self.finish, row, claim, why=self.unexpected)
            wait = leases.growing_wait(row.attempts, first=FIRST_WAIT, longest=LONGEST_WAIT)
            again = timezone.now() + timedelta(seconds=wait)
            retry_during_outage(claim.put_back, [row.pk], until=again, counts=counts)
            return "retried"
