"""An answer of Thinkific, and what its status means."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NoReturn, TypeVar

import msgspec

from integrations.thinkific.client.credentials import GRAPHQL, REST, Credentials
from integrations.thinkific.client.decoding import decode_object
from integrations.thinkific.client.errors import (
    CredentialsRefused,
    Message,
    NotFound,
    RateLimited,
    Rejected,
    RetryLater,
    error_messages,
    looks_like_html,
)
from integrations.thinkific.client.rates import FALLBACK, RateHeaders, retry_after

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: `body` is decompressed, `rate` is what the headers say about the request budget."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    rate: RateHeaders
    request: str = ""  # "GET /users", for messages
    surface: str = REST

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


def check(answer: Answer, credentials: Credentials) -> None:
    """Returns nothing when the answer is a success; else raises what its status means."""
    if answer.ok:
        return
    if answer.status in (401, 403):
        _raise_refused(answer, credentials)
    html = looks_like_html(answer.body)
    said = f"{answer.request} answered {answer.status}{' with an HTML page' if html else ''}."
    if answer.status == 429:
        raise RateLimited(said, until=answer.rate.reset or default_reset())
    if answer.status >= 500 or answer.status in (408, 425):
        uncertain = not answer.request.startswith("GET ")
        trouble = RetryLater(said, after=retry_after(answer.headers, time.time()), uncertain=uncertain)
        trouble.surface = answer.surface
        raise trouble
    if answer.surface == GRAPHQL and answer.status in (400, 422) and not html:
        return  # errors of the query itself, which read_graph_answer tells apart
    messages: list[Message] = [(None, said)] if html else error_messages(answer.body)
    if 300 <= answer.status < 400:
        messages = [(None, f"{said} That is a redirection; check THINKIFIC_API_URL.")]
    # A page for browsers says nothing about the object: only Thinkific's own 404 may count as its absence.
    kind = NotFound if answer.status == 404 and not html else Rejected
    raise kind(answer.request, answer.status, messages)


def _raise_refused(answer: Answer, credentials: Credentials) -> NoReturn:
    _, name = credentials.headers(answer.surface)
    words = "; ".join(text for _, text in error_messages(answer.body))
    words = "an HTML page" if looks_like_html(answer.body) else words
    said = f"{answer.request} answered {answer.status}{f' ({words})' if words else ''}"
    raise CredentialsRefused(
        f"Thinkific refused {name} for {answer.surface}: {said}. Check the key, the subdomain, and that the "
        "site's plan includes API access.",
        surface=answer.surface,
        credential=name,
        status=answer.status,
    )


def default_reset() -> datetime:
    """Returns the end of the wait after a 429 that names none."""
    return datetime.now(UTC) + timedelta(seconds=FALLBACK)


def read_object(answer: Answer, row_type: type[T], unwrap: str = "") -> T:
    """Returns the object in the body, also where it comes as `{unwrap: {...}}`. Raises RetryLater."""
    try:
        return decode_object(answer.body, row_type, unwrap=unwrap, what=answer.request)
    except msgspec.ValidationError as error:
        raise RetryLater(
            f"{answer.request} answered {answer.status} with an unreadable object: {error}."
        ) from None
