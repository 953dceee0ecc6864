"""What Thinkific last said about our credentials, for the first page and the health check."""

from datetime import timedelta

from django.utils import timezone

from core.moments import is_older
from core.services import outbox
from integrations import event_wake_ups
from integrations.models import ConnectionState
from integrations.thinkific.client.errors import RetryLater, ThinkificError

FRESH = timedelta(minutes=5)


def note(surface: str, *, ok: bool, detail: str = "", answered: bool = True) -> None:
    """Remember it; `surface` is REST, GraphQL or webhooks. Repeated good news is written now and then."""
    known = ConnectionState.objects.filter(surface=surface).first()
    if known is not None and ok and known.ok and not is_older(known.checked_at, timezone.now(), than=FRESH):
        return
    record(surface, ok=ok, detail=detail, answered=answered)


def note_silence(error: ThinkificError) -> None:
    """Remember that something was given up because a surface did not answer, or only with errors of its own;
    other errors say nothing of the connection."""
    if isinstance(error, RetryLater) and error.surface:
        note(error.surface, ok=False, detail=str(error), answered=False)


def record(surface: str, *, ok: bool, detail: str, answered: bool = True) -> ConnectionState:
    """Remember it whatever is known; `answered` is false where Thinkific was not reached, or in trouble of
    its own. What waited for credentials that work again goes on at once."""
    refused = ok and ConnectionState.objects.filter(surface=surface, ok=False).exists()
    state, _ = ConnectionState.objects.update_or_create(
        surface=surface,
        defaults={"ok": ok, "answered": answered, "detail": detail, "checked_at": timezone.now()},
    )
    if refused:
        outbox.wake_drain()
        event_wake_ups.wait_no_longer()
    return state
