"""Which dialogs a page offers: about its object, and about the rows of its tabs."""

from typing import Any

from django.db.models import Model
from django.utils.safestring import SafeString

from core.admin.kit import cells
from core.admin.kit.dialogs.dialog import button, url_of
from core.models import User


def buttons_for(model_admin: Any, obj: Model, viewer: User, tab: str) -> list[SafeString]:
    """What this person may do here, about the object itself."""
    return [
        button(url_of(model_admin.opts, dialog.slug, obj.pk), dialog.label, icon=dialog.icon)
        for dialog in model_admin.dialogs
        if dialog.tab == tab and dialog.parts is None and not dialog.about_new
        if dialog.applies(obj) and dialog.may(viewer, obj)
        if dialog.offered_when_blocked or not dialog.blocked(obj, viewer)
    ]


def row_buttons(model_admin: Any, obj: Model, viewer: User, tab: str, rows: list[Any]) -> list[SafeString]:
    """One cell for each row: what this person may do to it. One query for each dialog."""
    dialogs = [d for d in model_admin.dialogs if d.parts is not None and d.tab == tab]
    keys = [row.pk for row in rows] if dialogs else []
    offered = []
    for dialog in dialogs:
        if dialog.may(viewer, obj):
            rows_here = dialog.offered_for(dialog.parts(obj, viewer)).filter(pk__in=keys).order_by()
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
