"""Walks a plan over the site."""

import base64
import binascii
import logging
from collections.abc import Sequence
from typing import Any

from .language import GraphQLError
from .types import Connection, Run, Schema
from .validate import Step

log = logging.getLogger(__name__)


class Executor:
    def __init__(self, schema: Schema, run: Run) -> None:
        self.schema = schema
        self.run = run

    def object(self, type_name: str, value: Any, steps: list[Step], path: list[Any]) -> dict[str, Any]:
        concrete = self.schema.possible[type_name](value) if type_name in self.schema.possible else type_name
        answer: dict[str, Any] = {}
        for step in steps:
            if step.on not in (None, concrete, type_name):
                continue
            found = self._field(concrete, value, step, [*path, step.key])
            known = answer.get(step.key)
            # the same field may be asked for twice, here and in a fragment
            answer[step.key] = known | found if isinstance(known, dict) and isinstance(found, dict) else found
        return answer

    def _field(self, type_name: str, parent: Any, step: Step, path: list[Any]) -> Any:
        if step.type is None:
            return type_name
        try:
            value = step.type.resolve(self.run, parent, step.arguments)
            if value is None:
                return None
            if step.type.kind == "connection":
                part = cut(value, step.arguments, most=self.run.options.graphql_max_first)
                return self._connection(step.type.of, part, step.steps, path)
        except GraphQLError as problem:
            self.run.errors.append(problem.wire() | {"path": path})
            return None
        except Exception:  # the edge: one broken field leaves the others whole, as there
            log.exception("Field %s", path)
            location = {"line": step.line, "column": step.column}
            error = {"message": "Internal error", "locations": [location], "path": path}
            self.run.errors.append(error | {"extensions": {"code": "SERVER_ERROR"}})
            return None
        if step.type.kind == "list":
            return [self.object(step.type.of, entry, step.steps, path) for entry in value]
        if step.type.kind == "object":
            return self.object(step.type.of, value, step.steps, path)
        return value

    def _connection(self, of: str, part: Connection, steps: list[Step], path: list[Any]) -> dict[str, Any]:
        rows = part.rows[part.start : part.end]
        answer: dict[str, Any] = {}
        for step in steps:
            match step.name:
                case "nodes":
                    answer[step.key] = [
                        self.object(of, row, step.steps, [*path, "nodes", place])
                        for place, row in enumerate(rows)
                    ]
                case "edges":
                    answer[step.key] = [
                        self._edge(of, row, part.start + place, step.steps, [*path, "edges", place])
                        for place, row in enumerate(rows)
                    ]
                case "pageInfo":
                    info = {
                        "startCursor": cursor(part.start) if rows else None,
                        "endCursor": cursor(part.end - 1) if rows else None,
                        "hasNextPage": part.end < len(part.rows),
                        "hasPreviousPage": part.start > 0,
                    }
                    answer[step.key] = self.object("PageInfo", info, step.steps, path)
                case "totalCount":
                    answer[step.key] = len(part.rows)
                case "__typename":
                    answer[step.key] = f"{of}Connection"
        return answer

    def _edge(self, of: str, row: Any, place: int, steps: list[Step], path: list[Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        for step in steps:
            match step.name:
                case "cursor":
                    answer[step.key] = cursor(place)
                case "node":
                    answer[step.key] = self.object(of, row, step.steps, [*path, "node"])
                case "__typename":
                    answer[step.key] = f"{of}Edge"
        return answer


def cursor(place: int) -> str:
    return base64.b64encode(str(place + 1).encode()).decode().rstrip("=")


def cut(rows: Sequence[Any], arguments: dict[str, Any], *, most: int = 0) -> Connection:
    """The part that first, last, after and before ask for, at most so many rows; 0 is no limit."""
    start, end = 0, len(rows)
    most = most or end
    if arguments.get("after"):
        start = min(_place(arguments["after"]), end)
    if arguments.get("before"):
        end = max(start, min(_place(arguments["before"]) - 1, end))
    if "first" in arguments:
        end = min(end, start + min(arguments["first"], most))
    elif "last" in arguments:
        start = max(start, end - min(arguments["last"], most))
    return Connection(rows, start, end)


def _place(text: str) -> int:
    try:
        return int(base64.b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        raise GraphQLError(f'Invalid cursor: "{text}".') from None
