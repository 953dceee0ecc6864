"""Form fields of settings that need another one than their column has."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.conf import settings
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelect2Widget, UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from core import moments
from core.admin.kit.dialogs.fields import day_input
from core.models import User
from core.models.fields.settings_checks import lines
from core.services.payments import account

# Other names of the same zones, kept for old systems, and zones of a fixed offset, whose signs mislead.
LEFT_OUT = ("Etc/", "SystemV/", "US/", "posix/", "right/")


def time_zones() -> list[tuple[str, str]]:
    """Returns the time zones by name, each with what it is ahead of UTC today."""
    now = timezone.now()
    names = sorted(name for name in available_timezones() if "/" in name and not name.startswith(LEFT_OUT))
    return [
        ("", f"As in the environment (TIME_ZONE): {settings.TIME_ZONE}"),
        ("UTC", "UTC"),
        *((name, f"{name.replace('_', ' ')} ({_ahead(ZoneInfo(name).utcoffset(now))})") for name in names),
    ]


def _ahead(offset: timedelta | None) -> str:
    minutes = round((offset or timedelta()).total_seconds() / 60)
    return f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


class KnownOrStored(forms.ChoiceField):
    """A choice that also accepts what is stored, such as a zone that the list leaves out. The column checks
    it."""

    def valid_value(self, value: Any) -> bool:
        return super().valid_value(value) or value in available_timezones()


def time_zone() -> forms.Field:
    return KnownOrStored(
        choices=time_zones, required=False, widget=UnfoldAdminSelect2Widget(), label="Time zone"
    )


def last_day() -> forms.Field:
    widget = day_input(latest=moments.LAST_DAY)
    widget.attrs["class"] += " max-w-2xl"  # as wide as the other fields
    return forms.DateField(required=False, widget=widget, label="Default end of access")


def lines_input() -> forms.Textarea:
    widget = UnfoldAdminTextareaWidget(attrs={"rows": 3})
    widget.attrs["class"] += " max-w-2xl"  # as wide as the other fields
    return widget


class NamesField(forms.CharField):
    """Names, one on each line. They are stored tidied, without empty lines; the column checks them."""

    def clean(self, value: Any) -> str:
        return "\n".join(lines(super().clean(value)))


def team_names() -> forms.Field:
    return NamesField(
        required=False,
        label="Default teams of organizations",
        widget=lines_input(),
    )


def seat_tags() -> forms.Field:
    return NamesField(required=False, label="Default seat tags", widget=lines_input())


def payments_account(viewer: User) -> forms.Field:
    """Returns a choice of the administrators whom the viewer may name, and of who is named now."""
    return forms.ModelChoiceField(
        account.to_name(viewer),
        required=False,
        label="Payments are carried out by",
        empty_label="Nobody",
        widget=UnfoldAdminSelectWidget(attrs={"class": "max-w-2xl"}),
        error_messages={"invalid_choice": account.NOT_TO_NAME},
    )


FORM_FIELDS: dict[str, Callable[..., forms.Field]] = {
    "time_zone": time_zone,
    "default_expiry_date": last_day,
    "default_team_names": team_names,
    "default_seat_tags": seat_tags,
}
# What an empty setting means.
EMPTY: dict[str, Callable[[], str]] = {
    "time_zone": lambda: f"{settings.TIME_ZONE}, as in the environment",
    "default_team_names": lambda: "none",
    "payments_account": lambda: "nobody",
    "default_seat_tags": lambda: "none",
}
