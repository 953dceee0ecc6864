"""Where a list ends: what a page says about it, how far that is believed, and lists that never end."""

from collections.abc import Iterable, Sequence
from typing import Any

from integrations.thinkific.client.errors import Endless

# In a row. A row that moves between two requests may come twice; whole pages do not, and not three times.
PAGES_WITHOUT_NEWS = 3
FEW = 20_000  # ids up to which a set is small enough
PLACES = 4_194_301  # a prime, so that no regular numbering meets itself


def more_follow(
    *,
    number: int,
    fetched: int,
    asked: int,
    total_items: int | None,
    total_pages: int | None,
    next_page: int | None,
) -> bool:
    """Whether the page after `number` must be asked for: this one brought `fetched` rows of `asked`.

    An empty page is the end. That more follow is believed; that none do, of a full page only where the total
    bears it out: a missing, negative or too small one must not make the rest of the list look gone.
    """
    if not fetched:
        return False
    if (total_pages or 0) > number or (next_page or 0) > number:
        return True
    came = (number - 1) * asked + fetched
    if fetched < asked:
        return not total_pages and (total_items or 0) > came
    return total_items != came


class Met:
    """Which ids a walk has met, in at most four megabytes: beyond FEW, a table in which two ids may share a
    place. A whole page of new ids that all look met does not happen."""

    def __init__(self) -> None:
        self._few: set[int] = set()
        self._table: bytearray | None = None

    def add(self, ids: Sequence[int]) -> bool:
        """Whether any of them is new."""
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
    """What tells a node from others, where ids are words; without an id, all of it."""
    name = node.get("id") if isinstance(node, dict) else None
    return hash(repr(node) if name is None else str(name))


class Watch:
    """Counts the pages of one walk that brought nothing new."""

    def __init__(self) -> None:
        self._met = Met()
        self._stale = 0

    def brings_nothing(self, ids: Sequence[int]) -> bool:
        """Whether, with this page, so many in a row brought nothing new that no end is to be expected."""
        self._stale = 0 if self._met.add(ids) else self._stale + 1
        return self._stale >= PAGES_WITHOUT_NEWS

    def look(self, ids: Sequence[int], what: str) -> None:
        """Raises Endless instead; `what` names the list."""
        if self.brings_nothing(ids):
            raise Endless(f"{what} {ENDLESS}")


ENDLESS = (
    f"does not end: {PAGES_WITHOUT_NEWS} pages in a row brought nothing that had not come before, and more "
    "were announced."
)
