"""What Thinkific last said about our credentials, for the first page and the health check."""

from datetime import timedelta

from django.utils import timezone

from integrations.models import ConnectionState

FRESH = timedelta(minutes=5)


def note(surface: str, *, ok: bool, detail: str = "") -> None:
    """Remember it; `surface` is REST, GraphQL or webhooks. Repeated good news is written now and then."""
    now = timezone.now()
    known = ConnectionState.objects.filter(surface=surface).first()
    if known is not None and ok and known.ok and now - known.checked_at < FRESH:
        return
    ConnectionState.objects.update_or_create(
        surface=surface, defaults={"ok": ok, "detail": detail, "checked_at": now}
    )
