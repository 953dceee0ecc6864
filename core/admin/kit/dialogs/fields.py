"""Form fields that many dialogs have."""

from datetime import date
from typing import Any

from django import forms
from unfold.widgets import BASE_INPUT_CLASSES, UnfoldBooleanSwitchWidget

from core.admin.kit.dialogs.pickers import picker


def picked(
    foreign_key: Any,
    label: str,
    *,
    multiple: bool = False,
    errors: dict[str, str] | None = None,
    **options: Any,
) -> forms.ModelChoiceField:
    """Returns a form field with a picker for rows of a foreign key. The dialog says which (`offer`)."""
    kind = forms.ModelMultipleChoiceField if multiple else forms.ModelChoiceField
    return kind(
        label=label,
        queryset=foreign_key.field.related_model._default_manager.none(),
        widget=picker(foreign_key, multiple=multiple),
        error_messages=errors,
        **options,
    )


def switch(label: str, help_text: str, *, initial: bool = False) -> forms.BooleanField:
    return forms.BooleanField(
        label=label,
        required=False,
        initial=initial,
        help_text=help_text,
        widget=UnfoldBooleanSwitchWidget(),
    )


def day_input(*, latest: date) -> forms.Widget:
    attrs = {"type": "date", "class": " ".join(BASE_INPUT_CLASSES), "max": str(latest)}
    return forms.DateInput(format="%Y-%m-%d", attrs=attrs)
