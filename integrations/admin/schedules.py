"""The screen Schedules: how often each kind is pulled. Changes have effect at once."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldBooleanSwitchWidget

from core.admin.kit import cells
from core.admin.kit.dialogs.shown_values import ShownModelForm
from core.admin.kit.lists.columns import column
from core.admin.kit.sitewide import SitewideAdmin
from integrations import schedules
from integrations.models import SyncSchedule


class ScheduleForm(ShownModelForm):
    """The form of an interval. The model checks its limits."""

    every_minutes = forms.IntegerField(
        label="Every (minutes)",
        help_text="15 is every quarter of an hour, 60 hourly, 1440 daily, 10080 weekly.",
        widget=UnfoldAdminIntegerFieldWidget(),
        error_messages={"invalid": "Write a whole number of minutes, for example 60."},
    )
    enabled = forms.BooleanField(required=False, widget=UnfoldBooleanSwitchWidget())

    class Meta:
        model = SyncSchedule
        fields = ["every_minutes", "enabled"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Name the fields for screen readers: in the list they stand below a heading, without a label."""
        super().__init__(*args, **kwargs)
        for name, what in (("every_minutes", "every (minutes)"), ("enabled", "on")):
            self.fields[name].widget.attrs["aria-label"] = f"{self.instance.get_kind_display()}: {what}"


def interval_text(minutes: int) -> str:
    """Returns `every 5 minutes`, `hourly`, `every 6 hours`, `daily`, `every 7 days`."""
    named = {1: "every minute", 60: "hourly", 1440: "daily", 10080: "weekly"}
    if minutes in named:
        return named[minutes]
    for unit, name in ((1440, "days"), (60, "hours")):
        if minutes % unit == 0:
            return f"every {minutes // unit} {name}"
    return f"every {minutes} minutes"


def _reads(schedule: SyncSchedule) -> str:
    return "Everything, finds removals" if schedule.full else "Changes since the last run"


def _next_run(schedule: SyncSchedule) -> SafeString:
    at = schedules.next_runs().get((schedule.kind, schedule.full))
    return cells.moment(at, empty="off" if not schedule.enabled else "when a worker starts", ahead=True)


@admin.register(SyncSchedule)
class SyncScheduleAdmin(SitewideAdmin):
    schedule = column("Data", "get_kind_display")
    extent = column("Reads", _reads)
    interval = column("That is", "every_minutes", interval_text)
    next_run = column("Next run", _next_run)

    form = ScheduleForm
    list_display = ["schedule", "extent", "every_minutes", "enabled", "interval", "next_run"]
    list_display_links = ["schedule"]
    list_editable = ["every_minutes", "enabled"]
    fields = ["schedule", "extent", "every_minutes", "enabled", "next_run"]
    readonly_fields = ["schedule", "extent", "next_run"]
    ordering = ["id"]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.sees(request, "change")

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> type[ScheduleForm]:
        return ScheduleForm

    def get_list_editable(self, request: HttpRequest) -> list[str]:
        return list(self.list_editable) if self.has_change_permission(request) else []

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        schedules.save(obj)
