"""Errors that end an API call, and how each of them is answered."""

import structlog
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from ninja.errors import HttpError, ValidationError

from api.answers import NOT_FOUND, message
from core.errors import Refusal

log = structlog.get_logger(__name__)


class BadBody(Exception):
    """The body is no JSON that can be read: 400, or another status for its size."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status

    def answer(self) -> HttpResponse:
        return message(self.status, str(self))


class Invalid(Exception):
    """Values that are refused, by field as it was sent: 422."""

    def __init__(self, /, **errors: str) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = {field: [text] for field, text in errors.items()}

    def answer(self) -> HttpResponse:
        return message(422, _summary(self.errors), self.errors)


class OutOfDate(Exception):
    """If-Match names another version than the present one: 412."""


def refuse(status: int, text: str) -> HttpError:
    """Returns an error to raise: this status with this text."""
    return HttpError(status, text)


def answer_to(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Returns the answer to an error of a call; None for one that nobody foresaw."""
    match error:
        case ValidationError():
            return _invalid(error)
        case Invalid() | BadBody():
            return error.answer()
        case Http404():
            return message(404, NOT_FOUND)
        case OutOfDate():
            return message(
                412,
                "The object has changed since it was read. Read it again and repeat the call with its ETag.",
            )
        case PermissionDenied():
            return message(403, str(error) or "The issuer of this token may not do that.")
        case HttpError():
            return message(error.status_code, error.message)
        case Refusal():
            return _refused(error)
    return None


def _refused(refusal: Refusal) -> HttpResponse:
    """A 422 names a field. What a rule forbids for another reason than a value is a 409."""
    if refusal.field:
        errors = {refusal.field: [str(refusal)]}
        return message(refusal.status, _summary(errors), errors)
    return message(409 if refusal.status == 422 else refusal.status, str(refusal))


def _invalid(error: ValidationError) -> HttpResponse:
    errors: dict[str, list[str]] = {}
    for problem in error.errors:
        place, *path = problem["loc"]
        if place == "path":
            return message(404, NOT_FOUND)
        # ("body", "payload", "seats", 0, "add_seats"): the name of the parameter is ours, the rest was sent.
        names = path[1:] if place == "body" else path
        field = ".".join(map(str, names)) or "body"
        errors.setdefault(field, [])
        said = _words(problem)
        if said not in errors[field]:
            errors[field].append(said)
    return message(422, _summary(errors), errors)


def _summary(errors: dict[str, list[str]]) -> str:
    first = f"{next(iter(errors))}: {next(iter(errors.values()))[0]}"
    others = sum(map(len, errors.values())) - 1
    return first if not others else f"{first} ({others} more)"


def _words(problem: dict) -> str:
    """Returns what is wrong with a value, in a sentence."""
    match problem["type"]:
        case "missing":
            return "This field is required."
        case "value_error":
            return str(problem["msg"]).removeprefix("Value error, ")
        case "extra_forbidden":
            return "There is no such field."
        case _:
            return f"{problem['msg']}."
