"""The drain: pushes what is due, one person's changes in order, different people's side by side."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import structlog
from django.db import close_old_connections, connections
from django.utils import timezone

from core.models import OutboxEntry
from core.services.mirror import pushes
from integrations.queue import heartbeat
from integrations.thinkific import connection_state
from integrations.thinkific.budget import SharedBudget
from integrations.thinkific.client import ThinkificClient
from integrations.thinkific.credentials import REST, Credentials
from integrations.thinkific.errors import (
    BudgetExhausted,
    CredentialsRefused,
    NotConfigured,
    RateLimited,
    RetryLater,
    ThinkificError,
)
from integrations.thinkific.sync.claims import claim, free_abandoned, put_back
from integrations.thinkific.sync.push_enrollments import push_enrollment
from integrations.thinkific.sync.push_groups import push_group, push_membership
from integrations.thinkific.sync.push_people import push_user

log = structlog.get_logger(__name__)

Push = Callable[[OutboxEntry, ThinkificClient], None]
PUSHES: dict[str, Push] = {
    "user": push_user,
    "thinkificgroup": push_group,
    "groupmembership": push_membership,
    "enrollment": push_enrollment,
}

LANES = 6  # people at a time
TRIES = 12  # the waits between them add up to some hours
FIRST_WAIT, LONGEST_WAIT = 2.0, 3600.0


class Stopped(Exception):
    """Thinkific refuses our key: nothing more is sent until a person has looked."""


def drain(*, seconds: float = 50.0) -> Counter[str]:
    """Push what is due, for at most so long. Answers how many entries were `done`, `retried` and `failed`.

    With a refused key everything waits: nothing fails for good, and the next drain asks again.
    """
    outcome: Counter[str] = Counter()
    credentials = Credentials.from_settings()
    if not credentials.complete:
        return outcome
    free_abandoned()
    if not OutboxEntry.objects.due().exists():
        return outcome
    budget = SharedBudget.from_settings()
    end = time.monotonic() + seconds
    with budget.lanes(want=LANES, interactive=True) as lanes:
        client = ThinkificClient(credentials, budget=lanes, interactive=True, retries=1)
        _Drain(client, outcome, end).run()
    return outcome


class _Drain:
    """One drain of this process. Entries are claimed in this thread, pushed in others."""

    def __init__(self, client: ThinkificClient, outcome: "Counter[str]", end: float) -> None:
        self.client = client
        self.outcome = outcome
        self.end = end
        self.stopped = threading.Event()
        self.lock = threading.Lock()

    def run(self) -> None:
        with ThreadPoolExecutor(max_workers=LANES, thread_name_prefix="push") as threads:
            under_way: set[Future[None]] = set()
            while True:
                room = 2 * LANES - len(under_way)
                groups = claim(room) if room > 0 and self._goes_on() else []
                under_way |= {threads.submit(self._push_person, group) for group in groups}
                if not under_way:
                    return
                done, under_way = wait(under_way, timeout=1.0, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                heartbeat.beat()

    def _goes_on(self) -> bool:
        return not self.stopped.is_set() and time.monotonic() < self.end

    def _push_person(self, entries: list[OutboxEntry]) -> None:
        close_old_connections()
        try:
            for place, entry in enumerate(entries):
                if self.stopped.is_set() or not self._push(entry):
                    for later in entries[place + (not self.stopped.is_set()) :]:
                        put_back(later, seconds=1.0)
                    return
        finally:
            connections.close_all()

    def _push(self, entry: OutboxEntry) -> bool:
        """Whether the person's next entry may follow."""
        with structlog.contextvars.bound_contextvars(
            entry=entry.pk, entity=entry.entity, object=entry.object_id
        ):
            try:
                PUSHES[entry.entity](entry, self.client)
            except RateLimited as error:
                return self._later(entry, error, error.seconds(), counts=False)
            except BudgetExhausted as error:
                return self._later(entry, error, error.seconds(), counts=False)
            except RetryLater as error:
                return self._later(entry, error, error.seconds(_backoff(entry.attempts)))
            except (CredentialsRefused, NotConfigured) as error:
                return self._stop(entry, error)
            except ThinkificError as error:
                return self._fail(entry, str(error))
            except Exception as error:  # the edge of a task: it stands on its row
                log.exception("push failed")
                problem = f"{type(error).__name__}: {error}"[:500]
                return self._later(entry, RetryLater(problem), _backoff(entry.attempts))
            return self._done(entry)

    def _count(self, fate: str) -> None:
        with self.lock:
            self.outcome[fate] += 1

    def _done(self, entry: OutboxEntry) -> bool:
        pushes.finish(entry, now=timezone.now())
        connection_state.note(REST, ok=True)
        self._count("done")
        return True

    def _later(self, entry: OutboxEntry, error: RetryLater, seconds: float, *, counts: bool = True) -> bool:
        if counts and entry.attempts >= TRIES:
            return self._fail(entry, f"{error} It was tried {entry.attempts} times.")
        log.info("push later", seconds=round(seconds, 1), problem=str(error))
        entry.uncertain = entry.uncertain or error.uncertain
        put_back(entry, seconds=seconds, error=str(error), uncertain=entry.uncertain)
        self._count("retried")
        return False

    def _fail(self, entry: OutboxEntry, words: str) -> bool:
        log.warning("push failed for good", problem=words)
        pushes.fail(entry, words, now=timezone.now())
        self._count("failed")
        return entry.entity != "user"  # without an account nothing of the person's can follow

    def _stop(self, entry: OutboxEntry, error: ThinkificError) -> bool:
        self.stopped.set()
        surface = error.surface if isinstance(error, CredentialsRefused) else REST
        connection_state.note(surface, ok=False, detail=str(error))
        put_back(entry, seconds=5.0, error=str(error))
        self._count("retried")
        return False


def _backoff(attempts: int) -> float:
    pause = min(FIRST_WAIT * 2 ** max(0, attempts - 1), LONGEST_WAIT)
    return pause * random.uniform(0.75, 1.25)  # noqa: S311 (jitter)
