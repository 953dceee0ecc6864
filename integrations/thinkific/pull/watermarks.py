"""Up to when we know what changed in Thinkific: where a pull of changes begins."""

from collections.abc import Iterable
from datetime import datetime

from integrations.models import SyncRun
from integrations.thinkific.runs.context import RunContext


def last_watermark(kind: str) -> datetime | None:
    """Where the last complete walk of this kind left off, in Thinkific's own time (of people: when it was
    begun, by our clock); None before the first."""
    done = (SyncRun.Status.SUCCEEDED, SyncRun.Status.PARTIAL)
    runs = SyncRun.objects.filter(kind=kind, status__in=done, cursor__has_key="watermark")
    for cursor in runs.order_by("-id").values_list("cursor", flat=True)[:1]:
        return datetime.fromisoformat(cursor["watermark"])
    return None


def note_newest(context: RunContext, moments: Iterable[datetime]) -> None:
    """Remember the newest change among rows that have come."""
    newest = max(moments, default=None)
    known = context.cursor.get("newest")
    if newest is not None and (known is None or datetime.fromisoformat(known) < newest):
        context.cursor["newest"] = newest.isoformat()


def set_watermark(context: RunContext, since: datetime | None) -> None:
    """After a complete walk (of what changed `since`; None: of everything): the next one begins at the newest
    change that came, and not after the moment at which this one began. What changed while it went on may
    have been on a page that it had passed; and a clock of theirs that runs ahead must not make us skip rows.
    """
    newest, asked_at = context.cursor.get("newest"), datetime.fromisoformat(context.cursor["asked_at"])
    moment = min(datetime.fromisoformat(newest), asked_at) if newest else None
    floor = since or last_watermark(context.run.kind)
    found = [one for one in (moment, floor) if one is not None]
    if found:
        context.cursor["watermark"] = max(found).isoformat()
