"""The entry of the REST API: a middleware that answers all calls below /api/.

It stands before sessions, cookies and CSRF, which no call needs. In this order: the token (before anything
else is looked at, so that nobody without one learns what exists), the number of calls, the address, the
body, and the call itself in one transaction.
"""

import time
from collections.abc import Callable

import structlog
from django.core.exceptions import DisallowedHost
from django.db import Error, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.utils import timezone

from api.answers import NOT_FOUND, UNAUTHENTICATED, message, not_possible, options
from api.authentication import token_of
from api.calls import bodies, idempotency, limits
from api.errors import BadBody, Invalid
from core.databases import is_crossed, is_unavailable
from core.models import ApiToken
from core.services.api import tokens

log = structlog.get_logger(__name__)

ROOT = "/api"
OPEN = {"/api/docs", "/api/docs/", "/api/openapi.json"}  # pages of the site, for everybody
READING = {"GET", "HEAD", "OPTIONS"}
GONE = "The database cannot be reached or is busy at this moment."
PERHAPS_SAVED = " What you sent may have been saved: repeat it with its Idempotency-Key, or look first."
TRIES = 3  # of a call whose write another one crossed
NUL = "The text contains a character that cannot be stored (NUL)."
Answer = Callable[[HttpRequest], HttpResponse]


def serve(get_response: Answer) -> Answer:
    """Middleware: answers calls of the API, and passes on everything else."""

    def middleware(request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if path in OPEN or not (path == ROOT or path.startswith(f"{ROOT}/")):
            return get_response(request)
        began = time.perf_counter()
        try:
            response = _answer(request)
        except Exception as error:
            response = _unforeseen(request, error)
        response["Cache-Control"] = "no-store"
        if request.META["REQUEST_METHOD"] == "HEAD":
            response["Content-Length"] = str(len(response.content))
            response.content = b""
        _log(request, response, began)
        return response

    return middleware


def _answer(request: HttpRequest) -> HttpResponse:
    try:
        request.get_host()
    except DisallowedHost:
        return message(400, "The Host header names another site.")
    token = token_of(request)
    if token is None:
        return message(401, UNAUTHENTICATED, WWW_Authenticate="Bearer")
    request.token, request.issuer, request.user = token, token.user, token.user  # type: ignore[attr-defined]
    limit = limits.count(token.pk)
    if limit is not None and limit.exceeded:
        response = message(429, f"Too many calls: {limit.allowed:,} a minute are allowed for a token.")
    else:
        tokens.note_use(token, address=request.META.get("REMOTE_ADDR") or None, now=timezone.now())
        response = _call(request, token)
    if limit is not None:
        limit.write(response)
    return response


def _call(request: HttpRequest, token: ApiToken) -> HttpResponse:
    try:
        found = resolve(_without_last_slash(request.path_info), "api.urls")
    except Resolver404:
        return message(404, NOT_FOUND)
    request.resolver_match = found
    if without := [name for name, values in request.GET.lists() if "\0" in f"{name}{''.join(values)}"]:
        return message(422, f"{NUL} Leave it out of the address.", {without[0].replace("\0", ""): [NUL]})

    def view() -> HttpResponse:
        response: HttpResponse = found.func(request, *found.args, **found.kwargs)
        if response.status_code != 405:
            return response
        # Ninja names the methods when it refuses one.
        possible = [name.strip() for name in response.get("Allow", "").split(",") if name.strip()]
        if sent == "OPTIONS":
            return options(possible)
        return not_possible(sent, possible)

    sent = request.META["REQUEST_METHOD"]
    if request.method == "HEAD":
        request.method = "GET"
    if request.method in READING:
        return view()
    try:
        request.data = bodies.parse(bodies.read(request))  # type: ignore[attr-defined]
        key = idempotency.key_of(request)
    except (BadBody, Invalid) as error:
        return error.answer()
    for attempt in range(1, TRIES + 1):
        try:
            if key:
                return idempotency.once(request, token.user, key, lambda: _whole(view))
            return _whole(view)
        except Error as error:
            if attempt == TRIES or not is_crossed(error):
                raise
    raise AssertionError("unreachable")


def _whole(view: Callable[[], HttpResponse]) -> HttpResponse:
    """Carry out a call that writes, in one transaction: an error undoes all of it."""
    with transaction.atomic():
        response = view()
        if response.status_code >= 400:
            transaction.set_rollback(True)
    return response


def _without_last_slash(path: str) -> str:
    rest = path.removeprefix(ROOT)
    return rest.removesuffix("/") or "/"


def _unforeseen(request: HttpRequest, error: Exception) -> HttpResponse:
    if is_crossed(error):
        log.warning("api call crossed by others", path=request.path, problem=str(error))
        return message(409, "Somebody else changed the same object at this moment. Try again.")
    if is_unavailable(error):
        log.error("database unavailable", problem=f"{type(error).__name__}: {error}".strip())
        saved = "" if request.method in READING else PERHAPS_SAVED
        return message(503, f"{GONE}{saved} Try again in a minute.", Retry_After="30")
    log.exception("api call failed", path=request.path, method=request.method)
    return message(500, "Something went wrong here, and nothing was saved. It is recorded in the log.")


def _log(request: HttpRequest, response: HttpResponse, began: float) -> None:
    token: ApiToken | None = getattr(request, "token", None)
    log.info(
        "api call",
        method=request.META["REQUEST_METHOD"],
        path=request.path,
        status=response.status_code,
        milliseconds=round(1000 * (time.perf_counter() - began), 1),
        caller=token.prefix if token else None,
        issuer=token.user_id if token else None,
    )
