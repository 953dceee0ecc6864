"""Waiting changes: what Thinkific must still be told, and what it refused."""

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.admin import cells
from core.admin.base import DashboardAdmin
from core.admin.filters import ChoiceFilter
from core.models import OutboxEntry, User

KINDS = {
    OutboxEntry.Status.PENDING: "info",
    OutboxEntry.Status.IN_FLIGHT: "primary",
    OutboxEntry.Status.DONE: "success",
    OutboxEntry.Status.FAILED: "danger",
    OutboxEntry.Status.DISCARDED: "quiet",
}


class StatusFilter(ChoiceFilter):
    title = "status"
    parameter_name = "status"
    choices_offered = (("unsent", "Not sent yet"), *OutboxEntry.Status.choices)

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        return queryset.unsent() if value == "unsent" else queryset.filter(status=value)


@admin.register(OutboxEntry)
class OutboxEntryAdmin(DashboardAdmin):
    list_display = ["change", "for_whom", "state", "noted", "attempts", "error_text"]
    list_filter = [StatusFilter]
    list_select_related = ["person"]
    search_fields = ["reason"]
    search_help_text = "Search by what was changed"
    ordering = ["-id"]
    fields = [
        "entity",
        "object_id",
        "thinkific_id",
        "person",
        "reason",
        "state",
        "attempts",
        "uncertain",
        "error",
        "requested_by",
        "created_at",
        "not_before",
        "finished_at",
    ]
    empty_title = "Nothing waits"
    empty_text = "What is changed here and has to reach Thinkific stands here until it has."

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.sees_everything and super().has_view_permission(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    @display(description="Change")
    def change(self, entry: OutboxEntry) -> SafeString:
        return cells.two_lines(entry.reason.capitalize(), f"{entry.entity} {entry.object_id}")

    @display(description="Person")
    def for_whom(self, entry: OutboxEntry) -> SafeString:
        return cells.link(entry.person)

    @display(description="Status")
    def state(self, entry: OutboxEntry) -> SafeString:
        status = OutboxEntry.Status(entry.status)
        return cells.pill(str(status.label), KINDS[status])

    @display(description="Noted")
    def noted(self, entry: OutboxEntry) -> SafeString:
        return cells.moment(entry.created_at)

    @display(description="Thinkific says")
    def error_text(self, entry: OutboxEntry) -> SafeString:
        return cells.text(entry.error)
