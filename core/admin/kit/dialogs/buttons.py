"""Buttons that open dialogs: on an object's page, in the rows of its tabs, and above a list."""

from collections.abc import Callable
from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.enums import ActionVariant

from core.admin.kit import cells
from core.admin.kit.dialogs.answering import respond
from core.admin.kit.dialogs.dialog import Dialog, RowDialog, button, url_of
from core.models import User


def buttons_for(model_admin: Any, obj: Model, viewer: User, tab: str) -> list[SafeString]:
    """Returns the buttons of the dialogs about the object that the viewer may use in this tab."""
    return [
        button(url_of(model_admin.opts, dialog.slug, obj.pk), dialog.label, icon=dialog.icon)
        for dialog in model_admin.dialogs
        if dialog.tab == tab and not issubclass(dialog, RowDialog) and not dialog.about_new
        if not dialog.in_page
        if dialog.applies(obj) and dialog.may_now(viewer, obj)
        if dialog.offered_when_blocked or not dialog.blocked(obj, viewer)
    ]


def row_buttons(model_admin: Any, obj: Model, viewer: User, tab: str, rows: list[Any]) -> list[SafeString]:
    """Returns one cell for each row, with the buttons that the viewer may use. One query for each dialog."""
    dialogs = [d for d in model_admin.dialogs if issubclass(d, RowDialog) and d.tab == tab]
    keys = [row.pk for row in rows] if dialogs else []
    offered = []
    for dialog in dialogs:
        if dialog.may_now(viewer, obj):
            rows_here = dialog.offered_for(dialog.rows(obj, viewer)).filter(pk__in=keys).order_by()
            allowed = set(rows_here.values_list("pk", flat=True))
            offered.append((dialog, allowed))
    if not any(allowed for _, allowed in offered):
        return []
    return [
        cells.actions(
            [
                button(url_of(model_admin.opts, dialog.slug, obj.pk, key), dialog.label, css="")
                for dialog, allowed in offered
                if key in allowed
            ]
        )
        for key in keys
    ]


def opens(dialog: type[Dialog], *, variant: ActionVariant = ActionVariant.DEFAULT) -> Callable[..., Any]:
    """Returns an action of Unfold: a button above the list or the page that opens the dialog.

    The dialog gets the button's address. One that creates an object (`about_new`) has its own, and the button
    redirects there.
    """

    def ask(model_admin: Any, request: HttpRequest, object_id: str | None = None) -> HttpResponse:
        if dialog.about_new:
            return HttpResponseRedirect(url_of(model_admin.opts, dialog.slug))
        return respond(model_admin, request, dialog, object_id)

    opener: Any = action(description=dialog.label, icon=dialog.icon or None, variant=variant)(ask)
    opener.opens = dialog
    if not dialog.about_new:
        opener.dialog = {"title": dialog.title}  # tells Unfold to open it over the page
    return opener
