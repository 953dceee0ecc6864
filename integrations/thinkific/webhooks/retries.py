"""Trying an event again: by itself after an error, or because an administrator asks for it."""

from django.db.models import QuerySet
from django.utils import timezone

from core.services.leases import growing_wait
from integrations.event_wake_ups import WAITS, wake
from integrations.models import InboundEvent
from integrations.thinkific.client.errors import (
    CredentialsRefused,
    Interrupted,
    NotConfigured,
    RetryLater,
    ThinkificError,
)
from integrations.thinkific.webhooks.inbox import Verdict, failed, later

FIRST_RETRY, LONGEST_RETRY = 15.0, 1800.0  # seconds
TRIES = 10  # in more than two hours; until then a pull has brought the change that the event reports
CREDENTIALS_WAIT = 300.0  # seconds


def postpone(error: ThinkificError, attempts: int) -> Verdict:
    """Returns the verdict on an event whose request to Thinkific has raised `error`."""
    if isinstance(error, CredentialsRefused | NotConfigured):
        return later(f"{WAITS}{error}", seconds=CREDENTIALS_WAIT, counted=False)
    if isinstance(error, Interrupted):
        return later(f"{WAITS}{error}", seconds=0.0, counted=False)
    if not isinstance(error, RetryLater):
        return failed(str(error))
    if attempts >= TRIES:
        return failed(f"Given up after {attempts} tries: {error} The next pull brings what it was about.")
    wait = growing_wait(attempts, first=FIRST_RETRY, longest=LONGEST_RETRY)
    return later(f"{WAITS}{error}", seconds=max(wait, error.seconds(wait)))


def reopen(events: QuerySet[InboundEvent]) -> int:
    """Process ended events once more. Returns how many."""
    settled = events.exclude(status=InboundEvent.Status.RECEIVED)
    count = settled.update(
        status=InboundEvent.Status.RECEIVED,
        outcome="",
        attempts=0,
        crashes=0,
        not_before=timezone.now(),
        processed_at=None,
        claimed_by="",
        claimed_until=None,
    )
    if count:
        wake()
    return count
