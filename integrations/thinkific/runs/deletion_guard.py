"""What a complete walk did not meet is marked as removed; never more than the deletion guard allows."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import QuerySet
from msgspec import UNSET, UnsetType

from core.models import OutboxEntry, SiteSettings
from integrations.models import SyncRun
from integrations.thinkific.client.errors import NotFound
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.list_walk import not_judged
from integrations.thinkific.runs.state import ListState, Place

REMOVED_AT_ONCE = 1000
NEVER_EMPTIED = 10  # so many do not vanish all at once without a person's word
NEVER_GUARDED = 3  # up from so few rows a single one may always go
ASKED = 250  # rows at most that are asked for one by one


class Confirmed(Place):
    removals_used: int | UnsetType = UNSET  # how many of those that a person confirmed are carried out


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
    """Mark as removed what a complete walk did not meet; never more than the deletion guard allows.

    `walked` is the walk of the list; where it is not complete, that is said. Without one, `top` is the
    largest primary key that was there before, and `nameless` says how many rows came without an id. `remove`
    gets primary keys, some at a time, inside a transaction, with the history's reason and the moment, and
    returns how many it marked. `ask` asks Thinkific for one row by its id there, and raises NotFound.
    """
    if walked is not None:
        if not walked.complete:
            not_judged(context, what, walked)
            return
        top, nameless = walked.top, walked.nameless
    candidates = stored.filter(pk__lte=top).order_by()
    live, seen = candidates.count(), context.seen(name)
    # As nearly always. The set of other lists may hold more, and so may one with rows that were left out.
    if live == seen.up_to(top) and name in context.cursor and not (context.run.failed or context.run.skipped):
        return
    pks = candidates.values_list("pk", flat=True).iterator(chunk_size=5000)
    missing = _without_ours(context, stored, [pk for pk in pks if pk not in seen])
    if ask is not None and walked is not None and walked.unsure:
        missing = _really_gone(stored, missing, ask)
    # A row without an id may be any of them.
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
            if confirmed:  # with the rows, so that a run that goes on knows what is left of it
                used = context.place(Confirmed)
                used.removals_used = (used.removals_used or 0) + len(part)

        context.store(write)


def _really_gone(stored: QuerySet, missing: list[int], ask: Callable[[int], Any]) -> list[int]:
    """Those of the missing rows that Thinkific does not know any more. Far more than can have been passed
    over, because rows came and went while the list was walked, are not asked for."""
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
    """How many removals a person has confirmed that are not carried out yet."""
    number = context.run.options.get("allow_removals") or 0
    # An older version let as many go as there were.
    return math.inf if number is True else number - (context.place(Confirmed).removals_used or 0)


def _too_many(context: RunContext, missing: int, live: int) -> str:
    """Why the guard keeps so many rows from being marked; empty when it does not."""
    if _held_back(context):
        return "and an earlier removal was not confirmed"
    percent = SiteSettings.load().deletion_guard_percent
    if missing <= max(live * percent // 100, int(live >= NEVER_GUARDED and percent > 0)):
        return ""
    return f"more than the {percent} % that a run may mark as removed by itself"


def _held_back(context: RunContext) -> bool:
    """Whether the guard stopped the last complete walk of this kind and nobody has confirmed it since. New
    rows must not make the missing ones few enough to go after all."""
    ended = SyncRun.objects.filter(kind=context.run.kind, full=True, finished_at__isnull=False)
    last = ended.exclude(pk=context.run.pk).order_by("-id").first()
    return last is not None and last.guarded > 0


def emptied(context: RunContext, what: str, walked: ListState, known: QuerySet) -> bool:
    """Whether a list that belongs to one thing (a group, a bundle) came empty although many stand here.

    Thinkific answers so for what it does not know (any more), too: the guard keeps that from being believed.
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
    """Without those that we created or changed in Thinkific while the walk was under way: it may have passed
    their place before they were there."""
    started = context.run.started_at
    entity = stored.model._meta.model_name or ""
    entries = OutboxEntry.objects.filter(entity=entity)
    ours = set(entries.unsent().values_list("object_id", flat=True))
    if started is not None:
        ours |= set(entries.filter(finished_at__gte=started).values_list("object_id", flat=True))
    return [pk for pk in pks if pk not in ours]
