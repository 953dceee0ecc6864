"""The screen Webhooks received: the events of Thinkific and their outcome."""

import json
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.safestring import SafeString

from core.admin.kit import cells
from core.admin.kit.dialogs.buttons import opens
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.exports.screens import ExportingAdmin
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.filters import choice_filter
from core.admin.kit.sitewide import SitewideAdmin
from core.pills import pill_of
from core.wording import plural
from integrations.admin import subscriptions
from integrations.models import InboundEvent, WebhookSubscription
from integrations.thinkific.webhooks import retries
from integrations.thinkific.webhooks.latest import last_received


def _payload(event: InboundEvent) -> SafeString:
    return cells.code(json.dumps(event.payload, indent=2, ensure_ascii=False, default=str))


def _next_try(event: InboundEvent) -> datetime | None:
    waits = event.status == InboundEvent.Status.RECEIVED and event.attempts
    return event.not_before if waits else None


class ReprocessDialog(Dialog):
    icon = "replay"

    permission = subscriptions.CHANGE


class Reprocess(ReprocessDialog):
    slug, label, title = "reprocess", "Reprocess", "Process this event again?"
    question = (
        "It is processed again within seconds. Values that are newer than the event are kept, and nothing is "
        "sent to Thinkific."
    )

    def carry_out(self) -> Done:
        if retries.reopen(InboundEvent.objects.filter(pk=self.obj.pk)):
            return Done("The event is processed again. Reload the page to see the outcome.")
        return Done("The event is waiting to be processed already.")


class ReprocessFailed(ReprocessDialog):
    """Opened by the button above the list."""

    slug, label, title = "reprocess-failed", "Reprocess failed", "Process all failed events again?"
    question = (
        "They are processed again, oldest first. Values that are newer than an event are kept, and nothing "
        "is sent to Thinkific."
    )

    def carry_out(self) -> Done:
        count = retries.reopen(InboundEvent.objects.filter(status=InboundEvent.Status.FAILED))
        if not count:
            return Done("No event has failed.")
        return Done(f"{plural(count, 'event is', 'events are')} processed again.")


@admin.register(InboundEvent)
class InboundEventAdmin(SitewideAdmin, ExportingAdmin):
    state = column("Status", pill_of("status"), in_file="get_status_display")
    received = column("Received", "received_at", cells.moment)
    happened = column("Happened", "occurred_at", cells.moment)
    processed = column("Processed", "processed_at", cells.moment)
    outcome_text = column("Outcome", "outcome", cells.text)
    next_try = column("Next try", _next_try, cells.moment, ahead=True)
    content = column("Payload", _payload)

    list_display = ["topic", "state", "received", "happened", "outcome_text"]
    list_filter = [choice_filter("status")]
    search_fields = ["topic", "event_id"]
    search_help_text = "Search by topic (user.updated) or event id"
    ordering = ["-id"]
    export_columns = (processed, next_try, column("Event id", "event_id"))
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
    actions_list = ("reprocess_failed", "export")
    actions_detail = ("reprocess",)
    empty_title = "No webhooks received yet"
    empty_text = (
        "With subscriptions (see above), changes in Thinkific arrive here within seconds. Without them, they "
        "come with the next scheduled sync."
    )

    def export_rows(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.defer("payload")

    def get_urls(self) -> list[URLPattern]:
        return subscriptions.urls() + super().get_urls()

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        last = last_received()
        heard = {
            "subscribed_pill": subscriptions.how_many(
                WebhookSubscription.objects.count(), "topics subscribed"
            ),
            "last_event": max(last.values(), default=None),
            "subscriptions_url": reverse(subscriptions.PAGE),
        }
        return super().changelist_view(request, heard | (extra_context or {}))
