"""The list of what Stripe told, and the page of one event: what came of it, and what was sold."""

import json
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.admin.api import tabs
from core.admin.kit import cells
from core.admin.kit.exports.screens import ExportingAdmin
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.filters import choice_filter
from core.admin.kit.sitewide import SitewideAdmin
from core.admin.payments.dialogs import Retry, SetAside
from core.models import Sale, StripeEvent, User
from core.models.fields.history import done_by
from core.pills import pill, pill_of
from core.services.payments.inbox import TOPICS
from core.services.payments.payloads import part, text
from core.wording import plural

# Currencies whose smallest unit is the currency itself: those that Stripe lists.
WHOLE = {
    *("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga"),
    *("pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"),
}


def _event(event: StripeEvent) -> SafeString:
    shown = cells.link(event, TOPICS.get(event.topic, event.topic))
    if not event.is_test:
        return shown
    return format_html('<span class="cell-named">{} {}</span>', shown, pill("Label", "Test"))


def _event_name(event: StripeEvent) -> SafeString:
    said = format_html("{} <code>{}</code>", TOPICS.get(event.topic, ""), event.topic)
    return format_html("{} {}", said, pill("Label", "Test")) if event.is_test else said


def _buyer(event: StripeEvent) -> SafeString | str:
    """Returns the buyer; while nothing was sold, the address that was entered at Stripe."""
    if event.sale is None:
        entered = part(event.payload, "data", "object", "customer_details", "email")
        return cells.text(text(entered)) if text(entered) else cells.NOTHING
    return cells.link(event.sale.buyer) if event.sale.buyer else done_by(event.sale, "buyer")


def _buyer_in_file(event: StripeEvent) -> str:
    if event.sale is None:
        return text(part(event.payload, "data", "object", "customer_details", "email"))
    return done_by(event.sale, "buyer")


def in_units(sale: Sale, units: int) -> Decimal:
    """Returns an amount in the sale's currency, as a number."""
    return Decimal(units) if sale.currency in WHOLE else Decimal(units) / 100


def amount_of(sale: Sale, units: int) -> str:
    """Returns an amount as people write it: "120.00 EUR"."""
    shown = f"{units:,}" if sale.currency in WHOLE else f"{units / 100:,.2f}"
    return f"{shown} {sale.currency.upper()}".strip()


def _amount(event: StripeEvent) -> str:
    sale = event.sale
    if sale is None:
        return cells.NOTHING
    back = f", {amount_of(sale, sale.refunded)} refunded" if sale.refunded else ""
    return f"{amount_of(sale, sale.amount)}{back}"


def _places(event: StripeEvent) -> SafeString | str:
    if event.sale is None:
        return cells.NOTHING
    rows = event.sale.places.select_related("product", "seat")
    return cells.lines([_row(row) for row in rows])


def _row(row: Any) -> SafeString:
    back = f", {row.taken_back:,} taken back" if row.taken_back else ""
    where = cells.link(row.seat) if row.seat else "a seat that is gone"
    return format_html("{} on {}{}: {}", plural(row.sold, "place"), row.product, back, where)


def _payload(event: StripeEvent) -> SafeString:
    return cells.code(json.dumps(event.payload, indent=2, ensure_ascii=False, default=str))


@admin.register(StripeEvent)
class StripeEventAdmin(SitewideAdmin, ExportingAdmin):
    event_link = column("Event", _event, in_file=lambda event: TOPICS.get(event.topic, event.topic))
    event_name = column("Event", _event_name)
    state = column("Status", pill_of("status"), in_file="get_status_display")
    buyer = column("Buyer", _buyer, in_file=_buyer_in_file)
    team = column("Team", "sale.team", cells.link)
    amount = column("Amount", _amount)
    outcome_text = column("Outcome", "outcome", cells.text)
    outcome_whole = column("Outcome", "outcome", cells.whole)
    places = column("Places", _places)
    received = column("Received", "received_at", cells.moment)
    happened = column("Happened", "happened_at", cells.moment)
    processed = column("Processed", "processed_at", cells.moment)
    content = column("Payload", _payload)

    list_display = ["event_link", "state", "buyer", "outcome_text", "received"]
    list_display_links = None  # the first column has a link of its own
    list_select_related = ["sale__buyer", "sale__team"]
    list_filter = [choice_filter("status"), choice_filter("topic", TOPICS)]
    search_fields = ["event_id", "about"]
    search_help_text = "Search by event id, payment (pi_…) or subscription (sub_…)"
    ordering = ["-id"]
    export_columns = (
        team,
        column("Currency", lambda event: event.sale.currency.upper() if event.sale else ""),
        column("Amount", lambda event: event.sale and in_units(event.sale, event.sale.amount)),
        column("Refunded", lambda event: event.sale and in_units(event.sale, event.sale.refunded)),
        happened,
        processed,
        column("Test", "is_test"),
        column("Event id", "event_id"),
    )
    list_top_template = "dashboard/api_tabs.html"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "event_name",
                    "event_id",
                    "state",
                    "outcome_whole",
                    "buyer",
                    "team",
                    "amount",
                    "places",
                    "happened",
                    "received",
                    "processed",
                    "attempts",
                ]
            },
        ),
        (None, {"fields": ["content"]}),
    ]
    dialogs = (Retry, SetAside)
    empty_title = "No payments"
    empty_text = (
        "What Stripe tells of checkouts, refunds and subscriptions is listed here, with what came of it. It "
        "begins when a signing secret is set in Settings, Payments."
    )

    def list_title(self, request: HttpRequest) -> str:
        return "Payments"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        viewer = request.user
        above = tabs.context("payments", viewer) if isinstance(viewer, User) else {}
        page: HttpResponse = super().changelist_view(request, above | (extra_context or {}))
        return page
