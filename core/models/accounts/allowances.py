"""How often something was done lately, counted by all processes together."""

from django.db import models

from core import moments


class Allowance(models.Model):
    """One row for each thing that is counted. The key is a digest: whose it is stands nowhere."""

    key = models.CharField(max_length=100)
    used = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(db_index=True)  # when the present window began

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key"], name="one_allowance_per_key")]

    def __str__(self) -> str:
        return f"{self.used} since {moments.clock(self.since)}"
