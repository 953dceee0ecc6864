"""Cells of endpoints and deliveries."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core import moments
from core.admin.kit import cells, open_pages
from core.admin.kit.dialogs.dialog import url_of
from core.admin.kit.viewer import viewer_of
from core.admin.webhooks.dialogs import Switch
from core.models import WebhookDelivery, WebhookEndpoint
from core.models.webhooks import ALL_EVENTS, GOES_FIRST
from core.pills import pill
from core.services.webhooks import events, signatures, switching
from core.services.webhooks.emit import TEST_ID

SHOWN_EVENTS = 3


def address(endpoint: WebhookEndpoint) -> SafeString:
    shown = cells.link(endpoint, endpoint.url)
    return cells.with_second(shown, endpoint.description) if endpoint.description else shown


def some_events(endpoint: WebhookEndpoint) -> SafeString:
    labels = labels_of(endpoint)
    more = len(labels) - SHOWN_EVENTS
    said = ", ".join(labels[:SHOWN_EVENTS]) + (f" and {more} more" if more > 0 else "")
    return cells.text(said, tooltip=", ".join(labels))


def labels_of(endpoint: WebhookEndpoint) -> list[str]:
    if ALL_EVENTS in endpoint.events:
        return ["All events"]
    return [events.label(name) for name in endpoint.events]


def all_events(endpoint: WebhookEndpoint) -> SafeString | str:
    if ALL_EVENTS in endpoint.events:
        return "All events"
    return cells.lines([format_html("{} <code>{}</code>", events.label(n), n) for n in endpoint.events])


def active(endpoint: WebhookEndpoint) -> SafeString:
    """Returns the choice that switches it, for viewers who may."""
    pages = open_pages.current()
    if pages is None or not Switch.may(viewer_of(pages.request), endpoint):
        return state(endpoint)
    context = {
        "endpoint": endpoint,
        "url": url_of(endpoint._meta, Switch.slug, endpoint.pk),
        "token": get_token(pages.request),
    }
    return render_to_string("dashboard/endpoint_switch.html", context)


def state(endpoint: WebhookEndpoint) -> SafeString:
    if endpoint.active:
        return pill("Active", "On")
    shown = pill("Switched off")
    return cells.with_second(shown, endpoint.switched_off_why) if endpoint.switched_off_why else shown


def failures(endpoint: WebhookEndpoint) -> SafeString | str:
    """Returns how many attempts in a row have failed, and whether the endpoint is paused."""
    if not endpoint.failures:
        return "0"
    shown = pill("Failed", f"{endpoint.failures:,} in a row")
    until = switching.pause_of(endpoint)
    return cells.with_second(shown, f"Paused until {moments.hour(until)}") if until else shown


def failing(endpoint: WebhookEndpoint) -> SafeString | str:
    if not endpoint.failures:
        return "None since the last success, or since it was switched on."
    count = pill("Failed", f"{endpoint.failures:,} in a row")
    said = format_html("{} since {}", count, cells.moment(endpoint.failing_since))
    until = switching.pause_of(endpoint)
    return cells.lines([said, pause(until)]) if until else said


def pause(until: datetime) -> SafeString:
    when = cells.moment(until, ahead=True)
    return format_html("Paused until {}: it did not answer. Only tests are sent until then.", when)


def next_attempt(delivery: WebhookDelivery) -> SafeString | str:
    if delivery.status != WebhookDelivery.Status.PENDING:
        return cells.NOTHING
    now, until = timezone.now(), switching.pause_of(delivery.endpoint)
    if delivery.claimed_until is not None and delivery.claimed_until > now:
        return "It is being sent."
    if until and delivery.not_before > GOES_FIRST:
        return cells.lines([cells.moment(max(until, delivery.not_before), ahead=True), pause(until)])
    if delivery.not_before <= now:
        return "Within seconds, when its turn comes."
    return cells.moment(delivery.not_before, ahead=True)


def secret(endpoint: WebhookEndpoint) -> str:
    until = endpoint.former_until
    if endpoint.former_encrypted and until and until > timezone.now():
        return f"{signatures.PREFIX}… The former secret signs too for {_hours(until)}."
    return f"{signatures.PREFIX}… It was shown once. Rotate Secret makes another."


def _hours(until: Any) -> str:
    hours = round((until - timezone.now()).total_seconds() / 3600)
    return "less than an hour more" if hours < 1 else f"about {hours} hours more"


def event(delivery: WebhookDelivery) -> SafeString:
    shown = cells.link(delivery, events.label(delivery.event))
    if not is_test(delivery):
        return shown
    return format_html('<span class="cell-named">{} {}</span>', shown, pill("Label", "Test"))


def is_test(delivery: WebhookDelivery) -> bool:
    return delivery.event_id.startswith(TEST_ID)


def event_name(delivery: WebhookDelivery) -> SafeString:
    said = format_html("{} <code>{}</code>", events.label(delivery.event), delivery.event)
    return format_html("{} {}", said, pill("Label", "Test")) if is_test(delivery) else said


def answer(delivery: WebhookDelivery) -> SafeString:
    """Returns the status of the answer, or what went wrong."""
    if delivery.error:
        return cells.text(delivery.error)
    if delivery.response_code is None:
        return cells.NOTHING
    return format_html("{} in {} ms", delivery.response_code, f"{delivery.milliseconds or 0:,}")


def result(delivery: WebhookDelivery) -> SafeString | str:
    if delivery.response_code is None and not delivery.error:
        return "Not sent yet."
    took = f"{delivery.milliseconds:,} ms" if delivery.milliseconds is not None else ""
    code = f"HTTP {delivery.response_code}" if delivery.response_code else ""
    return format_html("{} {}", delivery.error, ", ".join(filter(None, (code, took))))


def request(delivery: WebhookDelivery) -> SafeString:
    head = _head(delivery.request_headers) or "Not sent yet."
    return _code(f"POST {delivery.endpoint.url}\n{head}", signatures.body_of(delivery).decode())


def response(delivery: WebhookDelivery) -> SafeString:
    if delivery.response_code is None:
        return cells.NOTHING
    return _code(f"HTTP {delivery.response_code}\n{_head(delivery.response_headers)}", delivery.response_body)


def _head(headers: Mapping[str, str]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers.items())


def _code(head: str, body: str) -> SafeString:
    return cells.code(f"{head}\n\n{body}".rstrip())
