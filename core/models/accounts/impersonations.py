"""Impersonations: who acted as whom, and when."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class ImpersonationSession(models.Model):
    """One time that an administrator acted as another user: when, from which address, and why."""

    class Ended(models.TextChoices):
        LEFT = "left", "Leave Impersonation"
        SIGNED_OUT = "signed_out", "signed out"
        TIMED_OUT = "timed_out", "timed out"
        REVOKED = "revoked", "the administrator lost the right"

    impersonator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="impersonations_made"
    )
    impersonated = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="impersonations_suffered"
    )
    reason = models.CharField(max_length=500, blank=True)
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=10, choices=Ended, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "impersonation"
        permissions = [("view_history", "Can view the history of objects")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(impersonator=models.F("impersonated")), name="nobody_impersonates_themselves"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.impersonator} as {self.impersonated}"
