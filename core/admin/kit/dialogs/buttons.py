"""Buttons that open dialogs: on an object's page, in the rows of its tabs, and above a list."""

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Case, Model, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.enums import ActionVariant

from core.admin.kit import cells
from core.admin.kit.dialogs.answering import respond
from core.admin.kit.dialogs.dialog import Dialog, RowDialog, button, url_of
from core.admin.kit.dialogs.htmx import from_script
from core.models import User


def buttons_for(model_admin: Any, obj: Model, viewer: User, tab: str) -> list[SafeString]:
    """Returns the buttons of the dialogs about the object that the viewer may use in this tab, and links to
    other pages (`page_links`)."""
    dialogs = [
        button(url_of(model_admin.opts, dialog.slug, obj.pk), dialog.label, icon=dialog.icon)
        for dialog in model_admin.dialogs
        if dialog.tab == tab and not issubclass(dialog, RowDialog) and not dialog.about_new
        if not dialog.in_page
        if dialog.applies(obj) and dialog.may_now(viewer, obj)
        if dialog.offered_when_blocked or not dialog.blocked(obj, viewer)
    ]
    return [*dialogs, *model_admin.page_links(obj, viewer, tab)]


def link_button(url: str, label: str, *, icon: str) -> SafeString:
    """Returns a link to another page that looks like the button of a dialog."""
    shown_icon = format_html('<span class="material-symbols-outlined" aria-hidden="true">{}</span>', icon)
    return format_html('<a class="d-button" href="{}">{}{}</a>', url, shown_icon, label)


def row_buttons(
    model_admin: Any,
    obj: Model,
    viewer: User,
    tab: str,
    rows: list[Any],
    more: Mapping[Any, Any] | None = None,
) -> list[SafeString]:
    """Returns one cell for each row, with the buttons that the viewer may use and, where one is missing, why.
    A constant number of queries for each dialog. `more`: a further button for rows with these keys."""
    more = more or {}
    dialogs = [d for d in model_admin.dialogs if issubclass(d, RowDialog) and d.tab == tab and not d.in_page]
    offered = [
        _Offered(dialog, obj, viewer, rows) for dialog in dialogs if rows and dialog.may_now(viewer, obj)
    ]
    if not more and not any(one.allowed or one.reasons for one in offered):
        return []
    shown = []
    for row in rows:
        buttons = [
            button(
                url_of(model_admin.opts, one.dialog.slug, obj.pk, row.pk),
                one.dialog.in_row or one.dialog.label,
                css="",
            )
            for one in offered
            if row.pk in one.allowed
        ]
        others = [more[row.pk]] if row.pk in more else []
        reasons = [one.why(row) for one in offered if row.pk in one.reasons]
        shown.append(cells.actions([*buttons, *others, *reasons]))
    return shown


def first_steps(model_admin: Any, viewer: User) -> list[SafeString]:
    """Returns the buttons above a list that make a row of it, for viewers who may use them."""
    actions = (getattr(model_admin, name) for name in model_admin.actions_list or ())
    dialogs = [action.opens for action in actions if hasattr(action, "opens")]
    return [
        button(url_of(model_admin.opts, dialog.slug), dialog.label, icon=dialog.icon)
        for dialog in dialogs
        if dialog.about_new and dialog.may_now(viewer, None)
    ]


class _Offered:
    """For which rows a dialog has a button, and why others have none."""

    def __init__(self, dialog: type[RowDialog], obj: Any, viewer: User, rows: list[Any]) -> None:
        self.dialog = dialog
        among = dialog.rows(obj, viewer).filter(pk__in=[row.pk for row in rows]).order_by()
        allowed = dialog.offered_for(among).values("pk")
        is_offered = Case(When(pk__in=allowed, then=Value(True)), default=Value(False))
        found = dict(among.annotate(is_offered=is_offered).values_list("pk", "is_offered"))
        self.allowed = {key for key, offered in found.items() if offered}
        self.reasons: dict[Any, tuple[str, str]] = {}
        for row in rows:
            if row.pk not in self.allowed:
                reason = dialog.why_not(row, viewer, is_among_rows=row.pk in found)
                self.reasons |= {row.pk: reason} if reason[0] else {}

    def why(self, row: Any) -> SafeString:
        """Returns the button that says why the row has no button of this dialog."""
        words, reason = self.reasons[row.pk]
        return cells.why(f"why-{self.dialog.slug}-{row.pk}", f"Why no {self.dialog.label}?", words, reason)


def opens(dialog: type[Dialog], *, variant: ActionVariant = ActionVariant.DEFAULT) -> Callable[..., Any]:
    """Returns an action of Unfold: a button above the list or the page that opens the dialog.

    The dialog gets the button's address. One that creates an object (`about_new`) has its own: as a page, the
    button redirects there.
    """

    def ask(model_admin: Any, request: HttpRequest, object_id: str | None = None) -> HttpResponse:
        if dialog.about_new and not from_script(request) and "pick" not in request.GET:
            return HttpResponseRedirect(url_of(model_admin.opts, dialog.slug))
        return respond(model_admin, request, dialog, object_id)

    opener: Any = action(description=dialog.label, icon=dialog.icon or None, variant=variant)(ask)
    opener.opens = dialog
    opener.dialog = {"title": dialog.title}  # tells Unfold to open it over the page
    return opener
