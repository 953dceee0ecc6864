"""The list of endpoints and the page of one, with its deliveries."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from unfold.enums import ActionVariant

from core.admin.kit import cells, shown_once
from core.admin.kit.dialogs.buttons import opens
from core.admin.kit.history import HistoryAdmin
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.filters import choice_filter
from core.admin.kit.open_pages import list_url
from core.admin.kit.sitewide import SitewideAdmin
from core.admin.kit.tabs import Tab
from core.admin.webhooks import columns
from core.admin.webhooks.deliveries import (
    ANSWER,
    EVENT,
    HAPPENED,
    LARGE,
    STATE,
    TRIES,
    RedeliverChosen,
    tabs_above,
)
from core.admin.webhooks.dialogs import ENDPOINT_DIALOGS, AddEndpoint
from core.models import User, WebhookDelivery, WebhookEndpoint


def deliveries_of(endpoint: WebhookEndpoint, viewer: User) -> QuerySet[WebhookDelivery]:
    return endpoint.deliveries.defer(*LARGE).order_by("-id")


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(SitewideAdmin, HistoryAdmin):
    address = column("URL", columns.address, sort="url")
    some_events = column("Events", columns.some_events)
    active_choice = column("Active", columns.active, sort="active")
    last = column("Last Delivery", "last_delivery", cells.moment, sort=True, empty="None yet")
    failing_attempts = column("Failures", columns.failures, sort="failures")
    created = column("Created At", "created_at", cells.moment, sort=True)
    url_whole = column("URL", "url", cells.whole)
    description_whole = column("Description", "description", cells.whole)
    all_events = column("Events", columns.all_events)
    state = column("Active", columns.state)
    made_by = column("Made by", lambda endpoint: cells.done_by(endpoint, "owner"))
    secret = column("Secret", columns.secret)
    compatibility = column(
        "Compatibility signature", lambda endpoint: cells.yes_no(endpoint.compatible, yes="Yes", no="No")
    )
    failing = column("Failures", columns.failing)

    list_display = ["address", "some_events", "active_choice", "last", "failing_attempts", "created"]
    list_display_links = None  # the first column has a link of its own
    list_filter = [choice_filter("active", {"True": "On", "False": "Off"})]
    list_select_related = ["owner"]
    ordering = ["-id"]
    few_rows = True
    list_top_template = "dashboard/webhooks_top.html"
    fields = [
        "url_whole",
        "description_whole",
        "all_events",
        "state",
        "failing",
        "last",
        "secret",
        "compatibility",
        "made_by",
        "created",
    ]
    dialogs = ENDPOINT_DIALOGS
    add_endpoint = opens(AddEndpoint, variant=ActionVariant.PRIMARY)
    actions_list = ("add_endpoint",)
    tabs = (
        Tab(
            "deliveries",
            "Deliveries",
            deliveries_of,
            [EVENT, STATE, ANSWER, TRIES, HAPPENED],
            "Nothing was sent to it yet. Send Test shows whether it can be reached.",
            permission="core.view_webhookdelivery",
            search="event_id",
            search_hint="Search by event id",
            actions=(RedeliverChosen,),
        ),
    )
    empty_title = "No webhooks"
    empty_text = (
        "An endpoint is told by a signed request when something happens here: somebody is enrolled, a seat "
        "is full, a course is completed."
    )

    def list_title(self, request: HttpRequest) -> str:
        return "Webhooks"

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        last = WebhookDelivery.objects.filter(endpoint=OuterRef("pk")).order_by("-id").values("created_at")
        rows = super().get_queryset(request).defer("encrypted", "former_encrypted")
        return rows.annotate(last_delivery=Subquery(last[:1]))

    def page_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().page_context(request), "shown": self.shown(request)}

    def shown(self, request: HttpRequest) -> dict[str, Any] | None:
        """Returns the secret of a new endpoint, once."""
        may = self.has_view_permission(request)
        return shown_once.take(request, WebhookEndpoint) if may else None

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {
            **tabs_above(request),
            "shown": self.shown(request),
            "deliveries_url": list_url(WebhookDelivery),
            **(extra_context or {}),
        }
        page: HttpResponse = super().changelist_view(request, context)
        return page
