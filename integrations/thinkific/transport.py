"""One request to Thinkific: headers, time-outs, what a status means, and when to try again.

Nothing here touches the database, so it can be used in any thread. The shared request budget, which does,
is handed in where it is wanted.
"""

import json as jsonlib
import random
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import requests
from django.conf import settings
from requests import exceptions as failures
from urllib3.exceptions import NewConnectionError, ProxyError

from integrations.thinkific.answers import Answer, a_minute_from_now, check
from integrations.thinkific.credentials import GRAPHQL, REST, WEBHOOKS, Credentials
from integrations.thinkific.errors import (
    BudgetExhausted,
    NotConfigured,
    RateLimited,
    RetryLater,
)
from integrations.thinkific.rates import RateHeaders, read_rate_headers

R = TypeVar("R")

HEADERS = {
    "User-Agent": "B2B-Dashboard-for-Thinkific/0.1",  # Cloudflare turns away requests without one
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
}
PATHS = {REST: "/api/public/v1", WEBHOOKS: "/api/v2", GRAPHQL: "/stable/graphql"}
BACKOFF = 0.5  # seconds before the first retry, doubled for each further one
LONGEST_BACKOFF = 20.0
# Bytes of an answer: whole pages. By requests' own ten thousand, threads wait for each other at every part.
AT_ONCE = 1 << 20


class Budget(Protocol):
    """What a client needs of the shared request budget (budget.py has the real one)."""

    def permit(self, *, interactive: bool, points: int = 0) -> AbstractContextManager[object]:
        """Wait for a place and a request (or, with `points`, for so many GraphQL points)."""

    def note(self, rate: RateHeaders) -> None: ...

    def stop_until(self, until: datetime) -> None: ...

    def note_points(
        self,
        *,
        estimate: int,
        cost: int | None,
        limit: int | None,
        remaining: int | None,
        reset: datetime | None,
    ) -> None: ...

    def stop_points_until(self, until: datetime) -> None: ...


