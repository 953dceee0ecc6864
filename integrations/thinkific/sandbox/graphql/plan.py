"""Compiling the text of a query into steps for the executor. graphql-core parses and validates the text.

The parts that do not depend on variables are compiled once for each text, and kept.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_object_type,
    parse,
    validate,
)
from graphql.execution.values import (
    VariableValues,
    get_argument_values,
    get_directive_values,
    get_variable_values,
)
from graphql.type import GraphQLIncludeDirective, GraphQLSkipDirective

from integrations.thinkific.sandbox.graphql.schema import Schema
from integrations.thinkific.sandbox.graphql.types import Get, Read, Resolver, resolver

Kind = Literal["leaf", "object", "list", "connection", "wrapper"]
KEPT_PLANS = 256


class Invalid(Exception):
    """The query is not valid; no part of it was executed."""

    def __init__(self, *errors: GraphQLError) -> None:
        super().__init__(*(error.message for error in errors))
        self.errors = [error.formatted for error in errors]


@dataclass(slots=True)
class Step:
    """One field to resolve. `steps` are the fields asked of its value, by the value's concrete type."""

    key: str
    name: str
    kind: Kind
    of: str
    read: Read | None  # reads the value from the parent row
    resolve: Resolver | None
    node: FieldNode
    definition: GraphQLField
    steps: "dict[str, list[Step]]" = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)
    constant: bool = False  # neither it nor the fields below have arguments

    @property
    def only(self) -> "list[Step]":
        """The fields asked of a value that has only one possible type."""
        return self.steps[self.of]


@dataclass(slots=True)
class Plan:
    operation: OperationDefinitionNode
    document: DocumentNode
    steps: list[Step]
    variables: VariableValues

    @property
    def is_mutation(self) -> bool:
        return self.operation.operation is OperationType.MUTATION

    @property
    def name(self) -> str:
        return self.operation.name.value if self.operation.name else "(unnamed)"


