"""Tabs of a detail page: a table with pages, whose rows are read only when the tab is open, or a form. Which
rows a page shows, the address says (`tab_rows.py`)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.utils.safestring import SafeString

from core.admin.kit.dialogs.chosen import ChosenDialog
from core.admin.kit.dialogs.dialog import Dialog
from core.admin.kit.lists.columns import Column
from core.models import User


class Choice(NamedTuple):
    """A value of a filter that is no object."""

    pk: int
    label: str

    def __str__(self) -> str:
        return self.label


@dataclass(frozen=True)
class TabFilter:
    """A choice of one value that limits the rows of a tab. A value that is not offered finds nothing."""

    parameter: str  # in the address
    title: str
    # Returns the values to choose from: objects, for example the groups of the team, or `Choice`s.
    offered: Callable[[Any, User], QuerySet | Sequence["Choice"]]
    # Returns those rows of the tab that belong to the value with this primary key.
    matching: Callable[[QuerySet, int, Any, User], QuerySet]


@dataclass(frozen=True)
class Tab:
    slug: str
    title: str
    # Returns the rows of the tab that the viewer may see.
    rows: Callable[[Any, User], QuerySet]
    # A column with `sort` has a heading that sorts by that field.
    columns: Sequence[Column]
    # A sentence: what would be here, and a button that helps only where the viewer has it.
    empty: str | Callable[[Any, User], str]
    note: Callable[[Any, User], str] = lambda obj, viewer: ""  # sentences above the table
    applies: Callable[[Any], bool] = lambda obj: True
    # Django's permission to see the rows, where that of the page is not enough.
    permission: str = ""
    may_see: Callable[[Any, User], bool] = lambda obj, viewer: True  # or a rule about the object
    search: str = ""  # the column to search in; empty: no search, for tabs with few rows
    search_hint: str = "Search by name or e-mail"
    filters: Sequence[TabFilter] = ()
    # Dialogs about chosen rows. `chosen` returns what they are about, from the rows; `chosen_by` is the
    # attribute of a row with its primary key.
    actions: Sequence[type[ChosenDialog]] = ()
    chosen: Callable[[QuerySet], QuerySet] = lambda rows: rows
    chosen_by: str = "pk"
    # Returns one more button for rows (by primary key) whose dialog belongs to another screen.
    row_links: Callable[[list[Any], User], Mapping[Any, SafeString]] = lambda rows, viewer: {}
    # The columns of the CSV file of the tab; empty: none is offered.
    export: Sequence[Column] = ()
    may_export: Callable[[Any, User], bool] = lambda obj, viewer: True

    def is_shown(self, obj: Any, viewer: User) -> bool:
        if not self.applies(obj) or not self.may_see(obj, viewer):
            return False
        return not self.permission or viewer.has_perm(self.permission)

    def is_exported(self, obj: Any, viewer: User) -> bool:
        """Whether the viewer may have the rows as a file."""
        return bool(self.export) and viewer.has_perm("core.export_reports") and self.may_export(obj, viewer)

    def actions_for(self, obj: Any, viewer: User) -> list[type[ChosenDialog]]:
        """Returns the dialogs about chosen rows that the viewer may use."""
        return [dialog for dialog in self.actions if dialog.may_now(viewer, obj)]


@dataclass(frozen=True)
class FormTab:
    """A tab that is the form of a dialog (`in_page`). Viewers who may not send it read it."""

    slug: str
    title: str
    dialog: type[Dialog]
    why_fixed: Callable[[Any, User], str] = lambda obj, viewer: ""  # why nobody, or this viewer, may send it
    actions: Sequence[type[ChosenDialog]] = ()  # as of a tab: it has no rows to choose

    def is_shown(self, obj: Any, viewer: User) -> bool:
        return self.dialog.applies(obj)


AnyTab = Tab | FormTab
