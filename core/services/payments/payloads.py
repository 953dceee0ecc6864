"""Reading what Stripe sends. Versions of its API differ in where a value stands."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from core import moments

Payload = Mapping[str, Any]


def part(value: Any, *names: str) -> Any:
    """Returns what stands under these names inside each other; None where one is missing."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def key_of(value: Any) -> str:
    """Returns the id of something that Stripe sends as its id, or whole."""
    return text(part(value, "id") if isinstance(value, Mapping) else value)


def subscription_of(invoice: Payload) -> str:
    """Returns the subscription of an invoice, of versions before and since 2025."""
    found = part(invoice, "subscription") or part(invoice, "parent", "subscription_details", "subscription")
    return key_of(found)


def about(topic: str, thing: Payload) -> str:
    """Returns the id of the payment or the subscription that an event is about."""
    if topic.startswith("checkout.session."):
        return key_of(thing.get("subscription")) or key_of(thing.get("payment_intent"))
    if topic.startswith("charge."):
        return key_of(thing.get("payment_intent"))
    if topic.startswith("invoice."):
        return subscription_of(thing)
    return key_of(thing.get("id"))


def period_end(invoice: Payload) -> date | None:
    """Returns the last day that an invoice pays for, in the site's time zone."""
    lines = part(invoice, "lines", "data")
    ends = [number(part(line, "period", "end")) for line in lines] if isinstance(lines, list) else []
    return day_of(max(ends, default=0))


def day_of(seconds: int) -> date | None:
    moment = moment_of(seconds)
    return moments.local(moment).date() if moment else None


def moment_of(seconds: Any) -> datetime | None:
    """Returns the moment of a Unix time; None when there is none, or none that can be stored."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=number(seconds)) if seconds else None
    except (OverflowError, TypeError):
        return None
