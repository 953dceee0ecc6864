"""Answering a request: control requests, authentication, limits, faults, then the site."""

import hmac
import logging
from typing import Any

import msgspec

from integrations.thinkific.sandbox import control
from integrations.thinkific.sandbox.activity import Activity
from integrations.thinkific.sandbox.graphql.endpoint import GraphQL
from integrations.thinkific.sandbox.options import Options
from integrations.thinkific.sandbox.rest.routes import Context, find_route
from integrations.thinkific.sandbox.site.site import Site
from integrations.thinkific.sandbox.web import false_lists
from integrations.thinkific.sandbox.web.faults import ANSWERS, Fault, Faults
from integrations.thinkific.sandbox.web.http import Request, Response
from integrations.thinkific.sandbox.web.limits import Limits
from integrations.thinkific.sandbox.web.pages import Pages
from integrations.thinkific.sandbox.web.problems import Problem, malformed, unauthorized
from integrations.thinkific.sandbox.web.stats import Stats
from integrations.thinkific.sandbox.webhooks import Webhooks

log = logging.getLogger(__name__)

REST = "/api/public/v1"
EVENTS = "/api/v2"
GRAPHQL = ("/stable/graphql", "/beta/graphql")
CLOUDFLARE_PAGE = (
    b"<!DOCTYPE html><html><head>"
    b"<title>api.thinkific.com | 520: Web server is returning an unknown error</title></head>"
    b"<body><h1>Web server is returning an unknown error <span>Error code 520</span></h1></body></html>"
)


NO_AGENT_PAGE = (
    b"<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>"
    b"<body><h1>Sorry, you have been blocked</h1>"
    b"<p>You are unable to access thinkific.com</p></body></html>"
)


