"""What Stripe has told: stored first, and carried out by the worker."""

from datetime import timedelta

from django.db import models
from django.utils import timezone

from core.models.fields.leased import Lease, Leased, LeasedQuerySet
from core.models.payments.sales import Sale

ID_LENGTH = 255


class StripeEvent(Leased):
    """An event of Stripe and what came of it. Stripe sends an event again when it got no answer: `event_id`
    is stored once."""

    class Status(models.TextChoices):
        RECEIVED = "received", "Waiting"
        PROCESSED = "processed", "Done"
        IGNORED = "ignored", "Ignored"
        FAILED = "failed", "Failed"

    lease = Lease(
        length=timedelta(minutes=2),
        longest_wait=timedelta(days=1),
        waiting=Status.RECEIVED,
        claimed=Status.RECEIVED,
    )
    event_id = models.CharField("event id", max_length=ID_LENGTH)
    topic = models.CharField("event", max_length=100)
    # The payment or the subscription that it is about: events of one sale find each other by it.
    about = models.CharField(max_length=ID_LENGTH, blank=True, default="")
    payload = models.JSONField(default=dict)
    is_test = models.BooleanField(default=False)
    status = models.CharField(max_length=10, choices=Status, default=Status.RECEIVED)
    outcome = models.TextField(blank=True, default="")
    sale = models.ForeignKey(Sale, null=True, blank=True, on_delete=models.SET_NULL, related_name="events")
    happened_at = models.DateTimeField("happened", default=timezone.now)
    received_at = models.DateTimeField("received", default=timezone.now)
    processed_at = models.DateTimeField("processed", null=True, blank=True)

    objects = LeasedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "payment"
        indexes = [
            models.Index(fields=["status", "not_before"], name="stripe_event_due"),
            models.Index(fields=["about"], name="stripe_event_about"),
            models.Index(fields=["received_at"], name="stripe_event_received"),
        ]
        constraints = [models.UniqueConstraint(fields=["event_id"], name="one_stripe_event_per_id")]

    def __str__(self) -> str:
        return f"{self.topic} {self.event_id}"
