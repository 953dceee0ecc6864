"""Where a list ends: by what its pages say, and by rows that come again where it never ends."""

from collections.abc import Iterable, Sequence
from typing import Any

from integrations.thinkific.client.errors import Endless

# In a row. A row that moves between two requests may come twice, but not three whole pages.
PAGES_WITHOUT_NEWS = 3
FEW = 20_000  # ids that are kept in a set; more would take too much memory
PLACES = 4_194_301  # a prime number: ids with equal distances get different places


def more_follow(
    *,
    number: int,
    fetched: int,
    asked: int,
    total_items: int | None,
    total_pages: int | None,
    next_page: int | None,
) -> bool:
    """Returns whether the next page must be asked for: page `number` had `fetched` rows of `asked`.

    An empty page is the end. When an answer says that more pages follow, that is believed. When it says that
    a full page is the last one, that is believed only if the total agrees: a total that is missing, negative
    or too small must not make the rest of the list look removed.
    """
    if not fetched:
        return False
    if (total_pages or 0) > number or (next_page or 0) > number:
        return True
    came = (number - 1) * asked + fetched
    if fetched < asked:
        return not total_pages and (total_items or 0) > came
    return total_items != came


class SeenIds:
    """The ids that a list has shown, in at most four megabytes. Beyond FEW ids it is a table in which two ids
    may have the same place; that does not happen to a whole page of new ids."""

    def __init__(self) -> None:
        self._few: set[int] = set()
        self._table: bytearray | None = None

    def add(self, ids: Sequence[int]) -> bool:
        """Adds ids. Returns whether any of them is new."""
        if self._table is None:
            before = len(self._few)
            self._few.update(ids)
            news = len(self._few) > before
            if len(self._few) > FEW:
                self._table = bytearray(PLACES)
                self._note(self._few)
                self._few = set()
            return news
        return self._note(ids)

    def _note(self, ids: Iterable[int]) -> bool:
        table = self._table
        assert table is not None
        news = False
        for place in [number % PLACES for number in ids]:
            if not table[place]:
                table[place] = 1
                news = True
        return news


def number_of(node: Any) -> int:
    """Returns a number for a GraphQL node: from its id, which is text, or from all of it without one."""
    name = node.get("id") if isinstance(node, dict) else None
    return hash(repr(node) if name is None else str(name))


class Watch:
    """Counts the pages in a row of one list that had no new row."""

    def __init__(self) -> None:
        self._seen = SeenIds()
        self._without_news = 0

    def brings_nothing(self, ids: Sequence[int]) -> bool:
        """Adds a page by its ids. Returns whether it is the last of PAGES_WITHOUT_NEWS without a new row."""
        self._without_news = 0 if self._seen.add(ids) else self._without_news + 1
        return self._without_news >= PAGES_WITHOUT_NEWS

    def check(self, ids: Sequence[int], what: str) -> None:
        """Adds a page by its ids. Raises Endless, which names the list by `what`."""
        if self.brings_nothing(ids):
            raise Endless(f"{what} {ENDLESS}")


ENDLESS = (
    f"does not end: {PAGES_WITHOUT_NEWS} pages in a row brought nothing that had not come before, and more "
    "were announced."
)
