"""Thinkific's webhook subscriptions (API v2): each one sends the events of one topic to one address."""

from integrations.thinkific.client import schemas
from integrations.thinkific.client.answers import read_object
from integrations.thinkific.client.credentials import WEBHOOKS
from integrations.thinkific.client.decoding import load_json, read_rows
from integrations.thinkific.client.paging import Watch
from integrations.thinkific.client.transport import Transport


class Webhooks:
    """The subscriptions of the site, on a transport."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def all(self) -> list[schemas.Subscription]:
        """Returns all subscriptions. Their pages have cursors, unlike those of REST. Raises Endless."""
        watch = Watch()
        found: list[schemas.Subscription] = []
        cursors = [""]
        while True:
            body = self.transport.perform(
                "GET",
                "/webhooks",
                {"limit": 25, "next": cursors[-1] or None},
                surface=WEBHOOKS,
                read=lambda answer: load_json(answer.body, answer.request),
            )
            rows = body.get("items") if isinstance(body, dict) else body
            here = read_rows(rows if isinstance(rows, list) else [], schemas.Subscription)[0]
            found += here
            meta = (body.get("meta") or {}).get("page") or {} if isinstance(body, dict) else {}
            cursor = str(meta.get("next_page") or "")
            if not meta.get("has_next") or not cursor or cursor in cursors:
                return found
            watch.check([hash(str(row.id)) for row in here], "The list of subscriptions")
            cursors.append(cursor)

    def create(self, topic: str, target_url: str) -> schemas.Subscription:
        return self.transport.perform(
            "POST",
            "/webhooks",
            json={"topic": topic, "target_url": target_url},
            surface=WEBHOOKS,
            read=lambda answer: read_object(answer, schemas.Subscription),
        )

    def delete(self, subscription_id: str) -> bool:
        """Returns False when there was no such subscription any more."""
        return self.transport.delete(f"/webhooks/{subscription_id}", surface=WEBHOOKS)
