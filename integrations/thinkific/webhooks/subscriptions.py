"""Webhook subscriptions at Thinkific: one per topic. Creating and removing them is idempotent.

Ours are those that this dashboard has made and stored, and those to the same address. Subscriptions of
another dashboard or of a person on the same site are not changed.
"""

import ipaddress
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings

from core.errors import NotConnected, Refusal
from integrations.models import WebhookSubscription
from integrations.thinkific.budget.request_budget import SharedBudget
from integrations.thinkific.client import schemas
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.client.errors import Rejected, ThinkificError
from integrations.thinkific.webhooks.topics import SUBSCRIBED

ACTIVE = ("active", None)
ALL_WITHIN = 25.0  # seconds, because an administrator waits; to do the rest they press the button again


class ThinkificRefused(Refusal):
    """Thinkific refused or could not be reached; the message contains no credentials."""

    status = 502


@dataclass(frozen=True)
class Found:
    """A subscription that Thinkific has."""

    id: str
    topic: str
    target_url: str
    status: str
    ours: bool


@dataclass
class Registered:
    """The result of `register`, by topic."""

    target_url: str
    created: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)  # topic -> Thinkific's words


def register(target_url: str) -> Registered:
    """Create the missing subscriptions, and remove ours that are outdated. Raises Refusal.

    Outdated are those to another address, of a topic that is not needed, duplicates, and inactive ones.
    """
    check_address(target_url)
    client = _client()
    try:
        return _register(client, target_url)
    except Rejected as error:
        raise ThinkificRefused(
            f"Thinkific does not take the address {target_url} ({error.words}). It delivers only to https "
            "addresses that everybody can reach."
        ) from None
    except ThinkificError as error:
        raise ThinkificRefused(f"The subscriptions are not complete: {error}") from None


def listed() -> list[Found]:
    """Returns every subscription of the site, also those of others. Raises Refusal."""
    client = _client()
    try:
        return _listed(client, "")
    except ThinkificError as error:
        raise ThinkificRefused(f"The subscriptions could not be read: {error}") from None


def remove(target_url: str = "") -> list[Found]:
    """Remove our subscriptions, with `target_url` also others to that address. Returns the removed ones.

    Raises Refusal.
    """
    client = _client()
    try:
        ours = [one for one in _listed(client, target_url) if one.ours]
        for one in ours:
            _delete(client, one)
    except ThinkificError as error:
        raise ThinkificRefused(f"Not all subscriptions are removed: {error}") from None
    WebhookSubscription.objects.all().delete()
    return ours


def check_address(target_url: str) -> None:
    """Check that Thinkific can use the address: https and a public host; with DEBUG also this machine.

    Raises Refusal.
    """
    try:
        parts = urlsplit(target_url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Refusal(f"“{target_url}” is not a web address.") from None
    whole = bool(host) and port != 0 and not set(target_url) & set(" \t\r\n\\") and target_url.isprintable()
    if parts.scheme not in ("http", "https") or not whole:
        raise Refusal(
            f"“{target_url}” is not a web address. It looks like https://dashboard.example/webhooks/thinkific/."
        )
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Refusal("The address may hold neither a user name, a password nor a fragment.")
    if parts.path in ("", "/"):
        raise Refusal(f"The address has no path. Use {parts.scheme}://{parts.netloc}/webhooks/thinkific/.")
    local = is_loopback(host)
    if parts.scheme == "http" and not (local and settings.DEBUG):
        raise Refusal("Thinkific delivers to https addresses only. Use https://.")
    if local and not settings.DEBUG:
        raise Refusal(f"Thinkific cannot reach {host}. Use the public address of this dashboard.")


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _client() -> ThinkificClient:
    credentials = Credentials.from_settings()
    if not credentials.complete:
        raise NotConnected
    until = time.monotonic() + ALL_WITHIN
    budget = SharedBudget.from_settings(longest_wait=ALL_WITHIN, until=until)
    return ThinkificClient(credentials, budget=budget, interactive=True, retries=1, until=until)


def _listed(client: ThinkificClient, target_url: str) -> list[Found]:
    remembered = set(WebhookSubscription.objects.values_list("subscription_id", flat=True))
    return [_found(row, remembered, target_url) for row in client.webhooks.all()]


def _found(row: schemas.Subscription, remembered: set[str], target_url: str) -> Found:
    address = row.target_url or ""
    ours = str(row.id) in remembered or (bool(target_url) and _same(address, target_url))
    return Found(str(row.id), row.topic or "", address, row.status or "active", ours)


def _same(one: str, other: str) -> bool:
    return one.rstrip("/") == other.rstrip("/")


def _register(client: ThinkificClient, target_url: str) -> Registered:
    done = Registered(target_url)
    here: dict[str, Found] = {}
    stale: list[Found] = []
    for one in _listed(client, target_url):
        fits = one.target_url == target_url and one.topic in SUBSCRIBED and one.status in ACTIVE
        if one.ours and fits and one.topic not in here:
            here[one.topic] = one
            done.kept.append(one.topic)
        elif one.ours:
            stale.append(one)
    # New ones are created first: then an event in between arrives twice, instead of never.
    for topic in SUBSCRIBED:
        if topic not in here:
            _create(client, topic, done)
    for one in stale:
        _delete(client, one)
        done.removed.append(one.topic)
    for one in here.values():
        _remember(one.id, one.topic, one.target_url)
    # Rows without a subscription at Thinkific: somebody has removed it there.
    WebhookSubscription.objects.exclude(target_url=target_url, topic__in=[*done.created, *done.kept]).delete()
    return done


def _create(client: ThinkificClient, topic: str, done: Registered) -> None:
    try:
        made = client.webhooks.create(topic, done.target_url)
    except Rejected as error:
        if not any((name or "") == "topic" for name, _ in error.messages):
            raise  # the address, which is the same for every topic
        done.rejected[topic] = error.words
        return
    _remember(str(made.id), topic, done.target_url)
    done.created.append(topic)


def _remember(subscription_id: str, topic: str, target_url: str) -> None:
    WebhookSubscription.objects.update_or_create(
        subscription_id=subscription_id[:100], defaults={"topic": topic, "target_url": target_url}
    )


def _delete(client: ThinkificClient, one: Found) -> None:
    client.webhooks.delete(one.id)
    WebhookSubscription.objects.filter(subscription_id=one.id).delete()
