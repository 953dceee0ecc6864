"""Telling of access that ended because its last day passed: that is no write, so a schedule looks each
minute."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from core.models import Enrollment, WebhookDelivery, WebhookEndpoint
from core.services.webhooks.emit import AT_ONCE, deliver
from core.services.webhooks.payloads import moment

EVENT = "enrollment.deleted"
LONGEST = timedelta(days=7)  # what ended before that is not told, as in facts.py
# An end that somebody set by hand has been told, and lies up to a day back (`enrollments.just_ended`).
TOLD_BEFORE = timedelta(days=2)


@transaction.atomic
def tell_of_ended_access() -> int:
    """Tell of enrollments given in the dashboard whose end has passed since the last look. Returns how many
    deliveries wait."""
    rows = WebhookEndpoint.objects.filter(active=True).order_by("pk")
    endpoints = list(rows.select_for_update(no_key=True))
    now = timezone.now()  # after the wait for whoever looked meanwhile
    count = sum(_tell(endpoint, now) for endpoint in endpoints if endpoint.takes(EVENT))
    # Those that do not take the event too: if they begin to take it, what ended before is not told.
    rows.filter(pk__in=[endpoint.pk for endpoint in endpoints]).update(ends_told_until=now)
    return count


def _tell(endpoint: WebhookEndpoint, now: datetime) -> int:
    since = endpoint.ends_told_until or endpoint.listens_since or now
    since = max(since, now - LONGEST)
    ended = Enrollment.objects.filter(
        expiry_date__gt=since, expiry_date__lte=now, granted=True, removed_at__isnull=True
    ).exclude(Q(push_state="failed", thinkific_id__isnull=True))
    keys = list(ended.order_by("expiry_date", "pk").values_list("pk", flat=True))
    parts = (keys[start : start + AT_ONCE] for start in range(0, len(keys), AT_ONCE))
    return sum(_tell_of(part, endpoint, now) for part in parts)


def _tell_of(keys: Sequence[int], endpoint: WebhookEndpoint, now: datetime) -> int:
    told = WebhookDelivery.objects.filter(endpoint=endpoint, event=EVENT, created_at__gte=now - TOLD_BEFORE)
    known = set(told.filter(payload__id__in=keys).values_list("payload__id", "payload__expiry_date"))
    found = Enrollment.objects.filter(pk__in=keys).order_by("expiry_date", "pk")
    new = [row for row in found if (row.pk, moment(row.expiry_date)) not in known]
    return deliver(EVENT, new, [endpoint])
