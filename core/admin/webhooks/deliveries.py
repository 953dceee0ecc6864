"""The list of deliveries and the page of one: what was sent, what was answered, and Redeliver."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from core import moments
from core.admin.api import tabs
from core.admin.kit import cells
from core.admin.kit.dialogs.chosen import ChosenDialog
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.exports.screens import ExportingAdmin
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.filters import choice_filter
from core.admin.kit.open_pages import list_url
from core.admin.kit.sitewide import SitewideAdmin
from core.admin.webhooks import columns
from core.models import User, WebhookDelivery, WebhookEndpoint
from core.pills import pill_of
from core.services.webhooks import endpoints, events, switching
from core.wording import plural

Status = WebhookDelivery.Status
SAME_ID = "It has the same id and content, so a receiver that knows the id already can ignore it."


def _lately(**since: int) -> Any:
    return lambda rows: rows.filter(created_at__gte=timezone.now() - timedelta(**since))


PERIODS = {
    "hour": ("Last hour", _lately(hours=1)),
    "day": ("Last 24 hours", _lately(days=1)),
    "week": ("Last 7 days", _lately(days=7)),
}


def tabs_above(request: HttpRequest) -> dict[str, Any]:
    """Returns what the template above both lists needs."""
    return tabs.context("webhooks", request.user) if isinstance(request.user, User) else {}


def _endpoints(viewer: User) -> dict[str, str]:
    rows = WebhookEndpoint.objects.order_by("pk") if viewer.sees_everything else ()
    return {str(endpoint.pk): str(endpoint)[:80] for endpoint in rows}


class RedeliverDialog(Dialog):
    code, in_all_teams = switching.CODE, True


class Redeliver(RedeliverDialog):
    slug, label, icon = "redeliver", "Redeliver", "replay"

    @classmethod
    def applies(cls, obj: WebhookDelivery) -> bool:
        return obj.status != Status.PENDING

    @classmethod
    def blocked(cls, target: WebhookDelivery, viewer: User) -> str:
        endpoint = target.endpoint
        return "" if endpoint.active else f"{endpoint} is switched off. Switch it on first."

    def text(self) -> str:
        return f"It is sent to {self.obj.endpoint.url} again. {SAME_ID}"

    def carry_out(self) -> Done:
        made = endpoints.redeliver([self.obj], by=self.viewer)
        if not made:
            return Done("Nothing was sent: the delivery waits already.")
        said = "It is sent again. This page shows the answer within seconds."
        if until := switching.pause_of(self.obj.endpoint):
            said = f"It is sent again at {moments.hour(until)}: the endpoint did not answer and is paused."
        return Done(said, cells.detail_url(made[0]))


class RedeliverChosen(RedeliverDialog, ChosenDialog):
    slug, label, submit, action = "redeliver-chosen", "Redeliver selected", "Redeliver", "redeliver_selected"
    is_limited = True

    @classmethod
    def of(cls, rows: QuerySet) -> QuerySet:
        return rows.exclude(status=Status.PENDING)

    def text(self) -> str:
        count = len(self.chosen)
        sent = plural(count, "delivery is", "deliveries are")
        return f"{sent} sent again. They have the same ids and contents as before."

    def carry_out(self) -> Done:
        made = endpoints.redeliver(self.chosen, by=self.viewer)
        return Done(f"{plural(len(made), 'delivery is', 'deliveries are')} sent again.")


# What the list does not show is large.
LARGE = ("payload", "request_headers", "response_headers", "response_body")
EVENT = column("Event", columns.event, in_file=lambda delivery: events.label(delivery.event))
STATE = column("Status", pill_of("status"), in_file="get_status_display")
ANSWER = column(
    "Answer",
    columns.answer,
    in_file=[
        column("Answer", "response_code"),
        column("Milliseconds", "milliseconds"),
        column("Error", "error"),
    ],
)
TRIES = column("Attempts", "attempts", "{:,}".format)
HAPPENED = column("Created At", "created_at", cells.moment)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(SitewideAdmin, ExportingAdmin):
    event_link, state, answer, tries, made = EVENT, STATE, ANSWER, TRIES, HAPPENED
    where = column("Endpoint", "endpoint", cells.link)
    event_name = column("Event", columns.event_name)
    event_number = column("Event id", "event_id", cells.text)
    happened = column("Happened", lambda delivery: delivery.happened_at or delivery.created_at, cells.moment)
    tried = column("Last attempt", "tried_at", cells.moment, empty="Not yet")
    next_try = column("Next attempt", columns.next_attempt)
    outcome = column("Outcome", columns.result)
    asked = column("Asked for by", lambda delivery: cells.done_by(delivery, "asked_by"))
    request_text = column("Request", columns.request)
    response_text = column("Answer", columns.response)

    def export_rows(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.defer(*LARGE)

    list_display = ["event_link", "where", "state", "answer", "tries", "made"]
    list_display_links = None  # the first column has a link of its own
    list_select_related = ["endpoint"]
    list_only = (
        "endpoint__url",
        "endpoint__description",
        "event",
        "event_id",
        "status",
        "response_code",
        "milliseconds",
        "error",
        "attempts",
        "created_at",
    )
    list_filter = [
        choice_filter("status"),
        choice_filter(
            "event", {name: event.label for name, event in events.EVENTS.items()} | {events.TEST: "Test"}
        ),
        choice_filter("endpoint", _endpoints),
        choice_filter("period", PERIODS),
    ]
    search_fields = ["event_id"]
    search_help_text = "Search by event id"
    ordering = ["-id"]
    export_columns = (event_number, happened, tried, next_try, column("Test", columns.is_test))
    list_top_template = "dashboard/webhooks_top.html"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "event_name",
                    "event_number",
                    "where",
                    "state",
                    "outcome",
                    "tries",
                    "happened",
                    "tried",
                    "next_try",
                    "asked",
                ]
            },
        ),
        (None, {"fields": ["request_text"]}),
        (None, {"fields": ["response_text"]}),
    ]
    dialogs = (Redeliver,)
    actions = [RedeliverChosen]
    empty_title = "Nothing was sent yet"
    empty_text = "Every event that an endpoint is told of is listed here, with what was sent and answered."

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {**tabs_above(request), "endpoints_url": list_url(WebhookEndpoint), **(extra_context or {})}
        page: HttpResponse = super().changelist_view(request, context)
        return page