class Planner:
    """Compiles queries for one schema, and keeps the compiled ones."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._known: OrderedDict[str, Prepared] = OrderedDict()

    def plan(self, text: str, operation_name: Any, variables: Any) -> Plan:
        prepared = self._known.get(text)
        if prepared is None:
            prepared = self._known[text] = Prepared(text, self.schema)
            if len(self._known) > KEPT_PLANS:
                self._known.popitem(last=False)
        operation = prepared.operation(operation_name)
        if not isinstance(variables or {}, dict):
            raise Invalid(GraphQLError("Variables must be an object."))
        values = get_variable_values(self.schema.graph, operation.variable_definitions or (), variables or {})
        if isinstance(values, list):
            raise Invalid(*values)
        try:
            return Plan(operation, prepared.document, prepared.steps(operation, values), values)
        except GraphQLError as error:
            raise Invalid(error) from None


class Prepared:
    """The parsed text of a query. Raises Invalid if it does not fit the schema."""

    def __init__(self, text: str, schema: Schema) -> None:
        try:
            self.document = parse(text, no_location=False)
        except GraphQLError as error:
            raise Invalid(error) from None
        errors = validate(schema.graph, self.document)
        if errors:
            raise Invalid(*errors)
        self.schema = schema
        self.operations = [d for d in self.document.definitions if isinstance(d, OperationDefinitionNode)]
        self.fragments = {
            d.name.value: d for d in self.document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        # With directives, the wanted fields may depend on variables. Then nothing is compiled in advance.
        self.is_conditional = "@" in text
        self._compiled: dict[int, list[Step]] = {}

    def operation(self, name: Any) -> OperationDefinitionNode:
        if name:
            for operation in self.operations:
                if operation.name and operation.name.value == name:
                    return operation
            raise Invalid(GraphQLError(f"Unknown operation named '{name}'."))
        if len(self.operations) > 1:
            raise Invalid(GraphQLError("Must provide operation name if query contains multiple operations."))
        if self.operations[0].name is None:
            # The authors of a public client report this rule. Our client names all operations.
            raise Invalid(GraphQLError("Operations must be named.", self.operations[0]))
        return self.operations[0]

    def steps(self, operation: OperationDefinitionNode, variables: VariableValues) -> list[Step]:
        compiled = self._compiled.get(id(operation))
        if compiled is None:
            root = self.schema.graph.get_root_type(operation.operation)
            assert root is not None
            compiled = Compiler(self.schema, self.fragments, variables).steps([operation.selection_set], root)
            if not self.is_conditional:
                self._compiled[id(operation)] = compiled
        return [bound(step, variables) for step in compiled]


class Compiler:
    def __init__(
        self, schema: Schema, fragments: dict[str, FragmentDefinitionNode], variables: VariableValues
    ) -> None:
        self.schema = schema
        self.graph = schema.graph
        self.fragments = fragments
        self.variables = variables

    def steps(self, sets: Iterable[SelectionSetNode], parent: GraphQLObjectType) -> list[Step]:
        found: dict[str, list[FieldNode]] = {}
        for selections in sets:
            self._collect(selections.selections, parent, found)
        return [self._step(key, nodes, parent) for key, nodes in found.items()]

    def _collect(
        self,
        selections: Sequence[SelectionNode],
        parent: GraphQLObjectType,
        found: dict[str, list[FieldNode]],
    ) -> None:
        for selection in selections:
            if not self._is_wanted(selection):
                continue
            if isinstance(selection, FieldNode):
                key = selection.alias.value if selection.alias else selection.name.value
                found.setdefault(key, []).append(selection)
                continue
            fragment: FragmentDefinitionNode | InlineFragmentNode
            if isinstance(selection, FragmentSpreadNode):
                fragment = self.fragments[selection.name.value]
            else:
                assert isinstance(selection, InlineFragmentNode)
                fragment = selection
            if self._fits(fragment, parent):
                self._collect(fragment.selection_set.selections, parent, found)

    def _is_wanted(self, selection: SelectionNode) -> bool:
        if not selection.directives:
            return True
        skip = get_directive_values(GraphQLSkipDirective, selection, self.variables)
        include = get_directive_values(GraphQLIncludeDirective, selection, self.variables)
        return not (skip and skip["if"]) and (include is None or bool(include["if"]))

    def _fits(self, fragment: FragmentDefinitionNode | InlineFragmentNode, parent: GraphQLObjectType) -> bool:
        if fragment.type_condition is None:
            return True
        wanted = self.graph.get_type(fragment.type_condition.name.value)
        return wanted is parent or (is_abstract_type(wanted) and self.graph.is_sub_type(wanted, parent))

    def _step(self, key: str, nodes: list[FieldNode], parent: GraphQLObjectType) -> Step:
        node, name = nodes[0], nodes[0].name.value
        definition = self.graph.get_field(parent, name)
        assert definition is not None
        named = get_named_type(definition.type)
        source = self.schema.source(parent.name, name)
        step = Step(key, name, "leaf", named.name, None, None, node, definition)
        if not is_leaf_type(named):
            if parent.name.endswith(("Connection", "Edge")):
                step.kind = "wrapper"
            elif named.name.endswith("Connection"):
                step.kind = "connection"
            else:
                step.kind = "list" if is_list_type(get_nullable_type(definition.type)) else "object"
            sets = [one.selection_set for one in nodes if one.selection_set]
            types = [named] if is_object_type(named) else self.graph.get_possible_types(named)  # type: ignore[arg-type]
            step.steps = {one.name: self.steps(sets, one) for one in types}
        elif is_list_type(get_nullable_type(definition.type)):
            step.kind = "list"
        if isinstance(source, Get) and step.kind == "leaf":
            step.read = source.read
        else:
            step.resolve = resolver(source)
        step.constant = (
            step.kind != "connection"
            and not definition.args
            and all(child.constant for children in step.steps.values() for child in children)
        )
        return step


def bound(step: Step, variables: VariableValues) -> Step:
    """Returns the step with its arguments. Raises GraphQLError if they are not valid."""
    if step.constant:
        return step
    arguments = {
        name: value
        for name, value in get_argument_values(step.definition, step.node, variables).items()
        if value is not None
    }
    if step.kind == "connection":
        _check_size(step, arguments)
    return Step(
        step.key,
        step.name,
        step.kind,
        step.of,
        step.read,
        step.resolve,
        step.node,
        step.definition,
        {name: [bound(child, variables) for child in steps] for name, steps in step.steps.items()},
        arguments,
    )


def _check_size(step: Step, arguments: dict[str, Any]) -> None:
    size = arguments.get("first", arguments.get("last"))
    if size is None:
        raise GraphQLError(
            f"You must provide a 'first' or 'last' value to paginate the '{step.name}' connection.", step.node
        )
    if size < 0:
        raise GraphQLError(f"'first' and 'last' of '{step.name}' must not be negative.", step.node)
