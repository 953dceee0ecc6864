"""The webhooks API v2. Its lists have cursors, and its PUT returns the row."""

import re
from typing import Any
from urllib.parse import urlsplit

from integrations.thinkific.sandbox.rest.context import DEFAULT_LIMIT, Context, created, no_content
from integrations.thinkific.sandbox.web.http import Response
from integrations.thinkific.sandbox.web.problems import invalid_texts, not_found
from integrations.thinkific.sandbox.webhooks import TOPICS

REFUSED_HOSTS = re.compile(r"(^|\.)(localhost|example\.com|thinkific\.com)$")
LOOPBACK = ("127.0.0.1", "::1")


def list_webhooks(context: Context) -> Response:
    return _page(context, list(context.site.subscriptions.values()))


def list_events(context: Context) -> Response:
    """List the recent events, the newest first. Thinkific documents only single events."""
    return _page(context, [_shown(event) for event in reversed(context.webhooks.events.values())])


def _page(context: Context, rows: list[dict[str, Any]]) -> Response:
    query = context.request.query
    limit = int(query["limit"]) if query.get("limit", "").isdigit() and int(query["limit"]) else DEFAULT_LIMIT
    start = 0
    if query.get("next"):
        start = next((i for i, row in enumerate(rows) if row["id"] == query["next"]), len(rows))
    items = [] if context.pretend_empty else rows[start : start + limit]
    following = rows[start + limit]["id"] if start + limit < len(rows) else ""
    page = {
        "has_next": bool(following),
        "next_page": following,
        "page_items": len(items),
        "total_items": len(rows),
        "total_pages": max(-(-len(rows) // limit), 1),
    }
    return Response.of(200, {"items": items, "meta": {"page": page}})


def create(context: Context) -> Response:
    topic, target_url = _checked(context)
    return created(context.site.write("subscribe", topic=topic, target_url=target_url))


def show(context: Context) -> Response:
    return Response.of(200, _addressed(context))


def update(context: Context) -> Response:
    webhook = _addressed(context)
    topic, target_url = _checked(context)
    context.site.write("change_subscription", webhook_id=webhook["id"], topic=topic, target_url=target_url)
    return Response.of(200, webhook)


def delete(context: Context) -> Response:
    context.site.write("unsubscribe", webhook_id=_addressed(context)["id"])
    return no_content()


def show_event(context: Context) -> Response:
    event = context.webhooks.events.get(context.arguments[0])
    if event is None:
        raise not_found()
    return Response.of(200, _shown(event))


def _shown(event: dict[str, Any]) -> dict[str, Any]:
    return {name: event[name] for name in ("id", "resource", "action", "created_at", "payload")}


def _addressed(context: Context) -> dict[str, Any]:
    webhook = context.site.subscriptions.get(context.arguments[0])
    if webhook is None:
        raise not_found()
    return webhook


def _checked(context: Context) -> tuple[str, str]:
    body = context.body()
    topic, url = body.get("topic"), body.get("target_url")
    if topic not in TOPICS:
        raise invalid_texts(topic="invalid format")
    if not isinstance(url, str) or not _is_acceptable(url):
        raise invalid_texts(url="is not valid")
    return topic, url


def _is_acceptable(url: str) -> bool:
    """Returns whether the address is public https, as Thinkific requires, or on this machine's loopback."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in LOOPBACK:
        return parts.scheme in ("http", "https")
    return parts.scheme == "https" and "." in host and not REFUSED_HOSTS.search(host)
