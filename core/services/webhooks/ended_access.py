"""Telling of access that ended because its last day passed: that is no write, so a schedule looks each
minute."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from core.models import Enrollment, WebhookDelivery, WebhookEndpoint
from core.services.webhooks.emit import deliver
from core.services.webhooks.payloads import moment

EVENT = "enrollment.deleted"
LONGEST = timedelta(days=7)  # what ended before that is not told, as in facts.py
# An end that somebody set by hand has been told, and lies up to a day back (`enrollments.just_ended`).
TOLD_BEFORE = timedelta(days=2)


@transaction.atomic
def tell_of_ended_access() -> int:
    """Tell of enrollments given in the dashboard whose end has passed since the last look. Returns how many
    deliveries wait."""
    now, count = timezone.now(), 0
    rows = WebhookEndpoint.objects.filter(active=True).order_by("pk")
    for endpoint in [row for row in rows.select_for_update(no_key=True) if row.takes(EVENT)]:
        since = endpoint.ends_told_until or endpoint.listens_since or now
        since = max(since, now - LONGEST)
        ended = Enrollment.objects.filter(
            expiry_date__gt=since, expiry_date__lte=now, granted=True, removed_at__isnull=True
        ).exclude(Q(push_state="failed", thinkific_id__isnull=True))
        told = WebhookDelivery.objects.filter(
            endpoint=endpoint, event=EVENT, created_at__gte=now - TOLD_BEFORE
        )
        found = list(ended.order_by("expiry_date", "pk")) if since < now else []
        keys = [row.pk for row in found]
        pairs = told.filter(payload__id__in=keys).values_list("payload__id", "payload__expiry_date")
        known = set(pairs) if keys else set()
        new = [row for row in found if (row.pk, moment(row.expiry_date)) not in known]
        count += deliver(EVENT, new, [endpoint])
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(ends_told_until=now)
    return count
