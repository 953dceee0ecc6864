"""The moment up to which changes in Thinkific are known, where the next pull of changes begins."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import UNSET, UnsetType

from integrations.models import SyncRun
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.state import Place


class Changes(Place):
    since: datetime | UnsetType | None = UNSET  # None: everything is pulled
    asked_at: datetime | UnsetType = UNSET  # when the run began
    newest: datetime | UnsetType = UNSET  # the newest change of rows that have come
    watermark: datetime | UnsetType = UNSET


def begin(context: RunContext) -> datetime | None:
    """Returns since when changes are to be pulled; None for everything. The result stays the same when the
    run is resumed."""
    place = context.place(Changes)
    if place.since is UNSET:
        place.since = None if context.run.full else last_watermark(context.run.kind)
        place.asked_at = context.now
    context.run.full = place.since is None  # after a kill, the row still has the value that was asked for
    return place.since


def last_watermark(kind: str) -> datetime | None:
    """Returns the watermark of the last complete walk of this kind, by Thinkific's clock (of people: when the
    walk began, by our clock); None if there is none."""
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
    """Set where the next pull of changes begins, after a complete walk over changes `since` (None: over all).

    That is the newest change that came, but not later than the start of this walk: later changes may have
    been on pages that were read before. This also holds when Thinkific's clock is ahead of ours.
    """
    place = context.place(Changes)
    moment = min(place.newest, place.asked_at or context.now) if place.newest else None
    floor = since or last_watermark(context.run.kind)
    found = [one for one in (moment, floor) if one is not None]
    if found:
        place.watermark = max(found)
