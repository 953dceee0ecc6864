"""The cost of a query, by Thinkific's documented rule: each field has the price of the type that it returns.

A scalar is free. The query, an object and a list cost 100 each, a mutation 1,000. A connection costs its
`first` (or `last`) times the price of one row, which is at least 1: the documented example counts 25 for 25
rows of scalars. The parts of a connection (nodes, edges, pageInfo) are free. The sum is divided by 100 and
rounded up.
"""

from typing import Literal

from integrations.thinkific.sandbox.graphql.plan import Plan, Step

QUERY = OBJECT = LIST = 100
MUTATION = 1000

# Thinkific does not document the price of an interface, for which a query may name several types.
Abstract = Literal["dearest", "sum", "free"]


def cost_of(plan: Plan, abstract: Abstract) -> int:
    price = MUTATION if plan.is_mutation else QUERY
    return -(-(price + _sum(plan.steps, abstract)) // 100)


def _sum(steps: list[Step], abstract: Abstract) -> int:
    return sum(_price(step, abstract) for step in steps if step.kind != "leaf")


def _price(step: Step, abstract: Abstract) -> int:
    match step.kind:
        case "wrapper":
            return 0  # counted with its connection
        case "connection":
            asked = step.arguments
            size: int = asked["first"] if "first" in asked else asked["last"]
            return size * max(1, _of_each_row(step.only, abstract))
        case "list":
            return LIST + (_sum(step.only, abstract) if step.steps else 0)
    if len(step.steps) > 1:
        return _interface([_sum(steps, abstract) for steps in step.steps.values()], abstract)
    return OBJECT + _sum(step.only, abstract)


def _interface(prices: list[int], abstract: Abstract) -> int:
    shared = min(prices)  # the price of the fields that every type has
    match abstract:
        case "free":
            return shared
        case "sum":
            return OBJECT + shared + sum(price - shared for price in prices)
    return max(OBJECT + shared, *prices)


def _of_each_row(steps: list[Step], abstract: Abstract) -> int:
    total = 0
    for step in steps:
        if step.name in ("nodes", "node"):
            total += _sum(step.only, abstract)
        elif step.name == "edges":
            total += _of_each_row(step.only, abstract)
    return total
