"""Fields of the forms of an endpoint."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextInputWidget,
)

from core.admin.kit.dialogs.fields import switch
from core.models.webhooks import ALL_EVENTS, URL_LENGTH
from core.services.site import connection
from core.services.webhooks import endpoints, events

ALL = "All events, also those that later versions add"
WEAKER = (
    "Only for a receiver that was written for the former dashboard. It adds the header X-B2B-Signature, made "
    "with the Thinkific API key. That is weaker: every such receiver has to know the key, and whoever has it "
    "can sign for all of them."
)


def url_field() -> forms.CharField:
    return forms.CharField(
        label="URL",
        max_length=URL_LENGTH,
        widget=UnfoldAdminTextInputWidget(
            attrs={"inputmode": "url", "placeholder": "https://shop.example.com/hooks"}
        ),
        help_text="Deliveries are sent there by POST. It has to be public and begin with https://.",
        error_messages={"required": "Enter the address that receives the events."},
    )


def description_field() -> forms.CharField:
    return forms.CharField(
        label="Description",
        max_length=endpoints.DESCRIPTION_LENGTH,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="For you: what receives the events.",
    )


def events_field() -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        label="Events",
        choices=[
            (ALL_EVENTS, ALL),
            *((event.name, label_of(event.name)) for event in events.EVENTS.values()),
        ],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        error_messages={"required": "Choose at least one event."},
    )


def compatible_field() -> forms.BooleanField:
    return switch("Compatibility signature", WEAKER)


def label_of(name: str) -> str:
    """Returns "User Created (user.created)"."""
    return f"{events.label(name)} ({name})"


def without_key(values: dict[str, Any]) -> str:
    """Returns why the compatibility signature cannot be made; empty when it can, or is not wanted."""
    if values.get("compatible") and not connection.secret(connection.Name.API_KEY).value:
        return "There is no Thinkific API key to sign with. Enter it in Settings first."
    return ""
