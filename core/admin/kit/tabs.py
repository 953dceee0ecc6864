"""Tabs of a detail page. Each is a table with pages, whose rows are read only when the tab is open."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from core.admin.kit.dialogs.buttons import row_buttons
from core.admin.kit.lists.columns import Column
from core.admin.kit.lists.filters import words_of
from core.admin.kit.lists.lists import BoundedPaginator
from core.admin.kit.viewer import viewer_of
from core.models import User
from core.models.fields.folded import holding

PER_PAGE = 25


@dataclass(frozen=True)
class Tab:
    slug: str
    title: str
    # Returns the rows of the tab that the viewer may see.
    rows: Callable[[Any, User], QuerySet]
    columns: Sequence[Column]
    empty: str  # a sentence: what would be here
    note: Callable[[Any, User], str] = lambda obj, viewer: ""  # sentences above the table
    applies: Callable[[Any], bool] = lambda obj: True
    # Django's permission to see the rows, where that of the page is not enough.
    permission: str = ""
    search: str = ""  # the column to search in; empty: no search, for tabs with few rows

    def is_shown(self, obj: Any, viewer: User) -> bool:
        return self.applies(obj) and (not self.permission or viewer.has_perm(self.permission))


def tab_context(tab: Tab, obj: Model, request: HttpRequest, model_admin: Any) -> dict[str, Any]:
    """Returns one page of a tab's table, as context for `admin/dashboard/tab_table.html`."""
    viewer = viewer_of(request)
    asked = request.GET.get("q", "").replace("\x00", "").strip() if tab.search else ""
    found = tab.rows(obj, viewer)
    for word in words_of(asked):
        found = found.filter(holding(tab.search, word))
    paginator = BoundedPaginator(found, PER_PAGE)
    page = paginator.get_page(request.GET.get("p"))
    rows = list(page)
    doable = row_buttons(model_admin, obj, viewer, tab.slug, rows)
    return {
        "tab": tab,
        "note": tab.note(obj, viewer),
        "page": page,
        "asked": asked,
        "has_search": bool(tab.search) and (bool(asked) or paginator.num_pages > 1),
        "page_links": paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1),
        "headings": [*(column.heading for column in tab.columns), *(["Actions"] if doable else [])],
        "table_rows": [
            [*(column(row) for column in tab.columns), *([doable[place]] if doable else [])]
            for place, row in enumerate(rows)
        ],
    }
