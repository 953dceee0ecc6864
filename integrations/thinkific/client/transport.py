"""One request to Thinkific: headers, time-outs, what a status means, and when to try again.

Nothing here uses the database, so it works in any thread. The shared request budget does use it; it is a
parameter.
"""

import json as jsonlib
import math
import random
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeVar

import requests
from django.conf import settings
from requests import exceptions as failures

from integrations import stopping
from integrations.thinkific.client import no_answer, wire
from integrations.thinkific.client.answers import Answer, check, default_reset
from integrations.thinkific.client.credentials import GRAPHQL, REST, WEBHOOKS, Credentials
from integrations.thinkific.client.errors import (
    BudgetExhausted,
    Interrupted,
    NotFound,
    RateLimited,
    RetryLater,
    Unfinished,
)
from integrations.thinkific.client.no_answer import Attempt
from integrations.thinkific.client.rates import Points, RateHeaders, read_rate_headers
from integrations.thinkific.client.sessions import Sessions

R = TypeVar("R")

HEADERS = {
    "User-Agent": "B2B-Dashboard-for-Thinkific/0.1",  # Cloudflare refuses requests without one
    "Accept": "application/json",
    "Accept-Encoding": "gzip",  # only this: urllib3 decompresses it in parts, so that we can stop
}
PATHS = {REST: "/api/public/v1", WEBHOOKS: "/api/v2", GRAPHQL: "/stable/graphql"}
BACKOFF = 0.5  # seconds before the first retry, doubled for each further one
LONGEST_BACKOFF = 20.0
# Bytes of an answer that are read at once: whole pages. After each part threads wait for each other, so the
# default of `requests`, ten thousand bytes, is slow.
READ_SIZE = 1 << 20


class Budget(Protocol):
    """What a transport needs of the shared request budget (budget/request_budget.py)."""

    def permit(self, *, interactive: bool, points: int = 0) -> AbstractContextManager[object]:
        """Waits for a slot and a request (or, with `points`, for so many GraphQL points)."""

    def note(self, rate: RateHeaders) -> None: ...

    def stop_until(self, until: datetime) -> None: ...

    def note_points(self, points: Points, *, estimate: int) -> None: ...

    def stop_points_until(self, until: datetime) -> None: ...


