"""`/stable/graphql`: transport, budget and error shapes around the executor. Errors come under HTTP 200."""

import itertools
from typing import TYPE_CHECKING, Any

import msgspec

from ..http import Request, Response
from ..limits import Limits
from ..options import Options
from ..problems import malformed
from ..stats import Stats
from .cost import cost_of
from .execute import Executor
from .language import Document, GraphQLError, Operation, parse
from .schema import build_schema
from .types import Run, Schema
from .validate import Planner

if TYPE_CHECKING:
    from ..site import Site

SCHEMAS: dict[str, Schema] = {names: build_schema(names) for names in ("new", "old")}


class GraphQL:
    def __init__(self, site: "Site", options: Options, limits: Limits, stats: Stats) -> None:
        self.site = site
        self.options = options
        self.limits = limits
        self.stats = stats
        self._numbers = itertools.count(1)

    def answer(self, request: Request) -> Response:
        try:
            body = request.json()
        except msgspec.DecodeError:
            raise malformed("The request body is not valid JSON.") from None
        if not isinstance(body, dict) or not isinstance(body.get("query"), str):
            return Response.of(200, {"errors": [{"message": "No query string was present"}]})
        try:
            return Response.of(200, self._execute(body))
        except GraphQLError as problem:
            return Response.of(200, {"errors": [problem.wire()]})

    def failure(self, code: str) -> Response:
        messages = {"RATE_LIMITED": "API rate limit exceeded.", "GATEWAY_TIMEOUT": "Gateway timeout"}
        return Response.of(
            200, {"errors": [self._error(messages.get(code, "Internal error"), code)], "data": None}
        )

    def _execute(self, body: dict[str, Any]) -> dict[str, Any]:
        document = parse(body["query"])
        operation = _chosen(document, body.get("operationName"))
        self.stats.by_operation[operation.name or "(unnamed)"] += 1
        schema = SCHEMAS[self.options.graphql_names]
        steps = Planner(schema, document, operation, body.get("variables") or {}).plan()
        mutation = operation.kind == "mutation"
        cost = cost_of(steps, schema, mutation=mutation, abstract=self.options.graphql_interfaces)
        highest = self.options.graphql_max_cost
        if highest and cost > highest:
            message = f"Query cost of {cost} exceeds the maximum single query cost limit of {highest}."
            error = self._error(message, "MAX_QUERY_COST_EXCEEDED", maxCost=highest)
            return {"errors": [error], "extensions": self._extensions(cost)}
        if not self.limits.charge_points(cost):
            error = self._error("API rate limit exceeded.", "RATE_LIMITED")
            error |= {"locations": [{"line": 1, "column": 1}], "path": [steps[0].key if steps else "site"]}
            return {"errors": [error], "extensions": self._extensions(cost)}
        self.stats.points += cost
        run = Run(self.site, self.options)
        root = "Mutation" if mutation else "Query"
        answer: dict[str, Any] = {"data": Executor(schema, run).object(root, None, steps, [])}
        if run.errors:
            answer["errors"] = run.errors
        return answer | {"extensions": self._extensions(cost)}

    def _extensions(self, cost: int) -> dict[str, Any]:
        return {"rateLimit": self.limits.points_report(cost)}

    def _error(self, message: str, code: str, **more: Any) -> dict[str, Any]:
        extensions = {"code": code} | more | {"request_id": f"{next(self._numbers):08x}"}
        return {"message": message, "extensions": extensions}


def _chosen(document: Document, name: Any) -> Operation:
    if name:
        for operation in document.operations:
            if operation.name == name:
                return operation
        raise GraphQLError(f'Unknown operation named "{name}".')
    if len(document.operations) > 1:
        raise GraphQLError("Must provide operation name if query contains multiple operations.")
    if document.operations[0].name is None:
        # One client's authors say so; a client that names all its operations is right either way.
        raise GraphQLError("Operations must be named.")
    return document.operations[0]
