"""Webhooks received: what Thinkific told us, and what became of it."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.admin.kit import cells
from core.admin.kit.dialogs.buttons import opens
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.lists.filters import ChoiceFilter
from core.admin.kit.sitewide import SitewideAdmin
from core.models import User
from integrations.admin import subscriptions
from integrations.models import InboundEvent, WebhookSubscription
from integrations.thinkific.webhooks import inbox
from integrations.thinkific.webhooks.latest import last_received
from integrations.thinkific.webhooks.topics import SUBSCRIBED

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


class ReprocessDialog(Dialog):
    icon = "replay"

    permission = subscriptions.CHANGE


class Reprocess(ReprocessDialog):
    slug, label, title = "reprocess", "Reprocess", "Act upon this event once more?"
    question = (
        "It is worked on again within seconds. What is newer here than the event stays as it is, and "
        "nothing is sent to Thinkific."
    )

    def carry_out(self) -> Done:
        if inbox.reopen(InboundEvent.objects.filter(pk=self.obj.pk)):
            return Done("The event is worked on again. Reload the page for its outcome.")
        return Done("The event waits for its turn already.")


class ReprocessFailed(ReprocessDialog):
    """The button above the list."""

    slug, label, title = "reprocess-failed", "Reprocess failed", "Act upon all failed events once more?"
    question = (
        "Each is worked on again, oldest first. What is newer here than an event stays as it is, and "
        "nothing is sent to Thinkific."
    )

    def carry_out(self) -> Done:
        count = inbox.reopen(InboundEvent.objects.filter(status=InboundEvent.Status.FAILED))
        return Done(f"{count:,} events are worked on again." if count else "No event has failed.")


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
        "happened",
        "received",
        "processed",
        "attempts",
        "next_try",
        "outcome",
        "content",
    ]
    list_top_template = "dashboard/webhooks_heard.html"
    reprocess, reprocess_failed = opens(Reprocess), opens(ReprocessFailed)
    actions_list = ("reprocess_failed",)
    actions_detail = ("reprocess",)
    empty_title = "No webhooks received yet"
    empty_text = (
        "With subscriptions (see above), changes in Thinkific arrive here within seconds. Without, "
        "they come with the next scheduled sync."
    )

    def get_urls(self) -> list[URLPattern]:
        return subscriptions.urls() + super().get_urls()

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        last = last_received()
        heard = {
            "subscribed": WebhookSubscription.objects.count(),
            "topics_wanted": len(SUBSCRIBED),
            "last_event": max(last.values(), default=None),
            "subscriptions_url": reverse(subscriptions.PAGE),
        }
        return super().changelist_view(request, heard | (extra_context or {}))

    # --- columns ------------------------------------------------------------------------------------

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

    @display(description="Processed")
    def processed(self, event: InboundEvent) -> SafeString:
        return cells.moment(event.processed_at)

    @display(description="Outcome")
    def outcome_text(self, event: InboundEvent) -> SafeString:
        return cells.text(event.outcome)

    @display(description="Next try")
    def next_try(self, event: InboundEvent) -> SafeString:
        waits = event.status == InboundEvent.Status.RECEIVED and event.attempts
        return cells.moment(event.not_before if waits else None, ahead=True)

    @display(description="Payload")
    def content(self, event: InboundEvent) -> SafeString:
        text = json.dumps(event.payload, indent=2, ensure_ascii=False, default=str)
        cut = "" if len(text) <= SHOWN_CHARACTERS else "\n… cut here"
        return format_html('<pre class="d-code">{}{}</pre>', text[:SHOWN_CHARACTERS], cut)
