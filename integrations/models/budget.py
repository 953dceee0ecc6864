"""The use of Thinkific's request limits."""

from django.db import models


class RequestBudget(models.Model):
    """What all processes together have used of a site's request limits (thinkific/budget)."""

    site = models.CharField(max_length=200)
    state = models.JSONField(default=dict)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site"], name="one_budget_per_site")]

    def __str__(self) -> str:
        return self.site
