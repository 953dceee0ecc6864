"""Webhooks out: the endpoints that are told of events, and what was sent to them."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.models.fields.history import kept_name, tracked
from core.models.fields.leased import Lease, Leased, LeasedQuerySet

ALL_EVENTS = "*"
URL_LENGTH = 2000
# `not_before` of a test: its first attempt goes before whatever waits, and also while the endpoint is paused.
GOES_FIRST = datetime(2000, 1, 1, tzinfo=UTC)


class WebhookEndpoint(models.Model):
    """An address that is told of events. Its secret is encrypted (core/services/site/secrets.py), because
    each delivery is signed with it; a person sees it once."""

    url = models.URLField("URL", max_length=URL_LENGTH)
    description = models.CharField(max_length=200, blank=True, default="", db_default="")
    events = models.JSONField(
        default=list, db_default=[], help_text="Names of core/services/webhooks/events.py, or * for all."
    )
    active = models.BooleanField(default=True)
    compatible = models.BooleanField(
        "compatibility signature",
        default=False,
        db_default=False,
        help_text="Also sign with the Thinkific API key, as the former dashboard did.",
    )
    encrypted = models.TextField(default="", db_default="", editable=False)
    former_encrypted = models.TextField(default="", db_default="", editable=False)
    former_until = models.DateTimeField(null=True, editable=False)  # until then the former secret signs too
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="webhook_endpoints"
    )
    owner_name = kept_name()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Facts from Thinkific that are older are not told.
    listens_since = models.DateTimeField(default=timezone.now, null=True, editable=False)
    # Ends of access up to this moment have been told (services/webhooks/ended_access.py).
    ends_told_until = models.DateTimeField(null=True, editable=False)
    switched_off_at = models.DateTimeField(null=True, editable=False)
    switched_off_why = models.TextField(default="", db_default="", blank=True, editable=False)
    failures = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="Failed attempts since the last success."
    )
    failing_since = models.DateTimeField(null=True, editable=False)
    paused_until = models.DateTimeField(null=True, editable=False)  # it did not answer: nothing is sent

    history = tracked(
        excluded_fields=[
            "encrypted",
            "former_encrypted",
            "owner_name",
            "listens_since",
            "ends_told_until",
            "failures",
            "failing_since",
            "paused_until",
        ]
    )

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.description or self.url

    def takes(self, event: str) -> bool:
        return ALL_EVENTS in self.events or event in self.events


class WebhookDelivery(Leased):
    """An event that is sent to an endpoint, and how that went. `event_id` is the same in every attempt and
    when it is sent again."""

    class Status(models.TextChoices):
        PENDING = "pending", "Waiting"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"

    lease = Lease(
        length=timedelta(seconds=60),
        longest_wait=timedelta(days=1),
        waiting=Status.PENDING,
        claimed=Status.PENDING,
    )
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=100)
    event_id = models.CharField("event id", max_length=64)
    payload = models.JSONField(default=dict)
    happened_at = models.DateTimeField(null=True)  # None: when the row was made
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    asked_by_name = kept_name()
    # Of the last attempt.
    request_headers = models.JSONField(default=dict, db_default={})
    response_code = models.PositiveIntegerField(null=True, blank=True)
    response_headers = models.JSONField(default=dict, db_default={})
    response_body = models.TextField(default="", db_default="")
    milliseconds = models.PositiveIntegerField(null=True)
    tried_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True, blank=True)

    objects = LeasedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "webhook deliveries"
        indexes = [
            models.Index(fields=["status", "not_before"], name="webhook_delivery_due"),
            models.Index(fields=["endpoint", "-id"], name="webhook_delivery_endpoint"),
            models.Index(fields=["event", "created_at"], name="webhook_delivery_event"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.event_id}"
