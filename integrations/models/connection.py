"""The state of the connection to Thinkific."""

from django.db import models
from django.utils import timezone


class ConnectionState(models.Model):
    """What Thinkific last said about our credentials: one row for each surface (rest, graphql, webhooks)."""

    surface = models.CharField(max_length=20)
    ok = models.BooleanField(default=True)
    answered = models.BooleanField(
        default=True, db_default=True, help_text="Without an answer, nothing is known about the credentials."
    )
    detail = models.TextField(blank=True)
    checked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["surface"], name="one_state_per_surface")]

    def __str__(self) -> str:
        return self.surface
