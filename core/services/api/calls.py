"""How long the answer of a call with an Idempotency-Key is kept."""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from core.models import IdempotentCall

KEPT = timedelta(hours=24)


def over(now: datetime) -> QuerySet[IdempotentCall]:
    """Returns the calls whose key may be used anew."""
    return IdempotentCall.objects.filter(created_at__lt=now - KEPT)
