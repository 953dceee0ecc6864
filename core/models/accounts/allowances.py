"""Rate limits: how often something was done recently, counted by all processes together."""

from django.db import models

from core import moments


class Allowance(models.Model):
    """One counter. The key is a digest, so the row does not show whom it is about."""

    key = models.CharField(max_length=100)
    used = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(db_index=True)  # the start of the present window

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key"], name="one_allowance_per_key")]

    def __str__(self) -> str:
        return f"{self.used} since {moments.clock(self.since)}"
