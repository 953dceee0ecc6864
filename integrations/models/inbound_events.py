"""Events received by webhook, and our webhook subscriptions at Thinkific."""

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.models.fields.leased import Lease, Leased, LeasedQuerySet

LEASE = timedelta(seconds=60)  # renewed before every request to Thinkific, none of which takes as long
# That an event is put off for; see integrations/thinkific/webhooks/retries.py.
LONGEST_WAIT = timedelta(minutes=30)


class InboundEvent(Leased):
    """A webhook as it arrived: stored first, judged later."""

    class Status(models.TextChoices):
        RECEIVED = "received"
        PROCESSED = "processed"
        IGNORED = "ignored"
        FAILED = "failed"

    lease = Lease(length=LEASE, longest_wait=LONGEST_WAIT, waiting=Status.RECEIVED, claimed=Status.RECEIVED)
    event_id = models.CharField(max_length=200)
    topic = models.CharField(max_length=100)
    payload = models.JSONField(default=dict)
    occurred_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(default=timezone.now)
    status = models.CharField(max_length=10, choices=Status, default=Status.RECEIVED)
    outcome = models.TextField(blank=True)
    processed_at = models.DateTimeField(null=True, blank=True)

    objects = LeasedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "webhook received"
        verbose_name_plural = "webhooks received"
        constraints = [models.UniqueConstraint(fields=["event_id"], name="one_inbound_event_per_event_id")]
        indexes = [
            models.Index(fields=["topic", "-received_at"], name="inbound_event_topic"),
            models.Index(fields=["id"], name="inbound_event_waiting", condition=Q(status="received")),
            models.Index(fields=["received_at"], name="inbound_event_received_at"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.event_id}"


class WebhookSubscription(models.Model):
    """A webhook subscription that this dashboard has made. Others on the same site have no row here."""

    subscription_id = models.CharField(max_length=100)
    topic = models.CharField(max_length=100)
    target_url = models.CharField(max_length=2000)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["topic"]
        constraints = [
            models.UniqueConstraint(fields=["subscription_id"], name="one_row_per_webhook_subscription")
        ]

    def __str__(self) -> str:
        return f"{self.topic} to {self.target_url}"
