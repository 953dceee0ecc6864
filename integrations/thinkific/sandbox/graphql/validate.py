"""Checks an operation against the schema, before anything is read.

What comes out is a plan: the selections with fragments resolved and values filled in.
"""

from dataclasses import dataclass, field
from typing import Any

from ..clock import is_moment
from .language import Document, Field, Fragment, GraphQLError, Operation, Selection, Variable
from .types import FieldType, Schema

WRAPPERS = ("nodes", "edges", "node", "pageInfo")


@dataclass
class Step:
    """One field to resolve; `on` is the concrete type it is wanted for, None for any."""

    key: str
    name: str
    type: FieldType | None  # None for __typename and for what a connection is made of
    arguments: dict[str, Any]
    steps: "list[Step]" = field(default_factory=list)
    on: str | None = None
    line: int = 1
    column: int = 1


class Planner:
    def __init__(
        self,
        schema: Schema,
        document: Document,
        operation: Operation,
        variables: dict[str, Any],
    ) -> None:
        self.schema = schema
        self.document = document
        self.operation = operation
        self.variables = read_variables(operation, variables)

    def plan(self) -> list[Step]:
        root = "Mutation" if self.operation.kind == "mutation" else "Query"
        return self._steps(self.operation.selections, root)

    def _steps(self, selections: list[Selection], type_name: str, on: str | None = None) -> list[Step]:
        steps: list[Step] = []
        for selection in selections:
            if not self._wanted(selection):
                continue
            if isinstance(selection, Fragment):
                steps += self._fragment(selection, type_name, on)
            else:
                step = self._field(selection, type_name)
                step.on = on
                steps.append(step)
        return steps

    def _fragment(self, fragment: Fragment, type_name: str, on: str | None) -> list[Step]:
        if fragment.name:
            named = self.document.fragments.get(fragment.name)
            if named is None:
                raise _error(f'Unknown fragment "{fragment.name}".', fragment)
            fragment = named
        condition = fragment.condition or type_name
        if condition not in self.schema.types:
            raise _error(f'Unknown type "{condition}".', fragment)
        narrower = condition if condition != type_name else on
        return self._steps(fragment.selections, condition, narrower)

    def _field(self, selection: Field, type_name: str) -> Step:
        step = Step(selection.alias, selection.name, None, {}, line=selection.line, column=selection.column)
        if selection.name == "__typename":
            return step
        known = self.schema.types[type_name].get(selection.name)
        if known is None:
            raise _error(f'Cannot query field "{selection.name}" on type "{type_name}".', selection)
        step.type = known
        step.arguments = self._arguments(selection, known, type_name)
        if known.kind == "scalar":
            if selection.selections:
                raise _error(f'Field "{selection.name}" must not have a selection.', selection)
            return step
        if not selection.selections:
            raise _error(f'Field "{selection.name}" must have a selection of subfields.', selection)
        if known.kind == "connection":
            step.steps = self._connection(selection, known, step.arguments)
        else:
            step.steps = self._steps(selection.selections, known.of)
        return step

    def _connection(self, selection: Field, known: FieldType, arguments: dict[str, Any]) -> list[Step]:
        size = arguments.get("first", arguments.get("last"))
        if size is None:
            message = (
                f'You must provide a "first" or "last" value to paginate the "{selection.name}" connection.'
            )
            raise _error(message, selection)
        if size < 0:
            raise _error(f'"first" and "last" of "{selection.name}" must not be negative.', selection)
        return self._wrapped(selection.selections, known, "Connection")

    def _wrapped(self, selections: list[Selection], known: FieldType, wrapper: str) -> list[Step]:
        """What a connection consists of."""
        allowed = {"Connection": {"nodes", "edges", "pageInfo"}, "Edge": {"cursor", "node"}}[wrapper]
        if wrapper == "Connection" and known.counted:
            allowed |= {"totalCount"}
        steps = []
        for selection in selections:
            if not self._wanted(selection):
                continue
            if isinstance(selection, Fragment):
                steps += self._wrapped(self._spread(selection), known, wrapper)
                continue
            step = Step(
                selection.alias, selection.name, None, {}, line=selection.line, column=selection.column
            )
            if selection.name not in allowed | {"__typename"}:
                raise _error(
                    f'Cannot query field "{selection.name}" on type "{known.of}{wrapper}".', selection
                )
            if selection.name in WRAPPERS and not selection.selections:
                raise _error(f'Field "{selection.name}" must have a selection of subfields.', selection)
            if selection.name in ("nodes", "node"):
                step.steps = self._steps(selection.selections, known.of)
            elif selection.name == "edges":
                step.steps = self._wrapped(selection.selections, known, "Edge")
            elif selection.name == "pageInfo":
                step.steps = self._steps(selection.selections, "PageInfo")
            steps.append(step)
        return steps

    def _spread(self, fragment: Fragment) -> list[Selection]:
        if fragment.name is None:
            return fragment.selections
        named = self.document.fragments.get(fragment.name)
        if named is None:
            raise _error(f'Unknown fragment "{fragment.name}".', fragment)
        return named.selections

    # -- values --------------------------------------------------------------------------------------

    def _wanted(self, selection: Selection) -> bool:
        skip = selection.directives.get("skip", {}).get("if", False)
        include = selection.directives.get("include", {}).get("if", True)
        return bool(self._filled(include, selection)) and not self._filled(skip, selection)

    def _arguments(self, selection: Field, known: FieldType, type_name: str) -> dict[str, Any]:
        filled = {}
        for name, value in selection.arguments.items():
            if name not in known.arguments:
                message = f'Unknown argument "{name}" on field "{type_name}.{selection.name}".'
                raise _error(message, selection)
            if isinstance(value, Variable) and value.name not in self.variables:
                if value.name not in self.operation.variables:
                    raise _error(f'Variable "${value.name}" is not defined.', selection)
                continue  # not given: as if the argument were not there
            filled[name] = self._filled(value, selection)
        for name, type_text in known.arguments.items():
            if type_text.endswith("!") and filled.get(name) is None:
                message = f'Field "{selection.name}" argument "{name}" of type "{type_text}" is required.'
                raise _error(message, selection)
            if filled.get(name) is not None:
                self._check(filled[name], type_text, name, selection)
        return {name: value for name, value in filled.items() if value is not None}

    def _filled(self, value: Any, selection: Selection) -> Any:
        if isinstance(value, Variable):
            if value.name not in self.operation.variables:
                raise _error(f'Variable "${value.name}" is not defined.', selection)
            return self.variables.get(value.name)
        if isinstance(value, list):
            return [self._filled(entry, selection) for entry in value]
        if isinstance(value, dict):
            return {name: self._filled(entry, selection) for name, entry in value.items()}
        return value

    def _check(self, value: Any, type_text: str, name: str, selection: Selection) -> None:
        type_text = type_text.rstrip("!")
        if type_text.startswith("["):
            for entry in value if isinstance(value, list) else [value]:
                self._check(entry, type_text[1:-1], name, selection)
        elif type_text in self.schema.inputs:
            allowed = self.schema.inputs[type_text]
            if not isinstance(value, dict):
                raise _error(f'Argument "{name}" must be of type "{type_text}".', selection)
            for key, entry in value.items():
                if key not in allowed:
                    raise _error(f'Field "{key}" is not defined by type "{type_text}".', selection)
                if entry is not None:
                    self._check(entry, allowed[key], key, selection)
            missing = [key for key, of in allowed.items() if of.endswith("!") and value.get(key) is None]
            if missing:
                raise _error(f'Field "{type_text}.{missing[0]}" is required.', selection)
        elif not fits(value, type_text):
            raise _error(f'Argument "{name}" has an invalid value: expected type "{type_text}".', selection)


def read_variables(operation: Operation, given: dict[str, Any]) -> dict[str, Any]:
    variables = {}
    for name, definition in operation.variables.items():
        if name in given:
            variables[name] = given[name]
        elif definition.has_default:
            variables[name] = definition.default
        if definition.type.endswith("!") and variables.get(name) is None:
            raise GraphQLError(f'Variable "${name}" of required type "{definition.type}" was not provided.')
        if variables.get(name) is not None and not fits(variables[name], definition.type.rstrip("!")):
            raise GraphQLError(f'Variable "${name}" got an invalid value; expected type "{definition.type}".')
    return variables


def fits(value: Any, type_name: str) -> bool:
    match type_name:
        case "Int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "Boolean":
            return isinstance(value, bool)
        case "ID":
            return isinstance(value, str | int) and not isinstance(value, bool)
        case "String" | "EmailAddress":
            return isinstance(value, str)
        case "ISO8601DateTime":
            return isinstance(value, str) and is_moment(value)
    return True


def _error(message: str, where: Selection) -> GraphQLError:
    return GraphQLError(message, line=where.line, column=where.column)
