"""Columns: a heading, where the value is found, how it is drawn. The same ones for lists, details, tabs and
files."""

from collections.abc import Callable
from typing import Any

from django.db.models import OuterRef

from core.admin.kit.lists.lists import CappedCount, amount
from core.models import User

Source = str | Callable[[Any], Any]


class Column:
    """One column. As an attribute of a screen it is named in `list_display`, `fields` and `fieldsets`; a tab
    and a file are given the column itself."""

    def __init__(self, heading: str, value: Callable[[Any], Any], cell: Callable[[Any], Any], sort: str):
        self.heading = self.short_description = heading
        self.value = value  # of a row, for a file
        self.cell = cell
        self.admin_order_field = sort or None

    def __call__(self, row: Any) -> Any:
        """Returns what stands in the cell."""
        return self.cell(self.value(row))


class CountColumn(Column):
    """How many rows point to each row. The list and the page read the count with their rows."""

    def __init__(self, heading: str, rows: Callable[[User], Any], key: str):
        super().__init__(heading, lambda row: getattr(row, self.annotation), amount, "")
        self.rows = rows
        self.key = key

    def __set_name__(self, screen: type, name: str) -> None:
        self.annotation = f"{name}_counted"

    def count(self, viewer: User) -> CappedCount:
        return CappedCount(self.rows(viewer).filter(**{self.key: OuterRef("pk")}))


def column(
    heading: str,
    source: Source,
    cell: Callable[..., Any] | None = None,
    *,
    sort: str | bool = False,
    **drawing: Any,
) -> Column:
    """Returns a column.

    `source` is a path ("user.email", "get_origin_display") or a function of the row. `cell` draws the value,
    with the options in `drawing`; without it the value stands there as it is. `sort` is the field of the
    database that the heading sorts by, which needs an index; True: the source is that field.
    """
    value = source if callable(source) else _path(source)
    order = source if sort is True and isinstance(source, str) else sort or ""
    draw: Callable[[Any], Any] = _as_it_is if cell is None else cell
    return Column(heading, value, (lambda found: draw(found, **drawing)) if drawing else draw, str(order))


def count_column(heading: str, rows: Callable[[User], Any], key: str) -> CountColumn:
    """Returns a column that counts rows of another model, in a constant number of queries.

    `rows` are those that the viewer may see; `key` is the foreign key by which they point to a row.
    """
    return CountColumn(heading, rows, key)


def _as_it_is(value: Any) -> Any:
    return value


def _path(path: str) -> Callable[[Any], Any]:
    names = path.split(".")

    def value(row: Any) -> Any:
        """None where something on the way is missing."""
        for name in names:
            row = getattr(row, name)
            row = row() if callable(row) else row
            if row is None:
                break
        return row

    return value
