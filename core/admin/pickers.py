"""Form fields that people choose from by typing, however many choices there are, and other widgets."""

from datetime import date, datetime, time
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple
from django.db.models import Field
from django.utils import timezone
from unfold.widgets import BASE_INPUT_CLASSES


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
