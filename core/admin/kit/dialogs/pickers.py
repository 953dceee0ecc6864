"""Form fields that people choose from by typing, however many choices there are, and other widgets."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple
from django.db.models import Field, QuerySet
from django.http import JsonResponse, QueryDict
from unfold.widgets import BASE_INPUT_CLASSES

from core.admin.kit.dialogs.choice_labels import RELATED, in_one_line, label
from core.admin.kit.lists.filters import key_of
from core.models import User

NOBODY = "0"  # a key that no row has
PAGE, MOST_PAGES = 20, 500
MOST_WORDS = 6


class Picker(AutocompleteSelect):
    """Choices found by typing. `url` is where they are searched: the form's own address, which offers what
    the form takes; without one the search behind all pickers, which offers what the viewer may see."""

    url = ""

    def get_url(self) -> str:
        return self.url or super().get_url()


class PickerOfMany(Picker, AutocompleteSelectMultiple):
    pass


class PickingForm(forms.Form):
    """A form whose choices are rows, found by their keys."""

    def __init__(self, data: QueryDict | None = None, **kwargs: Any) -> None:
        super().__init__(_keys_only(data, self.base_fields), **kwargs)
        # What a field offers, where that is less than what it takes: what two people choose at one moment is
        # then refused in words.
        self.offered: dict[str, QuerySet] = {}
        for name, field in self.fields.items():
            if isinstance(field, forms.ModelChoiceField):
                # Below its field, which makes room: over the page the list would be cut off at the dialog's
                # edge, and cover its buttons.
                field.widget.attrs["data-dropdown-parent"] = f":has(> #{self[name].auto_id})"
                field.label_from_instance = in_one_line  # type: ignore[assignment, method-assign]

    def pick_from(self, url: str) -> None:
        """Search the choices at this address of the form's (see `picked`)."""
        for name, field in self.fields.items():
            if isinstance(field.widget, Picker):
                field.widget.url = f"{url}?pick={name}"

    def picked(self, asked: Mapping[str, str], viewer: User) -> JsonResponse | None:
        """What the field `pick` offers for the words `term`, as the script of the pickers reads it; None for
        a field without a picker."""
        field = self.fields.get(asked["pick"])
        if not isinstance(field, forms.ModelChoiceField) or not isinstance(field.widget, Picker):
            return None
        rows = self.offered.get(asked["pick"], field.queryset)
        assert rows is not None
        screen: Any = admin.site._registry[rows.model]
        words = asked["term"].replace("\x00", "").split()[:MOST_WORDS]
        found = (screen.search(rows, words, viewer) if words else rows).order_by(*rows.model._meta.ordering)
        start = (min(key_of(asked["page"]) or 1, MOST_PAGES) - 1) * PAGE
        shown = list(found.select_related(*RELATED.get(rows.model, ()))[start : start + PAGE + 1])
        results = [{"id": str(row.pk), "text": label(row)} for row in shown[:PAGE]]
        return JsonResponse({"results": results, "pagination": {"more": len(shown) > PAGE}})


def _keys_only(data: QueryDict | None, fields: dict[str, forms.Field]) -> QueryDict | None:
    """What can be no key becomes one that no row has, and is refused like it: Django's fields and widgets
    would ask the database for it, which has no room for such numbers, or stumble over a word."""
    if data is None:
        return None
    data = data.copy()
    for name, field in fields.items():
        if isinstance(field, forms.ModelChoiceField) and name in data:
            sent = data.getlist(name)
            data.setlist(name, [key if not key or key_of(key) is not None else NOBODY for key in sent])
    return data


def by_typing(field: Any, *, multiple: bool = False) -> forms.Widget:
    """Choices of a foreign key (`Membership.team`), found by typing; the form field's queryset decides what
    is taken, and in a dialog what is offered."""
    related: Field = field.field  # the class attribute is the descriptor `Model.foreign_key`
    widget = PickerOfMany if multiple else Picker
    return widget(
        related, admin.site, attrs={"data-theme": "admin-autocomplete", "class": "admin-autocomplete"}
    )


def day_input(*, latest: date) -> forms.Widget:
    attrs = {"type": "date", "class": " ".join(BASE_INPUT_CLASSES), "max": str(latest)}
    return forms.DateInput(format="%Y-%m-%d", attrs=attrs)
