"""Sends a GraphQL query page by page, with the field names and the page sizes that the site accepts."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from integrations.thinkific.client.decoding import BadRow, read_rows
from integrations.thinkific.client.errors import Endless, NotFound, RetryLater, SchemaDrift, TooExpensive
from integrations.thinkific.client.graphql.graphql import GraphQL
from integrations.thinkific.client.graphql.observed import Learned
from integrations.thinkific.client.paging import Watch, number_of

T = TypeVar("T")


class Rows(list[T], Generic[T]):
    """The readable rows of a page; `bad` are the others."""

    bad: list[BadRow]

    def __init__(self, items: list[T], bad: list[BadRow]) -> None:
        super().__init__(items)
        self.bad = bad


class GraphPage(NamedTuple, Generic[T]):
    rows: Rows[T]
    next_cursor: str | None
    has_next: bool


class Query:
    """One query with its variables."""

    def __init__(
        self,
        graphql: GraphQL,
        operation: str,
        text: str,
        variables: Mapping[str, Any],
        *,
        names: Mapping[str, tuple[str, ...]] | None = None,
        base: int = 2,
        cost_per_row: int = 1,
    ) -> None:
        """By the documented rule it costs `base` points, and `cost_per_row` for each row that is asked for.
        `names` are the names that a field has or had, the newest first."""
        self.graphql = graphql
        self.operation = operation
        self.text = text
        self.variables = dict(variables)
        self.names = names or {}
        self.base = base
        self.cost_per_row = cost_per_row

    def pages(
        self,
        path: tuple[str, ...],
        row: type[T] | Callable[[Any], T],
        first: int,
        after: str | None,
    ) -> Iterator[GraphPage[T]]:
        """Yields the pages of the connection at `path`, with at most `first` rows (0: as many as possible).

        Raises NotFound where the owner of the connection does not exist, and Endless where pages come again.
        """
        watch = Watch()
        cursors = {after}
        while True:
            asked = self._size(first)
            data, asked = self._ask(asked, after)
            nodes, cursor, has_next = connection(_at(data, path, self.operation), self.operation)
            if has_next and not cursor:
                raise RetryLater(f"GraphQL {self.operation} answered with a page that leads nowhere.")
            if has_next and cursor in cursors:
                raise Endless(
                    f"GraphQL {self.operation} does not end: its pages lead back to where they were."
                )
            if has_next:
                watch.check([number_of(node) for node in nodes], f"GraphQL {self.operation}")
                self.learned.page(self.operation, asked=asked, came=len(nodes))
            yield GraphPage(_read(nodes, row), cursor, has_next)
            if not has_next:
                return
            after = cursor
            cursors.add(cursor)

    @property
    def learned(self) -> Learned:
        return self.graphql.learned

    def _size(self, first: int) -> int:
        """Returns how many rows to ask for: what the site sends at most, and what one query may cost."""
        size = self.learned.rows_of_a_page(self.operation, first)
        return max(1, min(size, self.learned.rows_for(self.operation, self.base, self.cost_per_row)))

    def _ask(self, first: int, after: str | None) -> tuple[dict[str, Any], int]:
        """Returns the data, and the number of rows that was asked for in the end."""
        while True:
            try:
                return self._ask_spelled(first, after), first
            except TooExpensive as error:
                if first <= 1:
                    raise
                rule = self.base + first * self.cost_per_row
                self.learned.refused(self.operation, rule, cost=error.cost, most=error.max_cost)
                allowed = self.learned.rows_for(self.operation, self.base, self.cost_per_row)
                first = max(1, min(first // 2 if error.cost is None else first - 1, allowed))

    def _ask_spelled(self, first: int, after: str | None) -> dict[str, Any]:
        known = self.graphql.spellings
        variables = self.variables | {"first": first, "after": after}
        rule = self.base + first * self.cost_per_row  # by what is asked for, not by what comes
        cost = self.learned.price(self.operation, rule)
        choices = max((len(names) for names in self.names.values()), default=1)
        while True:
            chosen = max((known.get(key, 0) for key in self.names), default=0)
            spelling = {key: names[known.get(key, 0)] for key, names in self.names.items()}
            text = self.text % spelling if self.names else self.text
            try:
                answer = self.graphql.run(self.operation, text, variables, cost=cost)
            except SchemaDrift:
                if chosen != max((known.get(key, 0) for key in self.names), default=0):
                    continue  # another thread has found the right name meanwhile
                last = chosen + 1 >= choices
                known.update(dict.fromkeys(self.names, 0 if last else chosen + 1))
                if last:
                    raise
            else:
                self.learned.paid(self.operation, rule, answer.points.cost)
                return answer.data


def _read(nodes: list[Any], row: type[T] | Callable[[Any], T]) -> Rows[T]:
    if isinstance(row, type):
        return Rows(*read_rows(nodes, row))
    items: list[T] = []
    bad: list[BadRow] = []
    for place, node in enumerate(nodes, start=1):
        try:
            items.append(row(node))
        except msgspec.ValidationError as error:
            number = node.get("id") if isinstance(node, dict) else None
            bad.append(BadRow(str(number or f"#{place}"), str(error)))
    return Rows(items, bad)


def _at(data: dict[str, Any], path: tuple[str, ...], operation: str) -> Any:
    value: Any = data
    for step in path:
        owner, value = value, value.get(step) if isinstance(value, dict) else None
        if owner is data and value is None:
            raise NotFound(f"GraphQL {operation}", 200, [(None, f"Thinkific has no such {step}.")])
    return value


def connection(value: Any, operation: str) -> tuple[list[Any], str | None, bool]:
    """Returns the nodes, the cursor after them, and whether more follow.

    Raises RetryLater where the answer does not say whether more follow: taken for no, the rest of the list
    would count as removed.
    """
    if not isinstance(value, dict):
        raise RetryLater(f"GraphQL {operation} was answered without a list.")
    nodes = value.get("nodes")
    if nodes is None:
        nodes = [edge.get("node") for edge in value.get("edges") or [] if isinstance(edge, dict)]
    info = value.get("pageInfo")
    has_next = info.get("hasNextPage") if isinstance(info, dict) else None
    if not isinstance(info, dict) or not isinstance(has_next, bool):
        raise RetryLater(f"GraphQL {operation} does not say whether more follows.")
    cursor = info.get("endCursor")
    return [node for node in nodes if node is not None], None if cursor is None else str(cursor), has_next
