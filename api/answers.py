"""Answers of the REST API: JSON, and the same shape for every error."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.http import HttpResponse

from core.wording import listed

JSON = "application/json"
_encode = msgspec.json.Encoder(decimal_format="string").encode
UNAUTHENTICATED = "Unauthenticated."
NOT_FOUND = "There is no such object, or this token may not see it."


def answer(status: int, payload: Any = None, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Returns the payload as JSON; no content for a 204."""
    content = b"" if status == 204 else _encode(payload)
    return HttpResponse(content, status=status, content_type=JSON, headers=headers)


def message(
    status: int, text: str, errors: Mapping[str, list[str]] | None = None, **headers: str
) -> HttpResponse:
    """Returns an error: `{"message": …}`, with `errors` by field when values were refused."""
    payload: dict[str, Any] = {"message": text}
    if errors:
        payload["errors"] = errors
    return answer(status, payload, {name.replace("_", "-"): value for name, value in headers.items()})


def not_possible(method: str, possible: Collection[str]) -> HttpResponse:
    """Returns a 405 that names the methods that an address has."""
    return message(405, not_possible_text(method, possible), Allow=", ".join(allowed(possible)))


def not_possible_text(method: str, possible: Collection[str]) -> str:
    return f"{method} is not possible here. Possible: {listed(allowed(possible))}."


def options(possible: Collection[str]) -> HttpResponse:
    """Returns the answer to OPTIONS: which methods an address has."""
    return answer(204, headers={"Allow": ", ".join(allowed(possible))})


def allowed(possible: Collection[str]) -> list[str]:
    """Returns these methods with those that come with them."""
    return sorted({*possible, "OPTIONS", *(["HEAD"] if "GET" in possible else [])})


def encode(payload: Any) -> bytes:
    return _encode(payload)


def moment(value: datetime | None) -> str | None:
    """Returns a moment as the API writes it: `2026-01-05T09:00:00Z`."""
    return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