class App:
    def __init__(self, site: Site, options: Options, activity: Activity) -> None:
        self.site = site
        self.options = options
        self.stats = Stats()
        self.faults = Faults(options.seed)
        self.limits = Limits(options)
        self.webhooks = Webhooks(site, options)
        self.graphql = GraphQL(site, options, self.limits, self.stats)
        self.pages = Pages(site, options)
        self.activity = activity
        self._chosen: dict[int, list[Fault]] = {}

    def set_options(self, **options: Any) -> None:
        """Change some options. They have effect at once, because each is read when it is needed."""
        changed = msgspec.convert(msgspec.to_builtins(self.options) | options, Options)
        for name in Options.__struct_fields__:
            setattr(self.options, name, getattr(changed, name))

    def reset_stats(self) -> None:
        self.stats.reset()
        self.limits.reset_counts()
        self.webhooks.delivered = self.webhooks.failed_attempts = self.webhooks.abandoned = 0

    def arrived(self) -> None:
        self.stats.arrived()

    def departed(self) -> None:
        self.stats.departed()

    def delay_before(self, request: Request) -> float:
        """Choose the faults of the request, and return how many seconds it waits before it is processed."""
        if request.path.startswith(control.PREFIX):
            return 0.0
        applying = self.faults.applying(request)
        if applying:
            self._chosen[id(request)] = applying
        stalls = [f.seconds for f in applying if f.kind == "stall" and f.when == "before"]
        return self.options.latency + sum(stalls)

    def handle(self, request: Request) -> Response:
        faults = self._chosen.pop(id(request), [])
        if request.path.startswith(control.PREFIX):
            with self.site.lock:
                return control.handle(self, request)
        endpoint = request.path
        false_lists.before(request, faults)
        try:
            with self.site.lock:
                self.site.carry_out_pending()
                endpoint, response = self._serve(request, faults)
        except Problem as problem:
            response = Response.of(problem.status, problem.body)
        except Exception:  # last resort: log our own error, and answer as Thinkific would
            log.exception("%s %s", request.method, request.path)
            response = Response.of(500, {"error": "Internal Server Error"})
        self._apply_faults(request, response, faults)
        false_lists.after(request, response, faults)
        self.stats.served(request, endpoint, response.status, len(response.body))
        return response

    def _serve(self, request: Request, faults: list[Fault]) -> tuple[str, Response]:
        if not request.headers.get("user-agent"):
            return "(no user agent)", Response(403, NO_AGENT_PAGE, "text/html; charset=UTF-8")
        if request.path in GRAPHQL:
            self._authenticate_token(request)
            return request.path, self._answering_fault(faults) or self.graphql.answer(request)
        if request.method == "GET" and self.pages.serves(request.path):
            return self.pages.answer(request)
        if not request.path.startswith((REST, EVENTS)):
            return "(unknown)", Response.of(404, {"error": "Record not found."})
        endpoint, route, arguments = find_route(request.method, request.path)
        try:
            self._authenticate(request)
        except Problem as problem:
            return endpoint, Response.of(problem.status, problem.body)
        admitted = self.limits.admit(self.stats.in_flight)
        response = (
            self._answering_fault(faults) if admitted else Response(429, b"Too Many Requests", "text/plain")
        )
        if response is None:
            context = Context(self.site, self.options, self.webhooks, request, arguments)
            context.pretend_empty = self._lists_nothing(faults)
            response = self._call(route, context)
        response.headers.extend(self.limits.headers(refused=response.status == 429))
        return endpoint, response

    @staticmethod
    def _call(route: Any, context: Context) -> Response:
        try:
            return route(context)
        except Problem as problem:
            return Response.of(problem.status, problem.body)
        except msgspec.DecodeError:
            return Response.of(400, malformed("The request body is not valid JSON.").body)

    def _authenticate(self, request: Request) -> None:
        """Accept a Bearer token (API key or access token) or, except for webhooks, the API key headers."""
        bearer = _bearer(request)
        if bearer is not None:
            if not (_same(bearer, self.options.api_key) or _same(bearer, self.options.access_token)):
                raise unauthorized()
            return
        if request.path.startswith(EVENTS):
            raise unauthorized()
        key = request.headers.get("x-auth-api-key", "")
        subdomain = request.headers.get("x-auth-subdomain", "")
        if not _same(key, self.options.api_key) or subdomain != self.options.subdomain:
            raise unauthorized()

    def _authenticate_token(self, request: Request) -> None:
        bearer = _bearer(request)
        if bearer is None or not _same(bearer, self.options.access_token):
            raise unauthorized()

    def _answering_fault(self, faults: list[Fault]) -> Response | None:
        fault = next((f for f in faults if f.kind in ANSWERS), None)
        if fault is None:
            return None
        match fault.kind:
            case "422":
                return Response.of(422, fault.told or {"errors": ["It cannot be processed."]})
            case "429":
                return Response(429, b"Too Many Requests", "text/plain")
            case "401":
                return Response.of(401, {"error": "Authentication Error"})
            case "520":
                return Response(520, CLOUDFLARE_PAGE, "text/html; charset=UTF-8")
            case "graphql_error":
                return self.graphql.failure(fault.code)
        return Response.of(500, {"error": "Internal Server Error"})

    @staticmethod
    def _lists_nothing(faults: list[Fault]) -> bool:
        return any(fault.kind == "empty_list" for fault in faults)

    def _apply_faults(self, request: Request, response: Response, faults: list[Fault]) -> None:
        for fault in faults:
            self.stats.faults[fault.kind] += 1
            if fault.kind in ("reset", "lost_answer"):
                response.failure = "reset"
            elif fault.kind == "truncate" and response.body:
                response.failure = "truncate"
            elif fault.kind == "stall" and fault.when == "after":
                response.delay += fault.seconds
            elif fault.kind == "shift_pages":
                kind = request.path.rpartition("/")[2]
                if request.method == "GET" and kind in (
                    "users",
                    "enrollments",
                    "courses",
                    "products",
                    "groups",
                    "orders",
                ):
                    self.site.write("shift", kind=kind, how=fault.how)


def _bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _same(given: str, expected: str) -> bool:
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())
