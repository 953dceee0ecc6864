"""Up to when we know what changed in Thinkific: where a pull of changes begins."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import UNSET, UnsetType

from integrations.models import SyncRun
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.state import Place


class Changes(Place):
    since: datetime | UnsetType | None = UNSET  # None: everything is pulled
    asked_at: datetime | UnsetType = UNSET  # when the run began
    newest: datetime | UnsetType = UNSET  # change among the rows that have come
    watermark: datetime | UnsetType = UNSET


def begin(context: RunContext) -> datetime | None:
    """Since when changes are to be pulled; None for everything. The same each time the run is taken up."""
    place = context.place(Changes)
    if place.since is UNSET:
        place.since = None if context.run.full else last_watermark(context.run.kind)
        place.asked_at = context.now
    context.run.full = place.since is None  # a kill leaves it as it was asked for
    return place.since


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
    place = context.place(Changes)
    known = () if place.newest is UNSET else (place.newest,)
    place.newest = max((*moments, *known), default=UNSET)


def set_watermark(context: RunContext, since: datetime | None) -> None:
    """After a complete walk (of what changed `since`; None: of everything): the next one begins at the newest
    change that came, and not after the moment at which this one began. What changed while it went on may
    have been on a page that it had passed; and a clock of theirs that runs ahead must not make us skip rows.
    """
    place = context.place(Changes)
    moment = min(place.newest, place.asked_at or context.now) if place.newest else None
    floor = since or last_watermark(context.run.kind)
    found = [one for one in (moment, floor) if one is not None]
    if found:
        place.watermark = max(found)
