"""Form fields about seats."""

from django import forms
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from core import moments
from core.admin.kit.dialogs.fields import day_input, picked
from core.models import Membership, Seat, SeatAssignment, UserTag
from core.models.site import MOST_DAYS, MOST_PLACES
from core.services.seats.changes import DESCRIPTION_LENGTH, SEAT_NAME_LENGTH

SHARED, TEMPLATE = SeatAssignment.Mode.SHARED, SeatAssignment.Mode.TEMPLATE


def name_field() -> forms.CharField:
    return forms.CharField(
        label="Name",
        max_length=SEAT_NAME_LENGTH,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Internal: users of teams never see it.",
        error_messages={"required": "A seat needs a name."},
    )


def description_field() -> forms.CharField:
    return forms.CharField(
        label="Description",
        max_length=DESCRIPTION_LENGTH,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Internal: users of teams never see it.",
    )


def product_field() -> forms.ModelChoiceField:
    errors = {"required": "Choose a course or bundle.", "invalid_choice": "There is no such product."}
    return picked(Seat.product, "Course or bundle", errors=errors)


def number_field(
    label: str, *, most: int, least: int = 0, required: bool, help_text: str = ""
) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        required=required,
        min_value=least,
        max_value=most,
        widget=UnfoldAdminIntegerFieldWidget(),
        error_messages={
            "invalid": "Enter a whole number.",
            "required": "Enter a number.",
            "min_value": f"Enter {least} or more.",
            "max_value": f"Enter {most:,} or less.",
        },
        help_text=help_text,
    )


def places_field(label: str = "Max seats", *, least: int = 0, required: bool = False) -> forms.IntegerField:
    return number_field(label, most=MOST_PLACES, least=least, required=required)


def days_field() -> forms.IntegerField:
    help_text = "Counted from the enrollment. 0 means no expiry."
    return number_field("Days", most=MOST_DAYS, required=False, help_text=help_text)


def date_field() -> forms.DateField:
    return forms.DateField(
        label="Last day",
        required=False,
        widget=day_input(latest=moments.LAST_DAY),
        help_text="Access ends at the end of this day, in the site's time zone.",
        error_messages={"invalid": "This is not a date. Write it as year-month-day."},
    )


def tags_field() -> forms.ModelChoiceField:
    errors = {"invalid_choice": "There is no such tag."}
    help_text = "Internal: for finding the seat in the list. People who are enrolled do not get them."
    return picked(UserTag.tag, "Tags", multiple=True, errors=errors, required=False, help_text=help_text)


def expiry_field() -> forms.ChoiceField:
    return forms.ChoiceField(
        label="Access ends", choices=Seat.Expiry.choices, widget=UnfoldAdminSelectWidget()
    )


def mode_field() -> forms.ChoiceField:
    return forms.ChoiceField(
        label="How",
        choices=[
            (SHARED.value, "Shared: one pool of places for all its teams"),
            (TEMPLATE.value, "Template: each team gets a copy of its own"),
        ],
        widget=UnfoldAdminSelectWidget(),
        help_text="Later changes of a template do not reach the copies.",
    )


def team_field(label: str = "Team", *, multiple: bool = False) -> forms.ModelChoiceField:
    errors = {
        "required": "Choose at least one team." if multiple else "Choose a team.",
        "invalid_choice": "There is no such team, or it is archived.",
    }
    return picked(Membership.team, label, multiple=multiple, errors=errors)
