"""Where values that the mirror stores come from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """What brings the rows, and what becomes of one that the database refuses: with `row_by_row` it is left
    out and reported; otherwise the whole batch is refused, with the database's error. `first_load`: the
    first pull of these rows, which webhooks do not tell of."""

    reason: str  # in the history of the rows
    row_by_row: bool = False
    first_load: bool = False
