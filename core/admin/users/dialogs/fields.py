"""Fields that several dialogs about users have."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from core.email_display import as_people_write
from core.models import Role
from core.models.people import NAME_LENGTH
from core.services import people


def name_field(label: str, *, required: str = "") -> forms.CharField:
    """`required`: what is said without a name; empty when one may be missing."""
    return forms.CharField(
        label=label,
        max_length=NAME_LENGTH,
        required=bool(required),
        error_messages={"required": required},
        widget=UnfoldAdminTextInputWidget(),
    )


class AddressField(forms.EmailField):
    """An e-mail address for an account. Errors of the service are shown beside the field. The domain may be
    entered in readable form or in the form of servers (xn--), and is shown readable."""

    default_validators: list[Any] = []
    is_new = True  # False: the address is only compared with a stored one, so it is not validated

    def prepare_value(self, value: Any) -> Any:
        return as_people_write(value) if isinstance(value, str) else value

    def run_validators(self, value: str) -> None:
        super().run_validators(value)
        if self.is_new and value not in self.empty_values:
            try:
                people.usable_address(value)
            except people.NotAnAddress as refusal:
                raise forms.ValidationError(str(refusal), code="invalid") from None


def email_field() -> AddressField:
    return AddressField(
        label="Email",
        max_length=254,
        widget=UnfoldAdminEmailInputWidget(),
        error_messages={
            "required": "Enter an e-mail address. It is the login.",
        },
    )


def role_field(label: str = "Role in the team", *, required: bool = True) -> forms.ModelChoiceField:
    return forms.ModelChoiceField(
        label=label,
        queryset=Role.objects.none(),
        required=required,
        empty_label=None if required else "—",
        widget=UnfoldAdminSelectWidget(),
        error_messages={"required": "Choose a role.", "invalid_choice": "You cannot give this role."},
    )


def student_role() -> Role | None:
    return Role.objects.filter(code="student").first()
