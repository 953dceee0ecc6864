"""Form fields that people choose from by typing, however many choices there are, and other widgets."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple
from django.db.models import Field
from django.http import QueryDict
from unfold.widgets import BASE_INPUT_CLASSES

from core.admin.choice_labels import in_one_line
from core.admin.filters import key_of

NOBODY = "0"  # a key that no row has


class PickingForm(forms.Form):
    """A form whose choices are rows, found by their keys."""

    def __init__(self, data: QueryDict | None = None, **kwargs: Any) -> None:
        super().__init__(_keys_only(data, self.base_fields), **kwargs)
        for name, field in self.fields.items():
            if isinstance(field, forms.ModelChoiceField):
                # Below its field, which makes room: over the page the list would be cut off at the dialog's
                # edge, and cover its buttons.
                field.widget.attrs["data-dropdown-parent"] = f":has(> #{self[name].auto_id})"
                field.label_from_instance = in_one_line  # type: ignore[assignment, method-assign]


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
    """Choices of a foreign key (`Membership.team`), found by typing; the search shows what the viewer may
    see, and the form field's queryset decides what is taken."""
    related: Field = field.field  # the class attribute is the descriptor `Model.foreign_key`
    widget = AutocompleteSelectMultiple if multiple else AutocompleteSelect
    return widget(
        related, admin.site, attrs={"data-theme": "admin-autocomplete", "class": "admin-autocomplete"}
    )


def day_input(*, latest: date) -> forms.Widget:
    attrs = {"type": "date", "class": " ".join(BASE_INPUT_CLASSES), "max": str(latest)}
    return forms.DateInput(format="%Y-%m-%d", attrs=attrs)
