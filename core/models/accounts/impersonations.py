"""Impersonations: who acted as whom, and when."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from core import moments

LONGEST = timedelta(hours=1)  # an impersonation ends by itself after this time


class ImpersonationQuerySet(models.QuerySet["ImpersonationSession"]):
    def going_on(self) -> "ImpersonationQuerySet":
        """Those in which somebody may act at this moment."""
        now = timezone.now()
        return self.filter(moments.recent("started_at", now, within=LONGEST), ended_at__isnull=True)

    def over(self) -> "ImpersonationQuerySet":
        """Those that have ended, also when nothing has recorded the end yet."""
        is_past = moments.older("started_at", timezone.now(), than=LONGEST)
        return self.filter(Q(ended_at__isnull=False) | is_past)


class ImpersonationSession(models.Model):
    """One time that an administrator acted as another user: when, from which address, and why.

    A row is a record: the database refuses to delete it, and to change it except once, when it ends
    (migration 0032).
    """

    class Ended(models.TextChoices):
        LEFT = "left", "Leave Impersonation"
        SIGNED_OUT = "signed_out", "Signed out"
        TIMED_OUT = "timed_out", "Timed out"
        REPLACED = "replaced", "Began another one"
        REVOKED = "revoked", "Lost the right"
        ACCOUNT = "account", "Administrator's account changed"
        PERSON = "person", "Person's account changed"

    impersonator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="impersonations_made"
    )
    impersonated = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="impersonations_suffered"
    )
    reason = models.CharField(max_length=500, blank=True)
    ip_address = models.GenericIPAddressField("address", null=True, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=10, choices=Ended, blank=True)

    objects = ImpersonationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "impersonation"
        permissions = [("view_history", "Can view the history of objects")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(impersonator=F("impersonated")), name="nobody_impersonates_themselves"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by="")
                | (Q(ended_at__isnull=False) & ~Q(ended_by="")),
                name="an_ended_impersonation_says_how",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")),
                name="an_impersonation_ends_after_it_began",
            ),
            models.UniqueConstraint(
                fields=["impersonator"],
                condition=Q(ended_at__isnull=True),
                name="one_impersonation_at_a_time",
            ),
        ]
        indexes = [models.Index(fields=["started_at"], name="impersonation_started_at")]

    def __str__(self) -> str:
        return f"{self.impersonator} as {self.impersonated}"

    @property
    def ends_at_the_latest(self) -> datetime:
        return self.started_at + LONGEST

    @property
    def is_going_on(self) -> bool:
        is_past = moments.is_older(self.started_at, timezone.now(), than=LONGEST)
        return self.ended_at is None and not is_past

    @property
    def over_since(self) -> datetime | None:
        """Returns when it ended; None while it goes on. Where nothing has recorded the end, because the
        browser was closed, it ended when its time was up."""
        if self.ended_at is not None or self.is_going_on:
            return self.ended_at
        return self.ends_at_the_latest

    @property
    def ending(self) -> str:
        """Returns how it ended, one of `Ended`; empty while it goes on."""
        return self.ended_by or ("" if self.is_going_on else self.Ended.TIMED_OUT)
