"""Sending events for tests: wrongly signed, repeated, late or in the wrong order."""

from typing import Any

from integrations.thinkific.sandbox.web.problems import malformed
from integrations.thinkific.sandbox.webhooks import Webhooks

WRONG_SIGNATURE = "0" * 64


def emit(
    webhooks: Webhooks,
    *,
    topic: str = "enrollment.progress",
    payload: dict[str, Any] | None = None,
    events: list[dict[str, Any]] | None = None,
    target_url: str | None = None,
    signature: str = "right",
    copies: int = 1,
    reverse: bool = False,
    event_id: str | None = None,
    delay: float = 0.0,
) -> dict[str, Any]:
    """Send one event (`topic`, `payload`) or several (`events`: a list of such pairs).

    `signature` is "right", "wrong", "none" or a text to send; `copies` repeats each event under the same id;
    `reverse` sends the last first. Without `target_url` the subscribers of the topic get it.
    """
    wanted = events or [{"topic": topic, "payload": payload or {}, "event_id": event_id}]
    made = [
        (entry["topic"], webhooks.event(entry["topic"], entry.get("payload") or {}, entry.get("event_id")))
        for entry in wanted
    ]
    sent = 0
    for name, event in reversed(made) if reverse else made:
        targets = [target_url] if target_url else webhooks.subscribers(name)
        for url in targets * copies:
            webhooks.send(
                url,
                event,
                signature={"right": None, "wrong": WRONG_SIGNATURE}.get(signature, signature),
                unsigned=signature == "none",
                delay=delay,
            )
            sent += 1
    if not sent and target_url is None and not webhooks.site.subscriptions:
        raise malformed("Nobody has subscribed; give target_url.")
    return {"sent": sent, "ids": [event["id"] for _, event in made]}
