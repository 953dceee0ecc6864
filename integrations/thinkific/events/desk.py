"""Where the events of a batch are worked on: asking Thinkific within limits, asking for pulls, storing."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from core.services.mirror.outcome import Applied
from integrations.models import SyncRun
from integrations.thinkific import connection_state, schemas
from integrations.thinkific.budget import SharedBudget
from integrations.thinkific.client import ThinkificClient
from integrations.thinkific.credentials import REST, Credentials
from integrations.thinkific.errors import (
    CredentialsRefused,
    Interrupted,
    NotConfigured,
    RetryLater,
    ThinkificError,
)
from integrations.thinkific.events.inbox import WAITS, Claim, Verdict, failed, later
from integrations.thinkific.sync import runs

T = TypeVar("T")
P = ParamSpec("P")

SOURCE = "Thinkific, webhook"  # the reason in the history of what events change
# Waits for the request budget and for an answer stay below the lease of a claim.
PATIENCE = 10.0
TIMEOUT = (5.0, 25.0)
SECONDS = 30.0
FIRST_RETRY, LONGEST_RETRY = 15.0, 1800.0
TRIES = 10  # over more than two hours; by then a pull has brought what the event was about
UNTIL_KEY_IS_THERE = 300.0


class Desk:
    """One batch. `ask` makes one request; after a failure that concerns every request it makes no more."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.client = ThinkificClient(
            Credentials.from_settings(),
            budget=SharedBudget.from_settings(patience=PATIENCE),
            retries=0,
            timeout=TIMEOUT,
            seconds=SECONDS,
        )
        self._stopped: ThinkificError | None = None

    def ask(self, question: Callable[P, T], *about: P.args, **more: P.kwargs) -> T:
        """The answer of a method of the client. Raises NotFound, and what stops all: RetryLater,
        CredentialsRefused, NotConfigured."""
        if self._stopped is not None:
            raise self._stopped
        self.claim.renew()
        try:
            return question(*about, **more)
        except (RetryLater, NotConfigured) as error:
            self._stopped = error
            raise
        except CredentialsRefused as error:
            connection_state.note(REST, ok=False, detail=str(error))
            self._stopped = error
            raise

    def user(self, number: int) -> schemas.User:
        """One person, asked for as by `ask`."""
        return self.ask(self.client.get_user, number)

    def put_off(self, error: ThinkificError, attempts: int) -> Verdict:
        """What becomes of an event for which `ask` raised."""
        if isinstance(error, CredentialsRefused | NotConfigured):
            return later(f"{WAITS}{error}", seconds=UNTIL_KEY_IS_THERE, counted=False)
        if isinstance(error, Interrupted):
            return later(f"{WAITS}{error}", seconds=0.0, counted=False)
        if not isinstance(error, RetryLater):
            return failed(str(error))
        if attempts >= TRIES:
            return failed(f"Given up after {attempts} tries: {error} The next pull brings what it was about.")
        wait = min(FIRST_RETRY * 2 ** (attempts - 1), LONGEST_RETRY)
        return later(f"{WAITS}{error}", seconds=max(wait, error.seconds(wait)))

    def pull(self, kind: str, *, full: bool) -> str:
        """Ask for a pull where that costs fewer requests than asking one by one. Answers what to say."""
        run, attached = runs.open_run(kind, full=full, trigger=SyncRun.Trigger.WEBHOOK)
        runs.wake(run)
        return f"Run {run.pk}, which {'was under way' if attached else 'it started'}, brings this."


def problems(applied: Applied) -> dict[str, str]:
    """What could not be stored and why, by the object's name in the mirror's words (`Enrollment 7`)."""
    return {issue.object: issue.message for issue in applied.issues}
