"""Executing a plan over the site.

graphql-core could do this too, but it takes seven to ten times as long. Then benchmarks would measure the
server and not the client.
"""

import base64
import binascii
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError

from integrations.thinkific.sandbox.graphql.plan import Step
from integrations.thinkific.sandbox.graphql.types import Run

log = logging.getLogger(__name__)

# The path to a value: (path of its parent, key or index). A linked form, so that no list is copied per field.
Place = tuple[Any, str | int] | None


@dataclass
class Part:
    """A slice of `rows`. Cursors are base64 of the index, as in graphql-ruby."""

    rows: Sequence[Any]
    start: int
    end: int


class Executor:
    def __init__(
        self,
        run: Run,
        type_names: dict[str, Callable[[Any], str]],
        failure: Callable[[Step, list[str | int]], dict[str, Any]],
    ) -> None:
        """`type_names` returns the concrete type of an interface's value, by interface.

        `failure` returns the error for a field whose resolver has raised an unexpected exception.
        """
        self.run = run
        self.type_names = type_names
        self.failure = failure

    def object(self, steps: list[Step], value: Any, place: Place) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        for step in steps:
            try:
                if step.read is not None:
                    answer[step.key] = step.read(value)
                else:
                    answer[step.key] = self._field(step, value, (place, step.key))
            except GraphQLError as problem:
                answer[step.key] = None
                error = GraphQLError(problem.message, step.node, path=_path((place, step.key)))
                self.run.errors.append(dict(error.formatted))
            except Exception:  # last resort: one broken field does not break the others, as with Thinkific
                path = _path((place, step.key))
                log.exception("Field %s", path)
                answer[step.key] = None
                self.run.errors.append(self.failure(step, path))
        return answer

    def _field(self, step: Step, parent: Any, place: Place) -> Any:
        assert step.resolve is not None
        value = step.resolve(self.run, parent, step.arguments)
        if value is None or step.kind == "leaf":
            return value
        if step.kind == "connection":
            part = cut(value, step.arguments, most=self.run.options.graphql_max_first)
            return self._connection(step.only, part, place)
        if step.kind == "object":
            return self.object(self._asked(step, value), value, place)
        if not step.steps:
            return list(value)
        return [self.object(self._asked(step, row), row, (place, number)) for number, row in enumerate(value)]

    def _asked(self, step: Step, value: Any) -> list[Step]:
        type_name = self.type_names.get(step.of)
        return step.only if type_name is None else step.steps[type_name(value)]

    def _connection(self, steps: list[Step], part: Part, place: Place) -> dict[str, Any]:
        rows = part.rows[part.start : part.end]
        answer: dict[str, Any] = {}
        for step in steps:
            match step.name:
                case "nodes":
                    inside = (place, step.key)
                    answer[step.key] = [
                        self.object(step.only, row, (inside, number)) for number, row in enumerate(rows)
                    ]
                case "edges":
                    inside = (place, step.key)
                    answer[step.key] = [
                        self._edge(step.only, row, part.start + number, (inside, number))
                        for number, row in enumerate(rows)
                    ]
                case "pageInfo":
                    info = {
                        "startCursor": cursor(part.start) if rows else None,
                        "endCursor": cursor(part.end - 1) if rows else None,
                        "hasNextPage": part.end < len(part.rows),
                        "hasPreviousPage": part.start > 0,
                    }
                    answer[step.key] = self.object(step.only, info, place)
                case "totalCount":
                    answer[step.key] = len(part.rows)
                case "__typename":
                    answer[step.key] = step.read(None) if step.read else None
        return answer

    def _edge(self, steps: list[Step], row: Any, number: int, place: Place) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        for step in steps:
            match step.name:
                case "cursor":
                    answer[step.key] = cursor(number)
                case "node":
                    answer[step.key] = self.object(step.only, row, (place, step.key))
                case "__typename":
                    answer[step.key] = step.read(None) if step.read else None
        return answer


def _path(place: Place) -> list[str | int]:
    path: list[str | int] = []
    while place is not None:
        place, key = place
        path.append(key)
    return path[::-1]


def cursor(place: int) -> str:
    return base64.b64encode(str(place + 1).encode()).decode().rstrip("=")


def cut(rows: Sequence[Any], arguments: dict[str, Any], *, most: int = 0) -> Part:
    """Returns the slice for `first`, `last`, `after`, `before`, of at most `most` rows; 0 means no limit."""
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
    return Part(rows, start, end)


def _place(text: str) -> int:
    try:
        return int(base64.b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        raise GraphQLError(f"Invalid cursor: '{text}'.") from None
