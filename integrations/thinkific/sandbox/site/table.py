"""An ordered collection of rows, with an index by id."""

from collections.abc import Iterator
from typing import Generic, TypeVar

Row = TypeVar("Row")


class Table(Generic[Row]):
    def __init__(self, first_id: int) -> None:
        self._next_id = first_id
        self._by_id: dict[int, Row] = {}
        self.listing: list[Row] = []

    def new_id(self) -> int:
        row_id, self._next_id = self._next_id, self._next_id + 1
        return row_id

    def add(self, row_id: int, row: Row, *, first: bool = False) -> Row:
        self._by_id[row_id] = row
        if first:
            self.listing.insert(0, row)
        else:
            self.listing.append(row)
        self._next_id = max(self._next_id, row_id + 1)
        return row

    def replace(self, row_id: int, row: Row) -> None:
        self.listing[self.listing.index(self._by_id[row_id])] = row
        self._by_id[row_id] = row

    def get(self, row_id: int | None) -> Row | None:
        return None if row_id is None else self._by_id.get(row_id)

    def __getitem__(self, row_id: int) -> Row:
        return self._by_id[row_id]

    def __contains__(self, row_id: object) -> bool:
        return row_id in self._by_id

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.listing)

    def ids(self) -> list[int]:
        return list(self._by_id)

    def remove(self, row_id: int) -> Row:
        row = self._by_id.pop(row_id)
        self.listing.remove(row)
        return row

    def remove_many(self, row_ids: set[int]) -> None:
        gone = {id(self._by_id.pop(row_id)) for row_id in row_ids}
        self.listing = [row for row in self.listing if id(row) not in gone]

    def move_first_to_end(self) -> None:
        """Move the first row to the end, as an update in an unsorted list may do: all others move up."""
        if self.listing:
            self.listing.append(self.listing.pop(0))
