"""What the schema says of every operation: its errors, and who may call it."""

from typing import Any

from ninja import Schema

EXPLAINED = {
    304: "It has not changed: the client has the present version.",
    400: "The body is no valid JSON.",
    401: "The token is missing, wrong, expired or revoked.",
    403: "The token's scopes, or the rights of its issuer, do not allow it.",
    404: "There is no such object, or the token may not see it.",
    405: "Another method was sent than this address has; `Allow` names them.",
    409: "The present state does not allow it; the message says what helps.",
    412: "If-Match names another version than the present one.",
    413: "The body is larger than 1 MB.",
    422: "A value is refused; `errors` names each field, as `seats.0.add_seats` for one within a list.",
    429: "Too many calls in this minute.",
    503: "The database cannot be reached at this moment.",
}
ALWAYS = (401, 403, 405, 422, 429, 503)
WRITING = (400, 409, 413)
JSON = "application/json"


class Message(Schema):
    """An error: what happened, to what, and what helps."""

    message: str


class Problem(Message):
    """An error about values; `errors` has the reasons by the field as it was sent: `email`, or
    `seats.0.add_seats` for a field of the first object in the list `seats`."""

    errors: dict[str, list[str]] | None = None


def responses(*errors: int, writes: bool = False, **good: Any) -> dict[int, Any]:
    """Returns what an operation may answer: `responses(404, _200=UserOut)`. `writes` adds the errors of
    operations with a body."""
    codes = sorted({*ALWAYS, *errors, *(WRITING if writes else ())})
    found = {int(code.removeprefix("_")): schema for code, schema in good.items()}
    return found | {code: Problem if code in (409, 422) else Message for code in codes}


def example(body: Any = None, *, headers: tuple[str, ...] = (), **answers: Any) -> dict[str, Any]:
    """Returns `openapi_extra` of an operation: an example of its body, headers that it reads, and examples of
    answers by code: `_200={...}`."""
    extra: dict[str, Any] = {}
    if body is not None:
        extra["requestBody"] = {"content": {JSON: {"examples": _examples(body)}}}
    if headers:
        extra["parameters"] = [HEADERS[name] for name in headers]
    if answers:
        extra["responses"] = {
            int(code.removeprefix("_")): {"content": {JSON: {"example": value}}}
            for code, value in answers.items()
        }
    return extra


def _examples(body: Any) -> dict[str, Any]:
    """One example, or several by name in a list of pairs."""
    if isinstance(body, list):
        return {name: {"summary": name, "value": value} for name, value in body}
    return {"published": {"summary": "As published", "value": body}}


HEADERS: dict[str, Any] = {
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "Repeat a call safely: the same key and body get the first answer again for 24 hours.",
        "schema": {"type": "string", "maxLength": 255, "pattern": "^[ -~]*[!-~][ -~]*$"},
    },
    "If-Match": {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "description": "The ETag of the version that the change is based on. Another version is a 412.",
        "schema": {"type": "string"},
    },
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "description": "The ETag that the client has: a 304 when it is still the present one.",
        "schema": {"type": "string"},
    },
}


ANSWER_HEADERS: dict[str, Any] = {
    "RateLimit-Limit": {
        "description": "How many calls a minute the token may make. Absent while calls are not limited.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "RateLimit-Remaining": {
        "description": "How many are left in this minute.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "RateLimit-Reset": {
        "description": "Seconds until the next minute.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 60},
    },
    "Retry-After": {
        "description": "Seconds to wait before the next try.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "ETag": {
        "description": "The version of the object, for If-Match and If-None-Match.",
        "required": True,
        "schema": {"type": "string", "pattern": '^"[0-9a-f]{32}"$'},
    },
    "Idempotency-Replayed": {
        "description": "`true`: the first answer again, by the Idempotency-Key.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Allow": {
        "description": "The methods that the address has.",
        "required": True,
        "schema": {"type": "string"},
    },
    "WWW-Authenticate": {
        "description": "How to authenticate.",
        "required": True,
        "schema": {"type": "string", "enum": ["Bearer"]},
    },
}
COUNTED = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


def answer_headers(code: int, operation: dict[str, Any]) -> dict[str, Any]:
    """Returns which headers an operation's answer with this code has."""
    read = {parameter["name"] for parameter in operation.get("parameters", ())}
    names = list(COUNTED)
    if code == 401:  # which is answered before calls are counted
        names = ["WWW-Authenticate"]
    if code == 304 or (code == 200 and read & {"If-Match", "If-None-Match"}):
        names.append("ETag")
    if code == 405:
        names.append("Allow")
    if code in (429, 503):
        names.append("Retry-After")
    if "Idempotency-Key" in read and code not in (401, 403, 405, 429, 503):
        names.append("Idempotency-Replayed")
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
