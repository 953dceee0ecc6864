"""Rate limits: at most so many times in a window of time, counted for all processes on all machines
together."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from core.models import Allowance

LONGEST_WINDOW = timedelta(days=1)  # older rows have no effect and are pruned


@transaction.atomic
def take(kind: str, whose: str, *, limit: int, window: timedelta) -> timedelta | None:
    """Count one use. Returns None when it is allowed, and how long to wait when `limit` uses were counted in
    this window. `whose` (an address or a network) is stored as a digest only."""
    now = timezone.now()
    # The row is locked until the commit, so that two processes cannot both take the last use.
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
