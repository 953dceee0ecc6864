"""Form fields that many dialogs have, and their checks."""

from datetime import date
from typing import Any

from django import forms
from unfold.widgets import BASE_INPUT_CLASSES, UnfoldBooleanSwitchWidget

from core.admin.kit.dialogs.dialog import Dialog
from core.admin.kit.dialogs.pickers import picker
from core.models import Role, Team
from core.permissions import scope


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


def check_role(form: Dialog, role: Role, team: Team, field: str = "role") -> None:
    """Add an error beside the field if the viewer may not give the role in the team."""
    if not scope.roles_to_give(form.viewer, team).filter(pk=role.pk).exists():
        form.add_error(field, f"You cannot give the role {role} in {team}. Choose another.")


def day_input(*, latest: date) -> forms.Widget:
    attrs = {"type": "date", "class": " ".join(BASE_INPUT_CLASSES), "max": str(latest)}
    return forms.DateInput(format="%Y-%m-%d", attrs=attrs)
