"""Tokens for the REST API, and the addresses that receive webhooks about events."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.folding import searched
from core.models.fields.folded import Folded, FoldedField, FoldedQuerySet
from core.models.fields.leased import Lease, Leased, LeasedQuerySet


class ApiToken(Folded):
    """A bearer token. The secret is shown once and stored hashed. A request with it has its user's rights."""

    name = models.CharField(max_length=100)
    folded = FoldedField("name", how=searched)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    prefix = models.CharField(
        max_length=12, editable=False, help_text="The readable start, to tell tokens apart."
    )
    digest = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the secret, hex.")
    scopes = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = FoldedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "API token"
        constraints = [models.UniqueConstraint(fields=["digest"], name="one_api_token_per_digest")]

    def __str__(self) -> str:
        return self.name


class WebhookEndpoint(models.Model):
    event = models.CharField(max_length=100, help_text="The event, or * for all.")
    url = models.URLField("URL", max_length=2000)
    active = models.BooleanField(default=True)
    secret = models.CharField(max_length=200, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["event", "id"]
        constraints = [
            models.UniqueConstraint(fields=["event", "url"], name="one_endpoint_per_event_and_url")
        ]

    def __str__(self) -> str:
        return f"{self.event} → {self.url}"


class WebhookDelivery(Leased):
    class Status(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"

    lease = Lease(
        length=timedelta(seconds=60),
        longest_wait=timedelta(days=1),
        waiting=Status.PENDING,
        claimed=Status.PENDING,
    )
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=100)
    event_id = models.CharField(max_length=64)
    payload = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    response_code = models.PositiveIntegerField(null=True, blank=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True, blank=True)

    objects = LeasedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "webhook deliveries"
        indexes = [models.Index(fields=["status", "not_before"], name="webhook_delivery_due")]

    def __str__(self) -> str:
        return f"{self.event} {self.event_id}"
