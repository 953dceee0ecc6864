"""The columns that a file of a list can have: those of the list, as it is seen, and further ones."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.utils import label_for_field
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, QuerySet
from django.utils.text import capfirst, slugify

from core.admin.kit.lists.columns import Column, Reads, column
from core.exports.formats import Head

DISPLAYED = re.compile(r"get_(\w+)_display")


@dataclass(frozen=True)
class FileColumn:
    column: Column
    seen: bool  # whether the list shows it to the viewer

    @property
    def head(self) -> Head:
        heading = self.column.heading
        return Head(slugify(heading.replace("%", " percent")).replace("-", "_"), heading)

    @property
    def key(self) -> str:
        return self.head.key


def all_columns(shown: Iterable[tuple[Column, bool]], more: Iterable[Column]) -> list[FileColumn]:
    """Returns the columns of the file: what stands for each column of the list, in the list's order (with
    each whether it is seen), and then `more`. A heading that is there already is left out."""
    pairs = [(one, seen) for column, seen in shown for one in column.in_file]
    found: dict[str, FileColumn] = {}
    for one, seen in [*pairs, *((one, False) for one in more)]:
        found.setdefault(one.heading, FileColumn(one, seen))
    return list(found.values())


def columns_of_list(screen: Any, names: Iterable[str], seen: Collection[str]) -> list[FileColumn]:
    """Returns the columns of a screen's file; `names` are those of its list, and `seen` those of them that
    the viewer sees."""
    shown = [(_column(screen, name), name in seen) for name in names]
    return all_columns(shown, screen.export_columns)


def _column(screen: Any, name: str) -> Column:
    """Returns a column of the list; one of Django's for the name of a field."""
    found = screen.columns.get(name)
    if found is not None:
        return found
    heading = screen.opts.verbose_name if name == "__str__" else label_for_field(name, screen.model)
    return column(capfirst(str(heading)), str if name == "__str__" else name)


def reading(columns: Iterable[Column], rows: QuerySet) -> list[Reads] | None:
    """Returns how the values of all these columns are computed from columns of the database; None if one of
    them needs an object."""
    found = [_reads(one, rows) for one in columns]
    return None if None in found else [one for one in found if one is not None]


def _reads(column: Column, rows: QuerySet) -> Reads | None:
    if isinstance(column.value, Reads):
        return column.value
    if column.path in rows.query.annotations:
        return Reads((column.path,), same)
    return _by_path(rows.model, column.path.split("."))


def _by_path(model: type[Model], names: list[str]) -> Reads | None:
    *before, last = names
    lookup = "__".join(names)
    compute: Callable[..., Any] = same
    try:
        for name in before:
            field: Any = model._meta.get_field(name)
            if not (field.many_to_one or field.one_to_one) or field.auto_created:
                return None
            model = field.related_model
        if displayed := DISPLAYED.fullmatch(last):
            field = model._meta.get_field(displayed[1])
            labels = {value: str(label) for value, label in field.flatchoices}
            lookup = "__".join([*before, displayed[1]])
            compute = lambda value: labels.get(value, value)  # noqa: E731
        else:
            field = model._meta.get_field(last)
    except FieldDoesNotExist:
        return None
    return Reads((lookup,), compute) if field.concrete and not field.is_relation else None


def same(value: Any) -> Any:
    return value
