"""Form fields that people choose from by typing, however many choices there are, and other widgets."""

from datetime import date, datetime, time
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple
from django.db.models import Field
from django.http import QueryDict
from django.utils import timezone
from unfold.widgets import BASE_INPUT_CLASSES

from core.admin.choice_labels import in_one_line
from core.admin.filters import key_of

NOBODY = "0"  # a key that no row has


class PickingForm(forms.Form):
    """A form over the page at `parent` whose choices are rows, found by their keys."""

    def __init__(self, data: QueryDict | None = None, *, parent: str, **kwargs: Any) -> None:
        super().__init__(_keys_only(data, self.base_fields), **kwargs)
        for field in self.fields.values():
            if isinstance(field, forms.ModelChoiceField):
                field.widget.attrs["data-dropdown-parent"] = parent
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


def day_input() -> forms.Widget:
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": " ".join(BASE_INPUT_CLASSES)})


def end_of(day: date | None) -> datetime | None:
    """The last second of a day, in the site's time zone."""
    return None if day is None else timezone.make_aware(datetime.combine(day, time(23, 59, 59)))
