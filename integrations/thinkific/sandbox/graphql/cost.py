"""What a query costs, by the documented rule: every field has the price of the type that it returns.

A scalar is free; the query, an object and a list are 100 each, a mutation 1,000. A connection is its `first`
(or `last`) times what is asked of each row, at least 1: the documented example counts 25 for 25 rows of
scalars. What a connection consists of (nodes, edges, pageInfo) is free. The sum is divided by 100 and rounded
up.
"""

from typing import Literal

from .types import Schema
from .validate import Step

QUERY = OBJECT = LIST = 100
MUTATION = 1000

# The documents do not price an interface, of which one query may ask several types.
Abstract = Literal["dearest", "sum", "free"]


def cost_of(steps: list[Step], schema: Schema, *, mutation: bool, abstract: Abstract) -> int:
    price = _Price(schema, abstract)
    return -(-((MUTATION if mutation else QUERY) + price.of(steps)) // 100)


class _Price:
    def __init__(self, schema: Schema, abstract: Abstract) -> None:
        self.schema = schema
        self.abstract = abstract

    def of(self, steps: list[Step]) -> int:
        return sum(self._field(step) for step in steps)

    def _field(self, step: Step) -> int:
        if step.type is None or step.type.kind == "scalar":
            return 0
        match step.type.kind:
            case "connection":
                size: int = step.arguments.get("first", step.arguments.get("last"))
                return size * max(1, self.of(_of_each_row(step.steps)))
            case "list":
                return LIST + self.of(step.steps)
        if step.type.of in self.schema.possible:
            return self._interface(step.steps)
        return OBJECT + self.of(step.steps)

    def _interface(self, steps: list[Step]) -> int:
        shared = self.of([step for step in steps if step.on is None])
        kinds = {step.on for step in steps if step.on is not None}
        of_kinds = [self.of([step for step in steps if step.on == kind]) for kind in kinds]
        match self.abstract:
            case "free":
                return shared
            case "sum":
                return OBJECT + shared + sum(of_kinds)
        return max(OBJECT + shared, *of_kinds, 0)


def _of_each_row(steps: list[Step]) -> list[Step]:
    rows: list[Step] = []
    for step in steps:
        if step.name in ("nodes", "node"):
            rows += step.steps
        elif step.name == "edges":
            rows += _of_each_row(step.steps)
    return rows
