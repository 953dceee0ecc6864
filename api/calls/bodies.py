"""Reading the body of a call: strict JSON of a limited size, whose text the database can store."""

import json
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError

from api.errors import BadBody, Invalid

LARGEST = 1024 * 1024  # bytes
DEEPEST = 32


def read(request: HttpRequest) -> bytes:
    """Returns the body. Raises BadBody for one that is too large or was cut off."""
    try:
        if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST:
            raise RequestDataTooBig
        body = request.body
    except (RequestDataTooBig, ValueError):
        raise BadBody("The body is larger than 1 MB. Send less in one call.", 413) from None
    except UnreadablePostError:
        raise BadBody("The body did not arrive whole.") from None
    if len(body) > LARGEST:
        raise BadBody("The body is larger than 1 MB. Send less in one call.", 413)
    return body


def parse(body: bytes) -> Any:
    """Returns the object in the body. Raises BadBody for what is no JSON, and Invalid for text that contains
    a NUL or half of a character."""
    if not body.strip():
        return {}
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        said = f"The body is not valid JSON: {error.msg} in line {error.lineno}, column {error.colno}."
        hint = "JSON has no comma after the last field."
        if body.lstrip()[:1] not in (b"{", b"["):
            hint = 'Send a JSON object, such as {"email": "j.doe@example.com"}, and no form.'
        raise BadBody(f"{said} {hint}") from None
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadBody(f"The body is not valid JSON: {said}.") from None
    _check(value, (), 0)
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _check(value: Any, place: tuple[str, ...], depth: int) -> None:
    if depth > DEEPEST:
        raise BadBody("The body is nested too deeply.")
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            said = "The text contains a character that cannot be stored (NUL or half of one)."
            raise Invalid(**{".".join(place) or "body": said})
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check(name, place, depth)
            _check(inner, (*place, name), depth + 1)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _check(inner, (*place, str(number)), depth + 1)
