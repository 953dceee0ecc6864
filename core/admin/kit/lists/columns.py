"""Columns for lists, detail pages, tabs and files: a heading, the value, and how it is shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef
from django.utils.html import format_html

from core.admin.kit.lists.lists import COUNTED, CappedCount, amount
from core.models import User


@dataclass(frozen=True)
class Reads:
    """A value that is computed from columns of the database alone (`user__email`). A file of such values is
    read without making an object of each row, which is several times as fast."""

    fields: tuple[str, ...]
    compute: Callable[..., Any]

    def __call__(self, row: Any) -> Any:
        return self.compute(*(_walk(row, name.split("__")) for name in self.fields))


Source = str | Reads | Callable[[Any], Any]


class Column:
    """One column. `list_display`, `fields` and `fieldsets` of a screen contain the name of its attribute;
    tabs and files contain the column itself."""

    def __init__(self, heading: str, value: Callable[[Any], Any], cell: Callable[[Any], Any], sort: str):
        self.heading = self.short_description = heading
        self.value = value  # returns the value of a row, for files
        self.cell = cell
        self.admin_order_field = sort or None
        self.path = ""  # to the value, where it is no function
        self.in_file: tuple[Column, ...] = (self,)  # what stands for it in a file

    def __call__(self, row: Any) -> Any:
        """Returns the content of the cell."""
        return self.cell(self.value(row))


class CountColumn(Column):
    """Counts the related rows of each row, as an annotation in the query of the list or page."""

    def __init__(
        self,
        heading: str,
        rows: Callable[[User], Any],
        key: str,
        *,
        leads_to: Callable[[Any], str] | None,
        sort: bool,
    ):
        super().__init__(heading, lambda row: getattr(row, self.annotation), amount, "")
        self.in_file = (Column(heading, self._in_file, _unchanged, ""),)
        self.rows = rows
        self.key = key
        self.leads_to = leads_to
        self.sorts = sort

    def __call__(self, row: Any) -> Any:
        shown = super().__call__(row)
        url = self.leads_to(row) if self.leads_to is not None and self.value(row) else ""
        return format_html('<a class="cell-link" href="{}">{}</a>', url, shown) if url else shown

    def _in_file(self, row: Any) -> int | str:
        """Returns the count, or "10,000+" where it stopped there."""
        found: int = self.value(row)
        return found if found <= COUNTED else amount(found)

    def __set_name__(self, screen: type, name: str) -> None:
        self.annotation = f"{name}_counted"
        if self.sorts:
            self.admin_order_field = self.annotation

    def count(self, viewer: User) -> CappedCount:
        return CappedCount(self.rows(viewer).filter(**{self.key: OuterRef("pk")}))


def column(
    heading: str,
    source: Source,
    cell: Callable[..., Any] | None = None,
    *,
    sort: str | bool = False,
    in_file: Source | Sequence[Column] | None = None,
    **options: Any,
) -> Column:
    """Returns a column.

    `source` is a path ("user.email", "get_origin_display") or a function of the row. `cell` renders the
    value, with the keyword arguments `options`; without it the value is shown unchanged. `sort` is the
    database field to sort by, which needs an index; True: the source is that field. `in_file` is the source
    of the value in a file, if the column's own source renders HTML; or other columns, or none.
    """
    value = source if callable(source) else _path(source)
    order = source if sort is True and isinstance(source, str) else sort or ""
    render: Callable[[Any], Any] = _unchanged if cell is None else cell
    draw = (lambda found: render(found, **options)) if options else render
    made = Column(heading, value, draw, str(order))
    made.path = source if isinstance(source, str) else ""
    if isinstance(in_file, str) or callable(in_file):
        made.in_file = (column(heading, in_file),)
    elif in_file is not None:
        made.in_file = tuple(in_file)
    return made


def count_column(
    heading: str,
    rows: Callable[[User], Any],
    key: str,
    *,
    leads_to: Callable[[Any], str] | None = None,
    sort: bool = False,
) -> CountColumn:
    """Returns a column that counts rows of another model, in a constant number of queries.

    `rows` returns the rows that the viewer may see; `key` is their foreign key to the list's row. `leads_to`
    returns the address of the list with exactly the counted rows; empty for none. With `sort` the heading
    sorts by the count. The database then counts for every row, so only for models with few rows.
    """
    return CountColumn(heading, rows, key, leads_to=leads_to, sort=sort)


def _unchanged(value: Any) -> Any:
    return value


def _path(path: str) -> Callable[[Any], Any]:
    names = path.split(".")
    return lambda row: _walk(row, names)


def _walk(row: Any, names: Sequence[str]) -> Any:
    """Returns the value at the end of a path; None if a value on it is None."""
    for name in names:
        row = getattr(row, name)
        row = row() if callable(row) else row
        if row is None:
            break
    return row
