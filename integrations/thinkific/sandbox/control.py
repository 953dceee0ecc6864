"""`/_sandbox/...`: controlling the stand-in. Without authentication, limits and faults.

GET    /stats                          counts of requests; POST /stats/reset sets them to 0
GET    /requests?method=&path=         the log of the last requests, with bodies of writes
GET    /faults                         POST one (see faults.Fault), DELETE all, DELETE /faults/{id}
GET    /options                        PATCH some (see options.Options)
POST   /key                            {"api_key"?, "access_token"?}: replaced; null revokes
GET    /state                          counts; with ?digests=1 a hash per kind of row
POST   /write/{name}                   any change of writes.WRITES, its arguments as the body
POST   /emit                           see events.emit
POST   /clock                          {"advance": seconds}
POST   /activity                       {"per_minute": n}; POST /activity/step does one thing now
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from integrations.thinkific.sandbox import events
from integrations.thinkific.sandbox.site.rows import Certificate, Enrollment, Submission, User
from integrations.thinkific.sandbox.web.faults import Fault
from integrations.thinkific.sandbox.web.http import Request, Response
from integrations.thinkific.sandbox.web.problems import Problem, malformed, not_found
from integrations.thinkific.sandbox.writes import WRITES

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.web.app import App

PREFIX = "/_sandbox/"
REVOKED = ""


@dataclass
class Call:
    app: "App"
    request: Request
    tail: str

    def body(self) -> dict[str, Any]:
        content = self.request.json()
        if not isinstance(content, dict):
            raise malformed("The body must be an object.")
        return content


def handle(app: "App", request: Request) -> Response:
    name, _, tail = request.path.removeprefix(PREFIX).rstrip("/").partition("/")
    action = ACTIONS.get((request.method, name))
    try:
        if action is None:
            raise not_found()
        return Response.of(200, action(Call(app, request, tail)))
    except Problem as problem:
        return Response.of(problem.status, problem.body)
    except (msgspec.DecodeError, TypeError, ValueError, KeyError, re.error) as problem:
        return Response.of(400, {"error": f"{type(problem).__name__}: {problem}"})


def stats(call: Call) -> Any:
    app = call.app
    windows = {str(number): granted for number, granted in app.limits.requests.grants.items()}
    return {
        "total": app.stats.total,
        "by_endpoint": app.stats.by_endpoint,
        "by_status": {str(status): count for status, count in app.stats.by_status.items()},
        "by_operation": app.stats.by_operation,
        "faults": app.stats.faults,
        "points": app.stats.points,
        "bytes_sent": app.stats.bytes_sent,
        "max_concurrent": app.stats.max_concurrent,
        "refused_rate": app.limits.refused_rate,
        "refused_concurrency": app.limits.refused_concurrency,
        "refused_points": app.limits.refused_points,
        "grants_by_window": windows,
        "webhooks": {
            "delivered": app.webhooks.delivered,
            "failed_attempts": app.webhooks.failed_attempts,
            "abandoned": app.webhooks.abandoned,
            "idle": app.webhooks.idle(),
        },
    }


def reset_stats(call: Call) -> Any:
    if call.tail != "reset":
        raise not_found()
    call.app.reset_stats()
    return {}


def requests_log(call: Call) -> Any:
    query = call.request.query
    method, path = query.get("method", ""), query.get("path", "")
    log = call.app.stats.log if method in ("", "GET") else call.app.stats.writes
    return [e for e in log if method in ("", e["method"]) and re.search(path, e["path"])]


def list_faults(call: Call) -> Any:
    return call.app.faults.active


def add_fault(call: Call) -> Any:
    return call.app.faults.install(msgspec.convert(call.body(), Fault))


def remove_faults(call: Call) -> Any:
    if call.tail:
        call.app.faults.remove(int(call.tail))
    else:
        call.app.faults.clear()
    return {}


def show_options(call: Call) -> Any:
    return call.app.options


def change_options(call: Call) -> Any:
    call.app.set_options(**call.body())
    return call.app.options


def replace_key(call: Call) -> Any:
    body = call.body()
    if not body or not body.keys() <= {"api_key", "access_token"}:
        raise malformed("Give api_key, access_token or both.")
    call.app.set_options(**{name: value or REVOKED for name, value in body.items()})
    return {}


def state(call: Call) -> Any:
    site = call.app.site
    site.carry_out_pending()
    found: dict[str, Any] = {"counts": site.counts(), "version": site.version, "origin": site.origin}
    if call.request.query.get("digests"):
        found["digests"] = site.digests()
    return found


def write(call: Call) -> Any:
    if call.tail not in WRITES:
        raise not_found()
    site = call.app.site
    result = site.write(call.tail, **call.body())
    if isinstance(result, User):
        return site.render.user(result)
    if isinstance(result, Enrollment):
        return site.render.enrollment(result, site.clock.now())
    if isinstance(result, Submission | Certificate):
        return msgspec.to_builtins(result)
    return result


def emit(call: Call) -> Any:
    return events.emit(call.app.webhooks, **call.body())


def sign(call: Call) -> Any:
    """Returns the signature of a body, for tests that deliver events themselves."""
    secret = call.app.options.webhook_secret or call.app.options.api_key
    return {"signature": hmac.new(secret.encode(), call.request.body, "sha256").hexdigest()}


def move_clock(call: Call) -> Any:
    call.app.site.clock.advance(float(call.body()["advance"]))
    return {"now": call.app.site.clock.now()}


def activity(call: Call) -> Any:
    if call.tail == "step":
        return {"did": call.app.activity.step()}
    call.app.activity.set_pace(float(call.body()["per_minute"]))
    return {}


ACTIONS: dict[tuple[str, str], Callable[[Call], Any]] = {
    ("GET", "stats"): stats,
    ("POST", "stats"): reset_stats,
    ("GET", "requests"): requests_log,
    ("GET", "faults"): list_faults,
    ("POST", "faults"): add_fault,
    ("DELETE", "faults"): remove_faults,
    ("GET", "options"): show_options,
    ("PATCH", "options"): change_options,
    ("POST", "key"): replace_key,
    ("GET", "state"): state,
    ("POST", "write"): write,
    ("POST", "emit"): emit,
    ("POST", "sign"): sign,
    ("POST", "clock"): move_clock,
    ("POST", "activity"): activity,
}
