"""What every history table has besides the row: who acted, and as whom."""

from typing import Any

from django.conf import settings
from django.db import models
from simple_history.models import HistoricalRecords


class StampedHistory(models.Model):
    """`history_user` is whose account acted; `impersonator` the administrator behind it, if there was one."""

    impersonator = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        abstract = True


def tracked(**options: Any) -> HistoricalRecords:
    """History for a model, stamped with the impersonator."""
    return HistoricalRecords(bases=[StampedHistory], **options)
