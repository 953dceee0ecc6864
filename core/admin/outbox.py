"""Waiting changes: what Thinkific must still be told, and what it refused."""

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.admin import cells
from core.admin.filters import ChoiceFilter
from core.admin.sitewide import SitewideAdmin
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
        statuses = OutboxEntry.UNSENT if value == "unsent" else (value,)
        return queryset.filter(status__in=statuses)


@admin.register(OutboxEntry)
class OutboxEntryAdmin(SitewideAdmin):
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
