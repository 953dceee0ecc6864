"""Addresses for probes: /healthz (this process runs) and /readyz (database and migrations are ready).

They are answered before most other middleware, because a probe has no session, uses plain HTTP, and its Host
header is not in ALLOWED_HOSTS.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse

from core.services.site import health

Answer = Callable[[HttpRequest], HttpResponse]


def live(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"ok": True})


def ready(request: HttpRequest) -> HttpResponse:
    database = health.database()
    checks = {"database": {"ok": database.ok, "detail": database.detail}}
    return JsonResponse({"ok": database.ok, "checks": checks}, status=200 if database.ok else 503)


PROBES: dict[str, Answer] = {"/healthz": live, "/readyz": ready}


def answer_probes(get_response: Answer) -> Answer:
    def middleware(request: HttpRequest) -> HttpResponse:
        answer = PROBES.get(request.path_info.rstrip("/"))
        if answer is None:
            return get_response(request)
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        response = answer(request)
        response["Cache-Control"] = "no-store"
        response["Content-Length"] = str(len(response.content))  # keeps the connection open
        return response

    return middleware
