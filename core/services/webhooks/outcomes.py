"""What follows from an attempt: for the delivery, and for its endpoint."""

import random
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from core.models import WebhookDelivery, WebhookEndpoint
from core.services.leases import Claim, growing_wait
from core.services.webhooks import switching
from core.services.webhooks.post import Answer

# Seconds until the next attempt: ten attempts in a day.
WAITS = (5, 60, 300, 1_800, 3_600, 7_200, 14_400, 28_800, 28_800)
WINDOW = timedelta(hours=24)
JITTER = 0.1  # of a wait, so that what failed together does not come back together
FIRST_PAUSE, LONGEST_PAUSE, LONGEST_ASKED_FOR = 5.0, 300.0, 3_600.0  # seconds
SWITCHED_OFF_AFTER = timedelta(days=3)  # of failing without a success
FEWEST_FAILURES = 10
GONE = 410
AT_ONCE = 1000
TOO_OLD = "Not sent: the endpoint did not answer for 24 hours."
Status = WebhookDelivery.Status


@transaction.atomic
def store(delivery: WebhookDelivery, answer: Answer, headers: dict[str, str]) -> str:
    """Store how an attempt ended. Returns `delivered`, `retried` or `failed`; `lost` when another process has
    taken the delivery meanwhile, which then decides. While the endpoint is off nothing is tried again."""
    # Before the delivery, as `switching.switch` does.
    endpoints = WebhookEndpoint.objects.filter(pk=delivery.endpoint_id).select_for_update(no_key=True)
    is_off = not any(endpoint.active for endpoint in endpoints)
    now = timezone.now()
    values: dict[str, Any] = {
        "request_headers": headers,
        "response_code": answer.status,
        "response_headers": answer.headers,
        "response_body": answer.body,
        "milliseconds": answer.milliseconds,
        "tried_at": now,
        "error": answer.problem,
    }
    claim = Claim.on(delivery)
    if not answer.problem:
        if not claim.finish([delivery.pk], status=Status.DELIVERED, delivered_at=now, **values):
            return "lost"
        _note_success(delivery.endpoint_id)
        return "delivered"
    wait = None if is_off or answer.status == GONE else wait_after(delivery, now)
    if wait is None:
        done = claim.finish([delivery.pk], status=Status.FAILED, **values)
    else:
        done = claim.put_back([delivery.pk], until=now + wait, **values)
    if not done:
        return "lost"
    _note_failure(delivery.endpoint_id, answer, now)
    return "failed" if wait is None else "retried"


def wait_after(delivery: WebhookDelivery, now: datetime) -> timedelta | None:
    """Returns how long to wait after this failed attempt; None when it was the last one."""
    number = delivery.attempts
    if number > len(WAITS) or (number > 3 and now - delivery.created_at > WINDOW):
        return None
    return timedelta(seconds=WAITS[number - 1] * (1 + JITTER * random.random()))  # noqa: S311 (no secret)


def _note_success(endpoint: int) -> None:
    failing = WebhookEndpoint.objects.filter(pk=endpoint).exclude(failures=0, failing_since__isnull=True)
    failing.update(failures=0, failing_since=None, paused_until=None)


def _note_failure(key: int, answer: Answer, now: datetime) -> None:
    rows = WebhookEndpoint.objects.filter(pk=key)
    rows.update(failures=F("failures") + 1, failing_since=Coalesce("failing_since", now))
    endpoint = rows.first()
    if endpoint is None or not endpoint.active:
        return
    if answer.unreachable:
        pause = growing_wait(endpoint.failures, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
        asked_for = min(answer.retry_after or 0.0, LONGEST_ASKED_FOR)
        rows.update(paused_until=now + timedelta(seconds=max(pause, asked_for)))
    if answer.status == GONE:
        switching.switch_off_failing(endpoint, "It answered 410 Gone: it wants no more deliveries.")
    elif is_given_up(endpoint, now):
        switching.switch_off_failing(endpoint, f"No delivery has reached it for 3 days. {answer.problem}")


def is_given_up(endpoint: WebhookEndpoint, now: datetime) -> bool:
    since = endpoint.failing_since
    return since is not None and now - since >= SWITCHED_OFF_AFTER and endpoint.failures >= FEWEST_FAILURES


def give_up_old(now: datetime | None = None) -> int:
    """Fail deliveries that have waited for a day behind an endpoint that failed all the time, and those that
    were written at the moment when their endpoint was switched off. Returns how many."""
    before = (now or timezone.now()) - WINDOW
    waiting = WebhookDelivery.objects.filter(status=Status.PENDING, claimed_until__isnull=True)
    old = waiting.filter(created_at__lt=before, endpoint__failing_since__lt=before)
    off = waiting.filter(endpoint__active=False)
    count = 0
    for rows, words in ((old, TOO_OLD), (off, switching.NOT_SENT)):
        keys = list(rows.values_list("pk", flat=True)[:AT_ONCE])
        count += waiting.filter(pk__in=keys).update(status=Status.FAILED, error=words)
    return count
