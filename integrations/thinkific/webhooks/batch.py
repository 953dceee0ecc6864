"""What the handlers use to process a batch of events: requests to Thinkific, and starting pulls."""

import time
from collections.abc import Callable, Mapping
from typing import ParamSpec, TypeVar

from core.services.mirror.outcome import Applied
from core.services.mirror.source import Source
from integrations.models import SyncRun
from integrations.thinkific import connection_state
from integrations.thinkific.budget.request_budget import SharedBudget
from integrations.thinkific.client import schemas
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.credentials import REST, Credentials
from integrations.thinkific.client.errors import (
    BudgetExhausted,
    CredentialsRefused,
    NotConfigured,
    RetryLater,
    ThinkificError,
)
from integrations.thinkific.runs import lifecycle
from integrations.thinkific.runs.jobs import Ask, Job, SideBySide
from integrations.thinkific.runs.threads import Threads
from integrations.thinkific.webhooks.inbox import Claim

T = TypeVar("T")
K = TypeVar("K")
P = ParamSpec("P")

SOURCE = Source("Thinkific, webhook")
# Seconds to wait for the request budget, and for an answer: shorter than the lease of a claim.
BUDGET_WAIT = 10.0
TIMEOUT = (5.0, 25.0)
SECONDS = 30.0


class Batch:
    """One batch of events and its requests to Thinkific.

    `ask` sends one request, `ask_all` several in parallel. After an error that concerns all requests (no
    answer, refused credentials), no more are sent.
    """

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.budget = SharedBudget.from_settings(longest_wait=BUDGET_WAIT)
        self.client = ThinkificClient(
            Credentials.from_settings(),
            budget=self.budget,
            retries=0,
            timeout=TIMEOUT,
            seconds=SECONDS,
        )
        self._stopped: ThinkificError | None = None
        self._heard_at = 0.0

    def ask(self, question: Callable[P, T], *about: P.args, **more: P.kwargs) -> T:
        """Call a method of the client with these arguments and return its answer.

        Raises NotFound; and RetryLater, CredentialsRefused or NotConfigured, which end the requests of the
        batch: later calls raise the same error.
        """
        if self._stopped is not None:
            raise self._stopped
        self.claim.renew()
        try:
            return question(*about, **more)
        except ThinkificError as error:
            self._note(error)
            raise

    def ask_all(self, questions: Mapping[K, Callable[[], T]]) -> dict[K, T | ThinkificError]:
        """Call several functions that send REST requests, in parallel. Returns the answer or error of each.

        The first one runs alone: if Thinkific does not answer, one request is enough to find out.
        """
        answers = {key: self._answer(questions[key]) for key in list(questions)[:1]}
        questions = {key: question for key, question in questions.items() if key not in answers}
        if questions and self._stopped is None:
            answers |= self._side_by_side(questions)
        for key in questions:
            if key not in answers:
                assert self._stopped is not None
                answers[key] = self._stopped
        return answers

    def _side_by_side(self, questions: Mapping[K, Callable[[], T]]) -> dict[K, T | ThinkificError]:
        answers: dict[K, T | ThinkificError] = {}
        with self.budget.slots() as slots:
            threads = Threads(slots, while_waiting=lambda: self._renew_claim(threads))
            self.client.transport.budget, self._heard_at = threads, time.monotonic()
            try:
                jobs = (self._job(question) for question in questions.values())
                found = SideBySide(threads, jobs, is_due=lambda: self._stopped is not None)
                answers.update(zip(questions, found, strict=False))
            except BudgetExhausted as error:
                self._note(error)
            finally:
                threads.close()
                self.client.transport.budget = self.budget
        return answers

    def _answer(self, question: Callable[[], T]) -> T | ThinkificError:
        try:
            return self.ask(question)
        except ThinkificError as error:
            return error

    def _job(self, question: Callable[[], T]) -> Job[T | ThinkificError]:
        if self._stopped is not None:
            return self._stopped
        try:
            [answer] = yield [Ask(question)]
        except ThinkificError as error:
            self._note(error)
            return error
        finally:
            self._heard_at = time.monotonic()
        return answer

    def _note(self, error: ThinkificError) -> None:
        if isinstance(error, CredentialsRefused):
            connection_state.note(REST, ok=False, detail=str(error))
        if isinstance(error, RetryLater | NotConfigured | CredentialsRefused):
            self._stopped = self._stopped or error

    def _renew_claim(self, threads: Threads) -> None:
        self.claim.renew()
        if not threads.in_flight and time.monotonic() - self._heard_at > BUDGET_WAIT:
            words = "Thinkific's request limit leaves no room for now."
            raise BudgetExhausted(words, after=BUDGET_WAIT)

    def user(self, number: int) -> schemas.User:
        """One person, asked for as by `ask`."""
        return self.ask(self.client.rest.get_user, number)

    def pull(self, kind: str, *, full: bool) -> str:
        """Start a pull, where it needs fewer requests than asking for each row.

        Returns the events' outcome.
        """
        run, attached = lifecycle.open_run(kind, full=full, trigger=SyncRun.Trigger.WEBHOOK)
        lifecycle.wake(run)
        return f"Run {run.pk} brings this. It {'was under way already' if attached else 'has been started'}."


def problems(applied: Applied) -> dict[str, str]:
    """Returns why objects could not be stored, by their name in the mirror (`Enrollment 7`)."""
    return {issue.object: issue.message for issue in applied.issues}
