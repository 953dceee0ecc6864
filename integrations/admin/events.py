"""Webhooks received: what Thinkific told us, and what became of it."""

import json

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.admin import cells
from core.admin.filters import ChoiceFilter
from core.admin.sitewide import SitewideAdmin
from core.models import User
from integrations.models import InboundEvent

SHOWN_CHARACTERS = 20_000
KINDS = {
    InboundEvent.Status.RECEIVED: "info",
    InboundEvent.Status.PROCESSED: "success",
    InboundEvent.Status.IGNORED: "quiet",
    InboundEvent.Status.FAILED: "danger",
}


class StatusFilter(ChoiceFilter):
    title = "status"
    parameter_name = "status"
    choices_offered = tuple(InboundEvent.Status.choices)

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        return queryset.filter(status=value)


@admin.register(InboundEvent)
class InboundEventAdmin(SitewideAdmin):
    list_display = ["topic", "state", "received", "happened", "outcome_text"]
    list_filter = [StatusFilter]
    search_fields = ["topic", "event_id"]
    search_help_text = "Search by topic (user.updated) or event id"
    ordering = ["-id"]
    fields = [
        "topic",
        "event_id",
        "state",
        "occurred_at",
        "received_at",
        "processed_at",
        "attempts",
        "outcome",
        "content",
    ]
    empty_title = "No webhooks received yet"
    empty_text = (
        "With a subscription (manage.py thinkific_webhooks register), changes in Thinkific arrive here "
        "within seconds. Without, they come with the next scheduled sync."
    )

    @display(description="Status")
    def state(self, event: InboundEvent) -> SafeString:
        status = InboundEvent.Status(event.status)
        return cells.pill(str(status.label), KINDS[status])

    @display(description="Received")
    def received(self, event: InboundEvent) -> SafeString:
        return cells.moment(event.received_at)

    @display(description="Happened")
    def happened(self, event: InboundEvent) -> SafeString:
        return cells.moment(event.occurred_at)

    @display(description="Outcome")
    def outcome_text(self, event: InboundEvent) -> SafeString:
        return cells.text(event.outcome)

    @display(description="Payload")
    def content(self, event: InboundEvent) -> SafeString:
        text = json.dumps(event.payload, indent=2, ensure_ascii=False, default=str)
        cut = "" if len(text) <= SHOWN_CHARACTERS else "\n… cut here"
        return format_html('<pre class="d-code">{}{}</pre>', text[:SHOWN_CHARACTERS], cut)
