"""`/stable/graphql`: reading requests, the cost limits and the shapes of errors.

Errors have HTTP status 200.
"""

import itertools
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from graphql import FieldNode, execute_sync

from integrations.thinkific.sandbox.graphql.cost import cost_of
from integrations.thinkific.sandbox.graphql.execute import Executor
from integrations.thinkific.sandbox.graphql.plan import Invalid, Plan, Planner, Step
from integrations.thinkific.sandbox.graphql.schema import schema_for
from integrations.thinkific.sandbox.graphql.types import Run
from integrations.thinkific.sandbox.options import Options
from integrations.thinkific.sandbox.web.http import Request, Response
from integrations.thinkific.sandbox.web.limits import Limits
from integrations.thinkific.sandbox.web.problems import malformed
from integrations.thinkific.sandbox.web.stats import Stats

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site

INTROSPECTION = ("__schema", "__type")


class GraphQL:
    def __init__(self, site: "Site", options: Options, limits: Limits, stats: Stats) -> None:
        self.site = site
        self.options = options
        self.limits = limits
        self.stats = stats
        self._numbers = itertools.count(1)
        self._planners: dict[str, Planner] = {}

    def answer(self, request: Request) -> Response:
        try:
            body = request.json()
        except msgspec.DecodeError:
            raise malformed("The request body is not valid JSON.") from None
        if not isinstance(body, dict) or not isinstance(body.get("query"), str):
            return Response.of(200, {"errors": [{"message": "No query string was present"}]})
        try:
            return Response.of(200, self._execute(body))
        except Invalid as problem:
            return Response.of(200, {"errors": problem.errors})

    def failure(self, code: str) -> Response:
        messages = {"RATE_LIMITED": "API rate limit exceeded.", "GATEWAY_TIMEOUT": "Gateway timeout"}
        return Response.of(200, {"errors": [self._error(messages.get(code), code)], "data": None})

    def _planner(self) -> Planner:
        names = self.options.graphql_names
        if names not in self._planners:
            self._planners[names] = Planner(schema_for(names))
        return self._planners[names]

    def _execute(self, body: dict[str, Any]) -> dict[str, Any]:
        planner = self._planner()
        plan = planner.plan(body["query"], body.get("operationName"), body.get("variables"))
        self.stats.by_operation[plan.name] += 1
        cost = cost_of(plan, self.options.graphql_interfaces)
        highest = self.options.graphql_max_cost
        if highest and cost > highest:
            message = f"Query cost of {cost} exceeds the maximum single query cost limit of {highest}."
            error = self._error(message, "MAX_QUERY_COST_EXCEEDED", maxCost=highest)
            return {"errors": [error], "extensions": self._extensions(cost)}
        if not self.limits.charge_points(cost):
            error = self._error("API rate limit exceeded.", "RATE_LIMITED")
            error |= {"locations": [{"line": 1, "column": 1}], "path": [step.key for step in plan.steps[:1]]}
            return {"errors": [error], "extensions": self._extensions(cost)}
        self.stats.points += cost
        run = Run(self.site, self.options)
        executor = Executor(run, planner.schema.type_names, self._broken)
        data = executor.object([step for step in plan.steps if step.name not in INTROSPECTION], None, None)
        answer: dict[str, Any] = {"data": data | self._introspection(plan)}
        if run.errors:
            answer["errors"] = run.errors
        return answer | {"extensions": self._extensions(cost)}

    def _introspection(self, plan: Plan) -> dict[str, Any]:
        """Returns the answers to introspection fields; graphql-core computes them."""
        asked = [step.key for step in plan.steps if step.name in INTROSPECTION]
        if not asked:
            return {}
        found = execute_sync(
            self._planner().schema.graph,
            plan.document,
            variable_values=plan.variables.coerced,
            operation_name=plan.operation.name.value if plan.operation.name else None,
        )
        return {key: (found.data or {}).get(key) for key in asked}

    def _extensions(self, cost: int) -> dict[str, Any]:
        return {"rateLimit": self.limits.points_report(cost)}

    def _broken(self, step: Step, path: list[str | int]) -> dict[str, Any]:
        return self._error(None, "SERVER_ERROR") | {"locations": [_location(step.node)], "path": path}

    def _error(self, message: str | None, code: str, **more: Any) -> dict[str, Any]:
        """Returns an error. Without `message` it has the documented text, which names the request id."""
        request_id = str(UUID(int=next(self._numbers)))
        message = message or (
            "Sorry, something went wrong. Please contact support@thinkific.com and include this request ID "
            f"{request_id} in your email."
        )
        return {"message": message, "extensions": {"code": code} | more | {"request_id": request_id}}


def _location(node: FieldNode) -> dict[str, int]:
    start = node.loc.start_token if node.loc else None
    return {"line": start.line, "column": start.column} if start else {"line": 1, "column": 1}
