"""What GraphQL answers have shown about a site: what queries cost, and how many rows a page has at most."""

import math

MOST_POINTS = 1000  # points that one query may cost, as documented
FIRST_SIZE = 50  # rows of the first page, which all sites allow; the next pages grow while they are full
FEWEST = 10  # a page with fewer rows does not show how many rows a site sends at most
# 249 rows of 2 points cost 500 with the query itself, and four such pages use the 2,000 points of a minute;
# pages of 250 rows would leave a quarter of the points unused.
LARGEST_SIZE = 249


class Learned:
    """Prices and page sizes by operation, the name of a query. Safe to share between threads.

    A price is kept as the ratio of the real cost to the cost by the documented rule, so one answer tells the
    price of every page size.
    """

    def __init__(self) -> None:
        self._ratios: dict[str, float] = {}
        self._most_points = MOST_POINTS
        self._sizes: dict[str, int] = {}  # of the next page
        self._caps: dict[str, int] = {}  # the most rows that the site sends

    def price(self, operation: str, rule: int) -> int:
        """Returns the expected points of a query that costs `rule` by the documented rule."""
        return max(1, min(self.prices(operation, rule), self._most_points))

    def prices(self, operation: str, rule: int) -> int:
        """Returns the same for several queries together."""
        return math.ceil(rule * self._ratios.get(operation, 1.0))

    def paid(self, operation: str, rule: int, cost: int | None) -> None:
        """Notes what a query has cost."""
        if cost:
            self._ratios[operation] = cost / rule

    def refused(self, operation: str, rule: int, *, cost: int | None, most: int | None) -> None:
        """Notes that a query was refused because it costs too much: `cost`, or more than the most."""
        self._most_points = most or self._most_points
        ratio = max(cost or 0, self._most_points + 1) / rule
        self._ratios[operation] = max(ratio, self._ratios.get(operation, 0.0))

    def rows_for(self, operation: str, base: int, cost_per_row: int) -> int:
        """Returns how many rows one query may ask for."""
        affordable = self._most_points / self._ratios.get(operation, 1.0) - base
        return max(1, int(affordable // max(1, cost_per_row)))

    def rows_of_a_page(self, operation: str, wanted: int = 0) -> int:
        """Returns how many rows to ask for: `wanted` (0: the most), but not more than the site sends."""
        wanted = wanted or self._sizes.get(operation, FIRST_SIZE)
        return min(wanted, self._caps.get(operation, wanted))

    def page(self, operation: str, *, asked: int, came: int) -> None:
        """Notes the size of a page that is not the last. Where fewer rows came than were asked for, the site
        sends no more at once, and asking for more would only cost more."""
        if FEWEST <= came < asked:
            self._caps[operation] = self._sizes[operation] = came
        elif operation not in self._caps:
            self._sizes[operation] = min(2 * asked, LARGEST_SIZE)
