"""Webhook subscriptions. They are part of the site, so that a restarted site still has them."""

from typing import TYPE_CHECKING, Any

from integrations.thinkific.sandbox.site.clock import to_iso

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site


def subscribe(site: "Site", *, topic: str, target_url: str) -> dict[str, Any]:
    now = site.clock.now()
    # An id like Thinkific's: the time, then a number.
    stamp = "".join(filter(str.isdigit, to_iso(now)))
    webhook_id = f"{stamp}{next(site.subscription_numbers):06d}"
    webhook = {
        "id": webhook_id,
        "status": "active",
        "topic": topic,
        "target_url": target_url,
        "created_at": _stamp(now),
        "created_by": "80001",
        "updated_at": _stamp(now),
        "updated_by": "80001",
    }
    site.subscriptions[webhook_id] = webhook
    return webhook


def change_subscription(site: "Site", *, webhook_id: str, topic: str, target_url: str) -> None:
    changed = {"topic": topic, "target_url": target_url, "updated_at": _stamp(site.clock.now())}
    site.subscriptions[webhook_id] |= changed


def unsubscribe(site: "Site", *, webhook_id: str) -> None:
    del site.subscriptions[webhook_id]


def _stamp(moment: int) -> str:
    return to_iso(moment).replace("Z", "+00:00")
