"""The response while the database is locked, full or unreachable: 503, with the time to try again.

The error can be raised in a view, in a middleware before it, or when the session is saved after it. So there
are two places: `WhileUnavailable` handles errors of views; `server_error` and `bad_request` are Django's
handlers for errors of all other code. None of them uses the database.
"""

import sys
from collections.abc import Callable
from typing import Any

import structlog
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views import defaults

from core.databases import is_unavailable

log = structlog.get_logger(__name__)

RETRY_AFTER = "30"  # seconds
# Writes to these tables do not count as saving a change of the user.
BESIDES = ("DJANGO_SESSION",)
WRITES = ("INSERT", "UPDATE", "DELETE")

GONE = "The database cannot be reached or is busy at this moment."
NOT_SAVED = "Nothing was saved."
PERHAPS_SAVED = "What you sent may have been saved: look before you send it again."


class WhileUnavailable:
    """Middleware for errors of views. Also records whether the request has written something, so that the
    page can say whether a change was saved. It is outside all middleware that writes to the database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD"}:
            return self.get_response(request)

        def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
            answer = execute(sql, params, many, context)
            statement = sql[:60].lstrip().upper()
            if statement.startswith(WRITES) and not any(table in statement for table in BESIDES):
                request.has_written = True  # type: ignore[attr-defined]
            return answer

        with connection.execute_wrapper(note):
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return _answer(request, error) if is_unavailable(error) else None


def server_error(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """Django's handler500. Django calls it while the exception is being handled."""
    error = sys.exc_info()[1]
    return _answer(request, error) if error and is_unavailable(error) else defaults.server_error(request)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400. Django takes a session that cannot be saved for one that was deleted, and calls
    it."""
    if is_unavailable(exception):
        return _answer(request, exception)
    return defaults.bad_request(request, exception)


def _answer(request: HttpRequest, error: BaseException) -> HttpResponse:
    log.error("database unavailable", problem=f"{type(error).__name__}: {error}".strip())
    response = _page(request)
    response["Retry-After"] = RETRY_AFTER
    response["Cache-Control"] = "no-store"
    return response


def _wants_json(request: HttpRequest) -> bool:
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def _page(request: HttpRequest) -> HttpResponse:
    """Returns the response in the form that the client reads: JSON for programs, text for htmx and webhooks,
    a page for browsers."""
    saves = request.method not in {"GET", "HEAD"}
    outcome = "" if not saves else PERHAPS_SAVED if getattr(request, "has_written", False) else NOT_SAVED
    text = " ".join(part for part in (GONE, outcome, "Try again in a minute.") if part)
    if request.path.startswith("/api/") or _wants_json(request):
        return JsonResponse({"message": text}, status=503)
    if request.path.startswith("/webhooks/") or request.headers.get("HX-Request"):
        return HttpResponse(f"{text}\n", status=503, content_type="text/plain")
    page = render_to_string("503.html", {"gone": GONE, "outcome": outcome, "saves": saves})
    return HttpResponse(page, status=503)
