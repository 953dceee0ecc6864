"""What can go wrong with a request to Thinkific. The class of an error decides what happens next.

RetryLater: the request may work later. Rejected: it will not, and a person must look at it.
CredentialsRefused and NotConfigured: no request works. No message contains a key or a token.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any

Message = tuple[str | None, str]  # (the field it is about or None, what Thinkific says about it)

MESSAGES_KEPT = 20
CHARACTERS_KEPT = 300


class ThinkificError(Exception):
    """Any failure of a request, by Thinkific or on the way to it."""


class NotConfigured(ThinkificError):
    """A credential or setting is missing or unusable; the message says which."""


class CredentialsRefused(ThinkificError):
    """Thinkific answered 401 or 403: no request will work until a person has looked.

    `surface` is "REST", "webhooks" or "GraphQL"; `credential` names the setting that was refused.
    """

    def __init__(self, message: str, *, surface: str, credential: str, status: int) -> None:
        super().__init__(message)
        self.surface = surface
        self.credential = credential
        self.status = status


class RetryLater(ThinkificError):
    """The same request may work later: after `after` seconds or at `until`, where known.

    `uncertain` marks a write that was sent and had no clear answer: it may have been done, so read the object
    before creating it again. `surface` is set where a surface of Thinkific did not answer, or with a 5xx.
    """

    surface = ""

    def __init__(
        self,
        message: str,
        *,
        after: float | None = None,
        until: datetime | None = None,
        uncertain: bool = False,
    ) -> None:
        super().__init__(message)
        self.after = after
        self.until = until
        self.uncertain = uncertain

    def seconds(self, default: float = 1.0) -> float:
        """Returns how many seconds to wait from now; `default` where Thinkific named no time."""
        if self.until is not None:
            return max(0.0, (self.until - datetime.now(UTC)).total_seconds())
        return default if self.after is None else self.after


class RateLimited(RetryLater):
    """A 429, or GraphQL's RATE_LIMITED. Nothing was done. `until` is always set."""

    until: datetime

    def __init__(self, message: str, *, until: datetime) -> None:
        super().__init__(message, until=until)


class BudgetExhausted(RetryLater):
    """The request budget had no free request in time; nothing was sent."""


class Unfinished(RetryLater):
    """The answer took too long or was too large; the rest was not read."""


class Endless(RetryLater):
    """A list says that more rows follow, but sends only rows that it has sent before, or none."""


class Interrupted(RetryLater):
    """This process or its run was stopped, and did not wait for the answer."""

    def __init__(self, message: str, *, uncertain: bool = False) -> None:
        super().__init__(message, after=0.0, uncertain=uncertain)


class Rejected(ThinkificError):
    """Thinkific refused the request. `messages` are its own words, `[(field or None, text)]`; `words` are the
    same in one line, without the name of the request, which the message begins with."""

    def __init__(self, request: str, status: int, messages: list[Message]) -> None:
        self.request = request
        self.status = status
        self.messages = messages
        words = "; ".join(f"{field}: {text}" if field else text for field, text in messages)
        answered = request if status == 200 else f"{request} answered {status}"
        self.words = words or f"{answered} without a reason."
        # Our own words about an answer name the request already.
        super().__init__(self.words if self.words.startswith(request) else f"{answered}: {words}")


class NotFound(Rejected):
    """No such object at Thinkific (404)."""


class TooExpensive(ThinkificError):
    """GraphQL refused a query because it costs too much, and took no points: ask for fewer rows at once."""

    def __init__(self, message: str, *, max_cost: int | None = None, cost: int | None = None) -> None:
        super().__init__(message)
        self.max_cost = max_cost
        self.cost = cost


class SchemaDrift(ThinkificError):
    """GraphQL does not know a field or an argument of a query: Thinkific has changed its schema."""


def error_messages(body: bytes | str | Any) -> list[Message]:
    """Returns Thinkific's messages in the body of an error, in any of the forms that it sends.

    Reads `errors` or `error` of an object, or of each object in an array: a string, a list, a map of lists, a
    map of strings, or a list of maps. Returns an empty list for HTML and for what is not JSON.
    """
    if isinstance(body, bytes):
        body = body.decode("utf-8", "replace")
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            return []
    found: list[Message] = []
    _collect(body, None, found, top=True)
    return list(dict.fromkeys(found))[:MESSAGES_KEPT]


def _collect(
    value: Any, field: str | None, found: list[Message], *, top: bool = False, depth: int = 0
) -> None:
    if value is None or depth > 6:
        return
    if isinstance(value, list):
        for part in value:
            _collect(part, field, found, top=top, depth=depth + 1)
    elif isinstance(value, dict):
        inner = next((value[key] for key in ("errors", "error") if value.get(key)), None)
        if inner is not None:
            _collect(inner, field, found, depth=depth + 1)
        elif isinstance(value.get("message"), str):
            _collect(value["message"], field, found, depth=depth + 1)
        elif not top:
            for key, part in value.items():
                _collect(part, None if key == "base" else str(key), found, depth=depth + 1)
    elif not (top and depth == 0):
        text = _printable(str(value))
        if text:
            found.append((field, text))


def _printable(text: str) -> str:
    """Returns the text in one line, without control characters or HTML, cut to CHARACTERS_KEPT."""
    if looks_like_html(text):
        return "an HTML page"
    text = re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]+", " ", text).strip()
    return text if len(text) <= CHARACTERS_KEPT else f"{text[:CHARACTERS_KEPT]}…"


def looks_like_html(body: bytes | str) -> bool:
    """Returns whether this is a page for a browser (mostly Cloudflare's) and no answer of the API."""
    start = body[:512] if isinstance(body, str) else body[:512].decode("utf-8", "replace")
    return bool(re.match(r"\s*(<!doctype|<html|<head|<body|<center|<\?xml|<!--)", start, re.IGNORECASE))
