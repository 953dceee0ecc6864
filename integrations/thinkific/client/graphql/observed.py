"""What the answers of GraphQL have shown of a site: what queries cost there, and how many rows a page has."""

import math

MOST_POINTS = 1000  # that a single query may cost, as documented
FIRST_SIZE = 50  # rows of the first page: sites serve so many; it grows while whole pages come
FEWEST = 10  # rows of a page that tell what a site gives at once: a thin page may have lost some
# 249 rows of 2 points cost 500 with what is around them, and four such pages fill the 2,000 points of a
# minute, where 250 rows would leave a quarter of them unused.
LARGEST_SIZE = 249


class Learned:
    """By operation. Prices are kept as the ratio to what the documented rule says: that depends only on what
    is asked for, so one answer tells the price of every size. Safe to share between threads."""

    def __init__(self) -> None:
        self._ratios: dict[str, float] = {}
        self._most_points = MOST_POINTS
        self._sizes: dict[str, int] = {}  # to be asked for next
        self._caps: dict[str, int] = {}  # that the site does not go beyond

    def price(self, operation: str, rule: int) -> int:
        """The points that a query probably costs which costs `rule` as documented."""
        return max(1, min(self.prices(operation, rule), self._most_points))

    def prices(self, operation: str, rule: int) -> int:
        """The same for several queries together."""
        return math.ceil(rule * self._ratios.get(operation, 1.0))

    def paid(self, operation: str, rule: int, cost: int | None) -> None:
        if cost:
            self._ratios[operation] = cost / rule

    def refused(self, operation: str, rule: int, *, cost: int | None, most: int | None) -> None:
        """It was too dear: by what the refusal tells, or at least dearer than may be."""
        self._most_points = most or self._most_points
        ratio = max(cost or 0, self._most_points + 1) / rule
        self._ratios[operation] = max(ratio, self._ratios.get(operation, 0.0))

    def rows_for(self, operation: str, base: int, cost_per_row: int) -> int:
        """How many rows may be asked for at once."""
        affordable = self._most_points / self._ratios.get(operation, 1.0) - base
        return max(1, int(affordable // max(1, cost_per_row)))

    def rows_of_a_page(self, operation: str, wanted: int = 0) -> int:
        """How many rows to ask for: no more than a page was seen to have; 0 wants as many as possible."""
        wanted = wanted or self._sizes.get(operation, FIRST_SIZE)
        return min(wanted, self._caps.get(operation, wanted))

    def page(self, operation: str, *, asked: int, came: int) -> None:
        """A page that is not the last: where fewer rows came than were asked for, and paid for, that is all
        that this site gives at once."""
        if FEWEST <= came < asked:
            self._caps[operation] = self._sizes[operation] = came
        elif operation not in self._caps:
            self._sizes[operation] = min(2 * asked, LARGEST_SIZE)
