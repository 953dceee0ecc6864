"""Switching endpoints on and off, by a person or because they keep failing."""

from datetime import datetime

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django_q.tasks import async_task

from core.models import Notice, User, WebhookDelivery, WebhookEndpoint
from core.permissions import scope
from core.services.history import signed
from core.services.site import notices

ALERT_TASK = "core.tasks.send_webhook_alert"
CODE, CHANGE = "webhooks.manage", "core.change_webhookendpoint"
NOT_SENT = "The endpoint was switched off before this was sent. Redeliver sends it."


@transaction.atomic
def switch(endpoint: WebhookEndpoint, *, on: bool, by: User | None = None, why: str = "") -> WebhookEndpoint:
    """Switch an endpoint on or off; only a difference is written. While it is off nothing is recorded for it.
    What waits fails, so that it is seen and can be sent again; what a process is sending ends as its answer
    says (`outcomes.store`)."""
    endpoint = WebhookEndpoint.objects.select_for_update(of=("self",), no_key=True).get(pk=endpoint.pk)
    if endpoint.active == on:
        return endpoint
    now = timezone.now()
    endpoint.active, endpoint.switched_off_why = on, why
    endpoint.switched_off_at = None if on else now
    if on:
        endpoint.listens_since = endpoint.ends_told_until = now
        endpoint.failures, endpoint.failing_since = 0, None
    endpoint.paused_until = None
    reason = "switched on" if on else "switched off"
    signed(endpoint, by=by, reason=reason).save()
    if not on:
        waiting = endpoint.deliveries.filter(WebhookDelivery.lease.free())
        waiting.update(status=WebhookDelivery.Status.FAILED, error=NOT_SENT)
    return endpoint


def pause_of(endpoint: WebhookEndpoint) -> datetime | None:
    """Returns until when nothing but tests is sent to an endpoint that did not answer; None when it is not
    paused."""
    until = endpoint.paused_until
    return until if until is not None and until > timezone.now() else None


def switch_off_failing(endpoint: WebhookEndpoint, why: str) -> None:
    """Switch an endpoint off because deliveries fail, and tell whoever looks after it, by a notice and an
    e-mail. Call it in a transaction."""
    switch(endpoint, on=False, why=why)
    url = reverse("admin:core_webhookendpoint_change", args=[endpoint.pk])
    people = told(endpoint)
    notices.tell(people, f"The webhook {endpoint} was switched off. {why}", level=Notice.Level.ERROR, url=url)
    for person in people:
        transaction.on_commit(lambda key=person.pk: async_task(ALERT_TASK, endpoint.pk, key, save=False))  # type: ignore[misc]


def told(endpoint: WebhookEndpoint) -> list[User]:
    """Returns who is told about an endpoint: its owner, or all who may manage webhooks when the owner may no
    longer."""
    owner = endpoint.owner
    if owner is not None and owner.is_active and scope.holds_for_the_site(owner, CHANGE):
        return [owner]
    return list(scope.holders(CODE))
