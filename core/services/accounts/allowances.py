"""So many times in a window of time, for all processes on all machines together."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from core.models import Allowance

LONGEST_WINDOW = timedelta(days=1)  # rows older than this mean nothing and are pruned


@transaction.atomic
def take(kind: str, whose: str, *, limit: int, window: timedelta) -> timedelta | None:
    """Take one of `limit` times. Returns None, or how long to wait when all of them are taken."""
    now = timezone.now()
    # The row is locked until it is counted, so that two processes cannot both take the last one.
    row, _ = Allowance.objects.select_for_update().get_or_create(
        key=_key(kind, whose), defaults={"since": now}
    )
    if row.since <= now - window:
        row.since, row.used = now, 0
    if row.used >= limit:
        return row.since + window - now
    row.used += 1
    row.save(update_fields=["since", "used"])
    return None


def _key(kind: str, whose: str) -> str:
    return f"{kind}:{salted_hmac('allowances', whose, algorithm='sha256').hexdigest()}"


def over(now: datetime) -> QuerySet[Allowance]:
    return Allowance.objects.filter(since__lt=now - LONGEST_WINDOW)
