"""Storing what Thinkific last said about our credentials, for the home page and the health check."""

from datetime import timedelta

from django.utils import timezone

from core.moments import is_older
from core.services import outbox
from integrations import event_wake_ups
from integrations.models import ConnectionState
from integrations.thinkific.client.errors import RetryLater, ThinkificError

FRESH = timedelta(minutes=5)


def note(surface: str, *, ok: bool, detail: str = "", answered: bool = True) -> None:
    """Store whether a surface (REST, GraphQL or webhooks) accepted our credentials.

    A repeated success is stored at most every five minutes.
    """
    known = ConnectionState.objects.filter(surface=surface).first()
    if known is not None and ok and known.ok and not is_older(known.checked_at, timezone.now(), than=FRESH):
        return
    record(surface, ok=ok, detail=detail, answered=answered)


def note_no_answer(error: ThinkificError) -> None:
    """Store that a surface did not answer, or answered with a server error.

    Other errors are ignored: they say nothing about the connection.
    """
    if isinstance(error, RetryLater) and error.surface:
        note(error.surface, ok=False, detail=str(error), answered=False)


def record(surface: str, *, ok: bool, detail: str, answered: bool = True) -> ConnectionState:
    """Store the state of a surface, also if it has not changed.

    `answered` is False if Thinkific could not be reached or had a server error. If the surface works again,
    changes and events that waited for it are processed at once.
    """
    refused = ok and ConnectionState.objects.filter(surface=surface, ok=False).exists()
    state, _ = ConnectionState.objects.update_or_create(
        surface=surface,
        defaults={"ok": ok, "answered": answered, "detail": detail, "checked_at": timezone.now()},
    )
    if refused:
        outbox.wake_drain()
        event_wake_ups.retry_waiting()
    return state
