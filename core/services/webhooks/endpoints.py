"""Endpoints: making and changing them, their secrets, and deliveries that a person asks for."""

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from core import acting
from core.errors import Refusal
from core.models import User, WebhookDelivery, WebhookEndpoint
from core.models.webhooks import ALL_EVENTS, GOES_FIRST
from core.services.history import signed
from core.services.site import secrets
from core.services.webhooks import addresses, events
from core.services.webhooks.emit import TEST_ID, new_id, wake
from core.services.webhooks.signatures import new_secret

FORMER_SECRET_FOR = timedelta(hours=24)
DESCRIPTION_LENGTH = 200
MOST_ENDPOINTS = 50  # each event is written once for each of them
CHANGEABLE = {"url", "description", "events", "compatible"}
Status = WebhookDelivery.Status


class BadEvents(Refusal):
    """No event, or one that there is not."""


@transaction.atomic
def create(*, by: User, active: bool = True, **values: Any) -> tuple[WebhookEndpoint, str]:
    """Make an endpoint; `values` are fields of CHANGEABLE. Returns it with its secret, which nobody can read
    afterwards. Raises Refusal."""
    acting.refuse()
    if WebhookEndpoint.objects.count() >= MOST_ENDPOINTS:
        raise Refusal(f"There are {MOST_ENDPOINTS} endpoints, which is the most. Delete one first.")
    secret, now = new_secret(), timezone.now()
    endpoint = WebhookEndpoint(
        owner=by,
        encrypted=secrets.encrypt(secret),
        active=active,
        listens_since=now,
        ends_told_until=now,
        switched_off_at=None if active else now,
        **checked(values),
    )
    signed(endpoint, by=by, reason="endpoint made").save()
    return endpoint, secret


@transaction.atomic
def update(endpoint: WebhookEndpoint, *, by: User, **values: Any) -> WebhookEndpoint:
    """Change fields of CHANGEABLE; only differences are written. What waits is sent to the new address.
    Raises Refusal."""
    acting.refuse()
    endpoint = _locked(endpoint)
    values = checked(values, endpoint)
    changed = [name for name, value in values.items() if getattr(endpoint, name) != value]
    for name in changed:
        setattr(endpoint, name, values[name])
    if "url" in changed:  # the failures were those of the other address
        endpoint.failures, endpoint.failing_since, endpoint.paused_until = 0, None, None
    if changed:
        signed(endpoint, by=by, reason="details changed").save()
    return endpoint


@transaction.atomic
def rotate_secret(endpoint: WebhookEndpoint, *, by: User, at_once: bool = False) -> str:
    """Make a new secret, which is returned and cannot be read afterwards. The former one signs for a day
    more, so that receivers can change over; with `at_once` it does not. Raises Refusal."""
    acting.refuse()
    endpoint, secret, now = _locked(endpoint), new_secret(), timezone.now()
    endpoint.former_encrypted = "" if at_once else endpoint.encrypted
    endpoint.former_until = None if at_once else now + FORMER_SECRET_FOR
    endpoint.encrypted = secrets.encrypt(secret)
    reason = "secret rotated, the former one stopped at once" if at_once else "secret rotated"
    signed(endpoint, by=by, reason=reason).save()
    return secret


@transaction.atomic
def delete(endpoint: WebhookEndpoint, *, by: User) -> None:
    """Delete an endpoint with its deliveries. Its history stays."""
    acting.refuse()
    # Whoever tells it of an event just now has a lock that this one waits for (emit.py).
    endpoint = _locked(endpoint, no_key=False)
    endpoint.deliveries.all()._raw_delete(endpoint.deliveries.db)
    signed(endpoint, by=by, reason="endpoint deleted").delete()


@transaction.atomic
def send_test(endpoint: WebhookEndpoint, event: str, *, by: User) -> WebhookDelivery:
    """Send the example of an event at once, whatever waits for the endpoint, and though it may be paused; its
    id begins with `test_`. Raises Refusal when the endpoint is off."""
    endpoint = _locked(endpoint)
    _check_on([endpoint])
    delivery = WebhookDelivery.objects.create(
        endpoint=endpoint,
        event=event,
        event_id=new_id(TEST_ID),
        payload=events.example(event),
        not_before=GOES_FIRST,
        asked_by=by,
    )
    wake()
    return delivery


@transaction.atomic
def redeliver(deliveries: Collection[WebhookDelivery], *, by: User) -> list[WebhookDelivery]:
    """Send deliveries again, with the same ids, contents and times of their events. What waits already is
    left out. Returns the new deliveries. Raises Refusal when an endpoint is off."""
    keys = [delivery.pk for delivery in deliveries]
    rows = WebhookDelivery.objects.filter(pk__in=keys).exclude(status=Status.PENDING).order_by("pk")
    found = list(rows.select_related("endpoint"))
    _check_on({row.endpoint_id: row.endpoint for row in found}.values())
    made = WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            endpoint=row.endpoint,
            event=row.event,
            event_id=row.event_id,
            payload=row.payload,
            happened_at=row.happened_at or row.created_at,
            asked_by=by,
        )
        for row in found
    )
    if made:
        wake()
    return made


def checked(values: dict[str, Any], endpoint: WebhookEndpoint | None = None) -> dict[str, Any]:
    """Returns the values as they are stored. Raises Refusal for values that are not allowed."""
    if unknown := set(values) - CHANGEABLE:
        raise TypeError(f"An endpoint has no {', '.join(sorted(unknown))} to set")
    values = dict(values)
    if "events" in values:
        values["events"] = _events(values["events"])
    if "description" in values:
        values["description"] = " ".join(values["description"].replace("\x00", "").split())
        if len(values["description"]) > DESCRIPTION_LENGTH:
            raise Refusal(f"The description may have {DESCRIPTION_LENGTH} characters.")
    if "url" in values and (endpoint is None or values["url"].strip() != endpoint.url):
        values["url"] = addresses.check(values["url"])
    return values


def _events(chosen: Iterable[str]) -> list[str]:
    """Returns the names in the order of the table; all together are `*`, which later ones belong to."""
    chosen = set(chosen)
    if ALL_EVENTS in chosen:
        return [ALL_EVENTS]
    if unknown := chosen - events.EVENTS.keys():
        raise BadEvents(f"There is no event {', '.join(sorted(unknown))}.")
    if not chosen:
        raise BadEvents("Choose at least one event.")
    return [name for name in events.EVENTS if name in chosen]


def _check_on(endpoints: Iterable[WebhookEndpoint]) -> None:
    if off := [endpoint for endpoint in endpoints if not endpoint.active]:
        raise Refusal(f"{off[0]} is switched off. Switch it on first.")


def _locked(endpoint: WebhookEndpoint, *, no_key: bool = True) -> WebhookEndpoint:
    found = WebhookEndpoint.objects.select_for_update(of=("self",), no_key=no_key).filter(pk=endpoint.pk)
    if (row := found.first()) is None:
        raise Refusal(f"{endpoint} was deleted meanwhile. Nothing was changed.")
    return row
