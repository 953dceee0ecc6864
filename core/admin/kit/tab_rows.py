"""The rows of a tab that an address asks for, and the page with them.

The address has the search (`q`), the order (`o`, the number of a column, with a minus for descending), the
filters and the page (`p`), so that it can be kept and passed on.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from core.admin.kit.dialogs.buttons import row_buttons
from core.admin.kit.dialogs.dialog import url_of
from core.admin.kit.lists.columns import Column
from core.admin.kit.lists.filters import UNKNOWN, key_of, words_of
from core.admin.kit.lists.lists import BoundedPaginator
from core.admin.kit.lists.pager import pager
from core.admin.kit.lists.sorting import empty_last
from core.admin.kit.tabs import FormTab, Tab
from core.admin.kit.viewer import viewer_of
from core.models import User
from core.models.fields.folded import holding

PER_PAGE = 25
MOST_OFFERED = 300  # choices of a filter: it is a plain list


class Heading(NamedTuple):
    text: str
    url: str = ""  # sorts by this column; empty where it does not sort
    arrow: str = ""  # the icon, when the rows are sorted by it
    order: str = "none"  # for screen readers


class Asked:
    """What an address asks of a tab. Values that mean nothing are left out."""

    def __init__(self, tab: Tab, parameters: Mapping[str, str]) -> None:
        self.tab = tab
        self.search = parameters.get("q", "").replace("\x00", "").strip() if tab.search else ""
        self.filters = {
            one.parameter: parameters[one.parameter] for one in tab.filters if parameters.get(one.parameter)
        }
        self.order = parameters.get("o", "") if self._column(parameters.get("o", "")) else ""

    def _column(self, order: str) -> Column | None:
        number = key_of(order.removeprefix("-"))
        if number is None or not 1 <= number <= len(self.tab.columns):
            return None
        column = self.tab.columns[number - 1]
        return column if column.admin_order_field else None

    @property
    def is_limited(self) -> bool:
        """Whether the address leaves some rows of the tab out."""
        return bool(self.search or self.filters)

    def parameters(self, **others: str) -> dict[str, str]:
        """Returns the parameters of the address, without the page. Empty values of `others` are left out."""
        kept = {"tab": self.tab.slug, "q": self.search, "o": self.order, **self.filters} | others
        return {name: value for name, value in kept.items() if value}

    def url(self, **others: str) -> str:
        return f"?{urlencode(self.parameters(**others))}"

    def rows(self, obj: Any, viewer: User) -> QuerySet:
        """Returns the rows that are asked for, among those that the viewer may see."""
        found = self.tab.rows(obj, viewer)
        for word in words_of(self.search):
            found = found.filter(holding(self.tab.search, word, found.model))
        for one in self.tab.filters:
            if one.parameter in self.filters:
                key = key_of(self.filters[one.parameter])
                found = found.none() if key is None else one.matching(found, key, obj, viewer)
        column = self._column(self.order)
        if column is not None:
            descending = self.order.startswith("-")
            order = empty_last(found.model, str(column.admin_order_field), descending=descending)
            found = found.order_by(order, "-pk" if descending else "pk")
        return found

    def headings(self) -> list[Heading]:
        return [self._heading(number, column) for number, column in enumerate(self.tab.columns, start=1)]

    def _heading(self, number: int, column: Column) -> Heading:
        if not column.admin_order_field:
            return Heading(column.heading)
        up, down = str(number), f"-{number}"
        if self.order == up:
            return Heading(column.heading, self.url(o=down), "arrow_upward", "ascending")
        arrow = ("arrow_downward", "descending") if self.order == down else ("", "none")
        return Heading(column.heading, self.url(o=up), *arrow)

    def filter_choices(self, obj: Any, viewer: User) -> list[dict[str, Any]]:
        """Returns the filters with their choices, for the template; without those that have none."""
        shown = []
        for one in self.tab.filters:
            chosen = self.filters.get(one.parameter, "")
            choices = [(str(row.pk), str(row)) for row in one.offered(obj, viewer)[:MOST_OFFERED]]
            if chosen and chosen not in dict(choices):
                choices.append((chosen, UNKNOWN))
            if choices:
                shown.append(
                    {"name": one.parameter, "title": one.title, "chosen": chosen, "choices": choices}
                )
        return shown


def tab_context(tab: Tab, obj: Model, request: HttpRequest, model_admin: Any) -> dict[str, Any]:
    """Returns one page of a tab's table, as context for `admin/dashboard/tab_table.html`."""
    viewer = viewer_of(request)
    asked = Asked(tab, request.GET)
    paginator = BoundedPaginator(asked.rows(obj, viewer), PER_PAGE)
    page = paginator.get_page(request.GET.get("p"))
    rows = list(page)
    doable = row_buttons(model_admin, obj, viewer, tab.slug, rows, tab.row_links(rows, viewer))
    actions = tab.actions_for(obj, viewer) if rows else []
    cells = [
        [*(column(row) for column in tab.columns), *([doable[place]] if doable else [])]
        for place, row in enumerate(rows)
    ]
    keys = [getattr(row, tab.chosen_by) if actions else None for row in rows]
    return {
        "tab": tab,
        "note": tab.note(obj, viewer),
        "empty": tab.empty(obj, viewer) if callable(tab.empty) else tab.empty,
        "page": page,
        "asked": asked,
        "kept": [(name, value) for name, value in asked.parameters(q="").items() if name in {"tab", "o"}],
        "filters": asked.filter_choices(obj, viewer),
        "has_search": bool(tab.search) and (asked.is_limited or paginator.num_pages > 1 or bool(tab.filters)),
        "pager": pager(page, lambda number: asked.url(p=str(number))),
        "headings": [*asked.headings(), *([Heading("Actions")] if doable else [])],
        "table_rows": list(zip(keys, cells, strict=True)),
        "actions": [(dialog.action, dialog.label) for dialog in actions],
        "export_url": _export_url(model_admin, obj, asked) if rows and tab.is_exported(obj, viewer) else "",
    }


def _export_url(model_admin: Any, obj: Model, asked: Asked) -> str:
    """Returns the address of the dialog Export for the tab as it is shown."""
    name = f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}_export_tab"
    return f"{reverse(name, args=[obj.pk, asked.tab.slug])}{asked.url()}"


def form_context(tab: FormTab, obj: Model, request: HttpRequest, model_admin: Any) -> dict[str, Any]:
    """Returns the form of a tab, as context for `admin/dashboard/form_tab.html`."""
    viewer = viewer_of(request)
    form: Any = tab.dialog(viewer=viewer, obj=obj)
    is_open = tab.dialog.may(viewer, obj)
    for field in form.fields.values() if not is_open else ():
        field.disabled, field.show_hidden_initial = True, False
    url = url_of(model_admin.opts, tab.dialog.slug, obj.pk)
    form.set_search_url(url)
    return {
        "tab": tab,
        "form": form,
        "text": dict(form.question_inputs)["asked"] if is_open else tab.why_fixed(obj, viewer),
        "asked": form.question_inputs,
        "submit": (form.submit or form.label) if is_open else "",
        "address": url,
    }