class Transport:
    """Sends requests to one site. Safe to share between threads: each has its own session.

    After a failure that may pass, `retries` more attempts are made; a POST is repeated only where it is
    certain that nothing was done. `sleep` waits between attempts.

    An answer must be complete after `seconds` (THINKIFIC_DEADLINE), and every request of this transport by
    `until`, a moment of `time.monotonic()`. `stop` is called several times a second, in the thread that
    waits; when it returns True, the request ends with Interrupted.

    Where `around` is given, `around(surface, attempt)` makes each attempt: a run counts its requests so.
    """

    def __init__(
        self,
        credentials: Credentials,
        budget: Budget | None = None,
        interactive: bool = False,
        *,
        retries: int = 3,
        sleep: Callable[[float], None] = time.sleep,
        timeout: tuple[float, float] | None = None,
        seconds: float | None = None,
        until: float = math.inf,
        stop: Callable[[], bool] = stopping.requested,
        around: Callable[[str, Callable[[], Answer]], Answer] | None = None,
    ) -> None:
        self.credentials = credentials
        self.budget = budget
        self.interactive = interactive
        self.retries = retries
        self.sleep = sleep
        self.timeout = timeout or settings.THINKIFIC_TIMEOUT
        self.seconds = seconds or settings.THINKIFIC_DEADLINE
        self.until = until
        self.stop = stop
        self.around = around
        self.largest = settings.THINKIFIC_LARGEST_ANSWER * (1 << 20)
        self.sessions = Sessions(credentials.api_url)

    def send_once(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        *,
        surface: str = REST,
    ) -> Answer:
        """Sends one request, without the budget, and returns its answer whatever the status.

        Raises RetryLater when no answer came (`uncertain` unless it never reached Thinkific, or was a GET)
        and NotConfigured when a credential is missing.
        """
        if self.around is None:
            return self._send(method, path, params, json, surface)
        return self.around(surface, partial(self._send, method, path, params, json, surface))

    def _send(
        self, method: str, path: str, params: Mapping[str, Any] | None, json: Any, surface: str
    ) -> Answer:
        proof, _ = self.credentials.headers(surface)
        headers = HEADERS | proof
        operation = json.get("operationName") if isinstance(json, dict) else None
        label = f"{method} {path}" if surface != GRAPHQL else " ".join(filter(None, ("GraphQL", operation)))
        body = None
        if json is not None:
            body = jsonlib.dumps(json, default=plain).encode()  # ASCII, so that lone surrogates survive
            headers["Content-Type"] = "application/json"
        attempt = Attempt(label, method != "GET", self.credentials.api_url, *self.timeout)
        exchange = self._exchange()
        try:
            session = self.sessions.current()
            request = self.sessions.prepare(method, f"{PATHS[surface]}{path}", headers, body)
            given = {key: plain(value) for key, value in (params or {}).items() if value is not None}
            request.prepare_url(request.url, given)
            with exchange:
                exchange.check()
                response = session.send(
                    request,
                    timeout=self.timeout,
                    allow_redirects=False,
                    stream=True,
                    verify=session.verify,
                    proxies=session.proxies,
                )
                content = _content(response, self.largest)
        except wire.CutOff as cut:
            raise no_answer.cut_off(attempt, cut, exchange) from None
        except failures.RequestException as error:
            # from None, here and above: errors of `requests` contain the headers, and so the key
            failure = no_answer.failed(attempt, error)
            if isinstance(failure, RetryLater):
                failure.surface = surface
            raise failure from None
        rate = read_rate_headers(response.headers, response.status_code, time.time())
        return Answer(response.status_code, response.headers, content, rate, label, surface)

    def _exchange(self) -> wire.Exchange:
        return wire.Exchange(
            until=min(time.monotonic() + self.seconds, self.until),
            idle=self.timeout[1],
            largest=self.largest,
            stop=self.stop,
        )

    def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        *,
        surface: str = REST,
    ) -> Answer:
        """Sends a request within the budget, with retries. Returns the successful (2xx) answer.

        Raises RetryLater, RateLimited, Rejected, NotFound, CredentialsRefused or NotConfigured.
        """
        return self.perform(method, path, params, json, surface=surface, read=lambda answer: answer)

    def perform(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        *,
        surface: str = REST,
        points: int = 0,
        repeatable: bool | None = None,
        read: Callable[[Answer], R],
    ) -> R:
        """Does the same as `request`, and returns what `read` makes of the answer. A body that `read` cannot
        read is asked for again.

        `repeatable`: sending it twice does no harm; by default that is so for everything but a POST.
        """
        repeatable = method != "POST" if repeatable is None else repeatable
        writes = method != "GET" and not (surface == GRAPHQL and repeatable)
        attempt = 0
        while True:
            try:
                with self._permit(points):
                    answer = self.send_once(method, path, params, json, surface=surface)
                self._note(answer)
                check(answer, self.credentials)
                return _read(answer, read)
            except RetryLater as error:
                error.uncertain = error.uncertain and writes
                attempt += 2 if isinstance(error, Unfinished) else 1  # these took long already
                pause = self._pause(error, attempt)
                hopeless = isinstance(error, BudgetExhausted | Interrupted)
                hopeless = hopeless or (error.uncertain and not repeatable)
                if attempt > self.retries or hopeless or time.monotonic() + pause >= self.until:
                    raise
                if pause:
                    self.sleep(pause)

    def delete(self, path: str, *, surface: str = REST) -> bool:
        """Returns False when there was no such object any more."""
        try:
            self.request("DELETE", path, surface=surface)
        except NotFound:  # also when a first attempt worked and its answer was lost
            return False
        return True

    def _permit(self, points: int) -> AbstractContextManager[object]:
        if self.budget is None:
            return nullcontext()
        return self.budget.permit(interactive=self.interactive, points=points)

    def _note(self, answer: Answer) -> None:
        if self.budget is None:
            return
        graph = answer.surface == GRAPHQL
        if answer.status == 429:
            stop = self.budget.stop_points_until if graph else self.budget.stop_until
            stop(answer.rate.reset or default_reset())
        elif not graph:  # answers of GraphQL tell it in their body
            self.budget.note(answer.rate)

    def _pause(self, error: RetryLater, attempt: int) -> float:
        """Returns the seconds to wait before the next attempt."""
        if isinstance(error, RateLimited):
            # A budget has been told, and makes everybody wait.
            return error.seconds() if self.budget is None else 0.0
        backoff = min(BACKOFF * 2 ** (attempt - 1), LONGEST_BACKOFF)
        return error.seconds(backoff * random.uniform(0.5, 1.5))  # noqa: S311 (jitter)


def _content(response: requests.Response, largest: int) -> bytes:
    """Returns the decompressed body. Reads it in parts: a small answer may become a very large body."""
    parts: list[bytes] = []
    size = 0
    try:
        for part in response.iter_content(READ_SIZE):
            size += len(part)
            if size > largest:
                raise wire.TooLarge
            parts.append(part)
    except BaseException:
        response.close()  # the rest of the answer must not be read by the next request
        raise
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _read(answer: Answer, read: Callable[[Answer], R]) -> R:
    try:
        return read(answer)
    except RateLimited:
        raise
    except RetryLater as error:
        error.uncertain = True  # it was done, but the answer could not be read
        raise


def plain(value: Any) -> Any:
    """Returns a value as Thinkific reads it: times as `YYYY-MM-DDTHH:MM:SSZ`, booleans in lower case."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | str):
        return value
    return str(value)
