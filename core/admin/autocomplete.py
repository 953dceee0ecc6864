"""The search for pickers. It works only for fields that one of our forms has a picker for, and only for
viewers who may use that form. For all other fields it answers 404."""

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.admin.widgets import AutocompleteMixin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from core.admin.kit.dialogs.choice_labels import RELATED, label
from core.admin.kit.dialogs.dialog import Dialog
from core.admin.kit.lists.filters import RelatedFilter
from core.admin.kit.viewer import viewer_of
from core.admin.tools.dialogs import CARDS, Tool

Key = tuple[str, str, str]  # app, model and field: the parameters of a picker's request
Check = Callable[[HttpRequest], bool]


@cache
def pickers() -> dict[Key, list[Check]]:
    """Returns each field with a picker, with a check for each form that has it: may the viewer use the form?

    They are collected from the screens, so a new picker is found automatically.
    """
    found: dict[Key, list[Check]] = {}
    for key, check in _checks():
        found.setdefault(key, []).append(check)
    return found


def _checks() -> Iterator[tuple[Key, Check]]:
    for screen in admin.site._registry.values():
        for entry in screen.list_filter or ():
            if isinstance(entry, type) and issubclass(entry, RelatedFilter):
                model, name = entry.foreign_key
                yield _key(model._meta.get_field(name)), screen.has_view_permission
        for name in screen.autocomplete_fields:
            yield _key(screen.opts.get_field(name)), partial(_may_edit, screen)
        for dialog in getattr(screen, "dialogs", ()):
            for field in picked_by(dialog):
                yield _key(field), partial(_may_open, screen, dialog)
    for card in CARDS.values():
        for field in picked_by(card):
            yield _key(field), lambda request: Tool.may(viewer_of(request), None)


def picked_by(form: type[forms.Form]) -> Iterator[Any]:
    """Yields the foreign keys that a form has a picker for."""
    for field in form.base_fields.values():
        if isinstance(field.widget, AutocompleteMixin):
            yield field.widget.field


def _key(field: Any) -> Key:
    return field.model._meta.app_label, field.model._meta.model_name, field.name


def _may_edit(screen: Any, request: HttpRequest) -> bool:
    return screen.has_change_permission(request) or screen.has_add_permission(request)


def _may_open(screen: Any, dialog: type[Dialog], request: HttpRequest) -> bool:
    return screen.has_view_permission(request) and dialog.may(viewer_of(request), None)


class PickerSearch(AutocompleteJsonView):
    def process_request(self, request: HttpRequest) -> Any:
        named = (request.GET.get(name, "") for name in ("app_label", "model_name", "field_name"))
        checks = pickers().get(tuple(named))  # type: ignore[arg-type]
        if checks is None:
            raise Http404
        if not any(check(request) for check in checks):
            raise PermissionDenied
        return super().process_request(request)

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows.select_related(*related) if (related := RELATED.get(rows.model)) else rows

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        return {"id": str(getattr(obj, to_field_name)), "text": label(obj)}
