"""What every address answers while the database is locked, full or gone: 503, and when to try again.

The worst moment may come anywhere: in a view, in a middleware before it, when the session is saved after it.
So there are two places. `WhileUnavailable` takes what a view raises; `server_error` and `bad_request` are
Django's handlers of what anything else raises. None of them needs the database.
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
# What has no bearing on whether a change of the person's was saved.
BESIDES = ("DJANGO_SESSION",)
WRITES = ("INSERT", "UPDATE", "DELETE")

GONE = "The database cannot be reached or is busy at this moment."
NOT_SAVED = "Nothing was saved."
PERHAPS_SAVED = "What you sent may have been saved: look before you send it again."


class WhileUnavailable:
    """Also notes whether a request has written anything, for what its page may promise. Stands outside of
    all other middleware, so that it sees what they write."""

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
    """Django's handler500, called while the error is being handled."""
    error = sys.exc_info()[1]
    return _answer(request, error) if error and is_unavailable(error) else defaults.server_error(request)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400: a session that cannot be saved is taken there for one that somebody deleted."""
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
    """In the form that whoever asks can read: a program, a part of a page that htmx fetches, a browser."""
    saves = request.method not in {"GET", "HEAD"}
    outcome = "" if not saves else PERHAPS_SAVED if getattr(request, "has_written", False) else NOT_SAVED
    text = " ".join(part for part in (GONE, outcome, "Try again in a minute.") if part)
    if request.path.startswith("/api/") or _wants_json(request):
        return JsonResponse({"message": text}, status=503)
    if request.path.startswith("/webhooks/") or request.headers.get("HX-Request"):
        return HttpResponse(f"{text}\n", status=503, content_type="text/plain")
    page = render_to_string("503.html", {"gone": GONE, "outcome": outcome, "saves": saves})
    return HttpResponse(page, status=503)