class Transport:
    """Sends requests for one site. Safe to share between threads: each has its own session.

    `retries` further attempts are made after transient failures, POST only where it is certain that nothing
    happened; 0 leaves them to the caller. `sleep` is what waits between them.
    """

    def __init__(
        self,
        credentials: Credentials,
        budget: Budget | None = None,
        session: requests.Session | None = None,
        interactive: bool = False,
        *,
        retries: int = 3,
        sleep: Callable[[float], None] = time.sleep,
        timeout: tuple[float, float] | None = None,
    ) -> None:
        self.credentials = credentials
        self.budget = budget
        self.interactive = interactive
        self.retries = retries
        self.sleep = sleep
        self.timeout = timeout or settings.THINKIFIC_TIMEOUT
        self._session = session
        self._local = threading.local()

    def send_raw(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        *,
        surface: str = REST,
    ) -> Answer:
        """Exactly one attempt, whatever its status; asks no budget.

        Raises RetryLater when no answer came (`uncertain` unless it never reached Thinkific, or was a GET)
        and NotConfigured when a credential is missing.
        """
        proof, _ = self.credentials.headers(surface)
        headers = HEADERS | proof
        label = f"{method} {path}" if surface != GRAPHQL else "GraphQL"
        body = None
        if json is not None:
            body = jsonlib.dumps(json, default=plain).encode()  # ASCII, so that lone surrogates survive
            headers["Content-Type"] = "application/json"
        uncertain = method != "GET"
        try:
            session = self._thread_session()
            request = self._prepared(session, method, f"{PATHS[surface]}{path}", headers, body)
            given = {key: plain(value) for key, value in (params or {}).items() if value is not None}
            request.prepare_url(request.url, given)
            response = session.send(
                request,
                timeout=self.timeout,
                allow_redirects=False,
                stream=True,
                verify=session.verify,
                proxies=session.proxies,
            )
            content = b"".join(response.iter_content(AT_ONCE))
        except failures.RequestException as error:
            # from None, here and below: requests' own errors carry the headers, and so the key
            failure = self._no_answer(error, label, uncertain)
            raise failure from None
        rate = read_rate_headers(response.headers, response.status_code, time.time())
        return Answer(response.status_code, response.headers, content, rate, label, surface)

    def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        *,
        surface: str = REST,
    ) -> Answer:
        """A successful (2xx) answer, after retries and within the budget.

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
        """Like `request`, and reads the answer within the retries: a body that is cut off is asked for again.

        `repeatable` says whether doing it twice is harmless; by default everything but a POST is.
        """
        repeatable = method != "POST" if repeatable is None else repeatable
        writes = method != "GET" and not (surface == GRAPHQL and repeatable)
        attempt = 0
        while True:
            try:
                with self._permit(points):
                    answer = self.send_raw(method, path, params, json, surface=surface)
                self._note(answer)
                check(answer, self.credentials)
                return _read(answer, read)
            except RetryLater as error:
                error.uncertain = error.uncertain and writes
                attempt += 1
                hopeless = isinstance(error, BudgetExhausted) or (error.uncertain and not repeatable)
                if attempt > self.retries or hopeless:
                    raise
                self._wait(error, attempt)

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
            stop(answer.rate.reset or a_minute_from_now())
        elif not graph:  # those tell in their body
            self.budget.note(answer.rate)

    def _wait(self, error: RetryLater, attempt: int) -> None:
        if isinstance(error, RateLimited):
            if self.budget is None:  # else the budget has been told, and makes everybody wait
                self.sleep(error.seconds())
            return
        backoff = min(BACKOFF * 2 ** (attempt - 1), LONGEST_BACKOFF)
        self.sleep(error.seconds(backoff * random.uniform(0.5, 1.5)))  # noqa: S311 (jitter)

    def _prepared(
        self, session: requests.Session, method: str, path: str, headers: dict[str, str], body: bytes | None
    ) -> requests.PreparedRequest:
        """A request without its parameters. The last one of a thread serves again: the pages of a list differ
        in nothing else, and putting it together is a good part of the work."""
        key = (method, path, headers)
        if body is None and getattr(self._local, "key", None) == key:
            return self._local.request.copy()
        request = requests.Request(method, f"{self.credentials.api_url}{path}", headers=headers, data=body)
        prepared = session.prepare_request(request)
        if body is None:
            self._local.key, self._local.request = key, prepared.copy()
        return prepared

    def _thread_session(self) -> requests.Session:
        if self._session is not None:
            return self._session
        session = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = self._new_session()
        return session

    def _new_session(self) -> requests.Session:
        """A session that has read the environment (proxies, certificates) once and not for every request.

        With that, it also leaves our Authorization header alone, which a ~/.netrc would replace.
        """
        session = requests.Session()
        found = session.merge_environment_settings(self.credentials.api_url, {}, None, None, None)
        session.proxies, session.verify = found["proxies"], found["verify"]
        session.trust_env = False
        return session

    def _no_answer(self, error: failures.RequestException, label: str, uncertain: bool) -> Exception:
        host = urlsplit(self.credentials.api_url).netloc or self.credentials.api_url
        if isinstance(error, failures.InvalidURL | failures.MissingSchema | failures.InvalidSchema):
            return NotConfigured(f"“{self.credentials.api_url}” (THINKIFIC_API_URL) is not a web address.")
        if isinstance(error, failures.InvalidHeader):
            return NotConfigured("The Thinkific key or subdomain holds characters that cannot be sent.")
        if isinstance(error, failures.ConnectTimeout):
            return RetryLater(f"{label}: no connection to {host} within {self.timeout[0]:g} s.")
        if isinstance(error, failures.Timeout):
            return RetryLater(f"{label}: no answer within {self.timeout[1]:g} s.", uncertain=uncertain)
        if isinstance(error, failures.SSLError):
            return RetryLater(f"{label}: the certificate of {host} could not be verified.")
        reason = getattr(error.args[0] if error.args else None, "reason", None)
        if isinstance(reason, NewConnectionError | ProxyError):
            return RetryLater(f"{label}: no connection to {host}.")
        if isinstance(error, failures.ChunkedEncodingError | failures.ContentDecodingError):
            return RetryLater(f"{label}: the answer was cut off.", uncertain=uncertain)
        return RetryLater(f"{label}: the connection broke.", uncertain=uncertain)


def _read(answer: Answer, read: Callable[[Answer], R]) -> R:
    try:
        return read(answer)
    except RateLimited:
        raise
    except RetryLater as error:
        error.uncertain = True  # it was accepted, and what came of it could not be read
        raise


def plain(value: Any) -> Any:
    """A value as Thinkific reads it: times as `YYYY-MM-DDTHH:MM:SSZ`, booleans in lower case."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | str):
        return value
    return str(value)
