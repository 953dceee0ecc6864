"""Marks stored rows as removed that did not come in a complete walk, at most as many as the guard allows."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import QuerySet
from msgspec import UNSET, UnsetType

from core.models import OutboxEntry, SiteSettings
from integrations.models import SyncRun
from integrations.thinkific.client.errors import NotFound
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.list_walk import note_incomplete
from integrations.thinkific.runs.state import ListState, Place

REMOVED_AT_ONCE = 1000
NEVER_EMPTIED = 10  # a list with this many rows is not emptied unless a person has confirmed it
NEVER_GUARDED = 3  # with at least this many rows, one may always be removed
ASKED = 250  # the most rows that are requested one by one


class Confirmed(Place):
    removals_used: int | UnsetType = UNSET  # how many of the confirmed removals were done


def mark_missing(
    context: RunContext,
    name: str,
    stored: QuerySet,
    remove: Callable[..., int],
    *,
    walked: ListState | None = None,
    top: int = 0,
    nameless: int = 0,
    what: str = "rows",
    ask: Callable[[int], Any] | None = None,
) -> None:
    """Mark stored rows as removed that did not come in a complete walk, at most as many as the guard allows.

    `walked` is the walk over the list; if it is not complete, the run notes that and nothing is marked.
    Without `walked`, `top` is the largest primary key when the walk began, and `nameless` the number of rows
    that came without an id. `remove` is called inside a transaction with some primary keys, the reason for
    the history and the moment; it returns how many it marked. `ask` requests one row from Thinkific by its
    Thinkific id, and raises NotFound.
    """
    if walked is not None:
        if not walked.complete:
            note_incomplete(context, what, walked)
            return
        top, nameless = walked.top, walked.nameless
    candidates = stored.filter(pk__lte=top).order_by()
    live, seen = candidates.count(), context.seen(name)
    # Nearly always nothing is missing. After failed or skipped rows the set may hold other rows as well.
    if live == seen.up_to(top) and name in context.cursor and not (context.run.failed or context.run.skipped):
        return
    pks = candidates.values_list("pk", flat=True).iterator(chunk_size=5000)
    missing = _without_ours(context, stored, [pk for pk in pks if pk not in seen])
    if ask is not None and walked is not None and walked.unsure:
        missing = _really_gone(stored, missing, ask)
    # Each row without an id may be one of the missing rows.
    if len(missing) <= nameless:
        return
    why = _too_many(context, len(missing), live)
    confirmed = bool(why) and len(missing) <= _confirmed(context)
    if why and not confirmed:
        context.run.guarded += len(missing)
        context.partial = True
        context.note(
            what,
            f"{len(missing):,} of {live:,} {what} are missing in Thinkific, {why}. Nothing was marked. Look "
            "at Thinkific; if they are really gone, confirm the removal on this run's page.",
        )
        return
    _mark(context, missing, remove, confirmed=confirmed)


def _mark(context: RunContext, missing: list[int], remove: Callable[..., int], *, confirmed: bool) -> None:
    for start in range(0, len(missing), REMOVED_AT_ONCE):
        part = missing[start : start + REMOVED_AT_ONCE]

        def write(part: list[int] = part) -> None:
            context.run.removed += remove(part, source=context.source, now=context.now)
            if confirmed:  # in the same step, so that a resumed run knows how many are left
                used = context.place(Confirmed)
                used.removals_used = (used.removals_used or 0) + len(part)

        context.store(write)


def _really_gone(stored: QuerySet, missing: list[int], ask: Callable[[int], Any]) -> list[int]:
    """Returns the missing rows that Thinkific does not know any more. If more than ASKED are missing, all are
    returned without a request: the walk cannot have overlooked so many."""
    if len(missing) > ASKED:
        return missing
    gone = []
    for pk, number in stored.filter(pk__in=missing).order_by("pk").values_list("pk", "thinkific_id"):
        try:
            ask(number)
        except NotFound:
            gone.append(pk)
    return gone


def _confirmed(context: RunContext) -> float:
    """Returns how many removals a person has confirmed that are not done yet."""
    number = context.run.options.get("allow_removals") or 0
    # An older version stores True, which confirms any number.
    return math.inf if number is True else number - (context.place(Confirmed).removals_used or 0)


def _too_many(context: RunContext, missing: int, live: int) -> str:
    """Returns why the guard stops this many removals; empty if it allows them."""
    if _held_back(context):
        return "and an earlier removal was not confirmed"
    percent = SiteSettings.load().deletion_guard_percent
    if missing <= max(live * percent // 100, int(live >= NEVER_GUARDED and percent > 0)):
        return ""
    return f"more than the {percent} % that a run may mark as removed by itself"


def _held_back(context: RunContext) -> bool:
    """Returns whether the guard stopped the last full run of this kind and nobody has confirmed it since.
    Otherwise new rows could make the share of missing ones small enough to be removed."""
    ended = SyncRun.objects.filter(kind=context.run.kind, full=True, finished_at__isnull=False)
    last = ended.exclude(pk=context.run.pk).order_by("-id").first()
    return last is not None and last.guarded > 0


def is_suddenly_empty(context: RunContext, what: str, walked: ListState, known: QuerySet) -> bool:
    """Returns whether the list of one object (a group, a bundle) came empty although many rows are stored.

    Thinkific also returns an empty list for an object that it does not know (any more), so the guard stops
    the removals until a person confirms them.
    """
    if walked.total:
        return False
    live = known.count()
    if live < NEVER_EMPTIED or live <= _confirmed(context):
        return False

    def note() -> None:
        context.run.guarded += live
        context.partial = True
        context.note(
            what,
            f"Thinkific lists nobody, and {live:,} are known here. Nothing was marked. Look at Thinkific; if "
            "they are really gone, confirm the removal on this run's page.",
        )

    context.store(note)
    return True


def _without_ours(context: RunContext, stored: QuerySet, pks: Iterable[int]) -> list[int]:
    """Returns the rows without those that we created or changed in Thinkific during the walk: it may have
    read their page before."""
    started = context.run.started_at
    entity = stored.model._meta.model_name or ""
    entries = OutboxEntry.objects.filter(entity=entity)
    ours = set(entries.unsent().values_list("object_id", flat=True))
    if started is not None:
        ours |= set(entries.filter(finished_at__gte=started).values_list("object_id", flat=True))
    return [pk for pk in pks if pk not in ours]
