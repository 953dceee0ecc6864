"""A complete walk over a list: resumed where it stopped, repeated when pages shifted under it, and what of
the stored rows it did not meet."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Max, QuerySet

from core.models import OutboxEntry, SiteSettings
from core.services.mirror.outcome import Applied
from core.services.storage import bulk
from integrations.models import SyncRun
from integrations.thinkific.client.errors import NotFound
from integrations.thinkific.runs import completeness
from integrations.thinkific.runs.context import Pull
from integrations.thinkific.runs.fetch import batches
from integrations.thinkific.runs.pages import RawPage

REMOVED_AT_ONCE = 1000
NEVER_EMPTIED = 10  # so many do not vanish all at once without a person's word
NEVER_GUARDED = 3  # up from so few rows a single one may always go
USED = "removals_used"  # in the cursor: how many of those that a person confirmed are carried out
ASKED = 250  # rows at most that are asked for one by one
MANY_NEW = 10_000  # rows from which on the database should look at the table anew


@dataclass(frozen=True)
class Walked:
    """`complete`: as many different rows came as Thinkific says there are; else `verdict` says what is wrong
    (see completeness.py)."""

    verdict: str
    total: int | None
    came: int = 0

    @property
    def complete(self) -> bool:
        return self.verdict == completeness.COMPLETE


def walk(
    pull: Pull,
    name: str,
    path: str,
    apply: Callable[[list[RawPage]], Applied],
    *,
    stored: QuerySet | None = None,
    filters: Mapping[str, Any] | None = None,
    counted: bool = True,
    row_type: type | None = None,
    asked: bool = False,
) -> Walked:
    """Walk a REST list, handing batches of pages to `apply` inside transactions.

    `name` is the list's place in the cursor and its set of met rows. `stored` are the rows that it should
    meet. `counted` says whether its rows belong to the run's counts. `row_type` is what `apply` decodes rows
    as: where most are news, they come decoded. `asked`: each row can be asked for by itself, and is before
    it counts as gone (see mark_missing), where rows were deleted while the list was walked again.
    """
    if name not in pull.cursor:
        top = stored.aggregate(top=Max("pk"))["top"] if stored is not None else None
        pull.cursor[name] = {"page": 0, "round": 1, "new": 0, "lost": 0, "nameless": 0, "total": None}
        pull.cursor[name]["top"] = top or 0
    state = pull.cursor[name]
    while not state.get("done"):
        if not state.get("ended"):  # left between its last page and here
            _round(pull, name, state, path, apply, filters, counted, row_type)
        came = completeness.count(pull, name, state, stored)
        verdict = completeness.judge(state, came)
        if asked:
            shrinks = verdict == completeness.SHORT and completeness.only_shrinks(state, came)
            verdict = completeness.COMPLETE if shrinks else verdict
            state["unsure"] = shrinks or completeness.moved(state, came)
        # A filtered list that moves is caught up by the overlap of the next one.
        if verdict == completeness.SHORT and stored is not None and state["round"] < completeness.ROUNDS:
            completeness.begin_again(pull, name, state)
        else:
            state |= {"done": True, "verdict": verdict, "came": came.rows}
            pull.forget(completeness.newest(name))
            if stored is not None and state.get("made", 0) >= MANY_NEW and not pull.dry_run:
                bulk.refresh_statistics(stored.model)
    # A walk that was over before an upgrade has no verdict.
    return Walked(state.get("verdict", completeness.UNTOLD), state["total"], state.get("came", 0))


def _round(
    pull: Pull,
    name: str,
    state: dict[str, Any],
    path: str,
    apply: Callable[[list[RawPage]], Applied],
    filters: Mapping[str, Any] | None,
    counted: bool,
    row_type: type | None,
) -> None:
    pages = pull.lists.walk(path, filters, first=state["page"] + 1)
    try:
        for batch in batches(pages):

            def write(batch: list[RawPage] = batch, is_last: bool = pages.is_over) -> None:
                applied = apply(batch)
                news = applied.created + applied.updated
                pages.ahead = row_type if news > applied.unchanged else None
                pages.patient = not news or news > applied.unchanged
                pages.adds = bool(applied.made) and not (applied.updated or applied.unchanged)
                bad = [row for page in batch for row in page.bad_rows]
                if counted:
                    pull.run.fetched += sum(page.fetched for page in batch)
                    pull.run.pages_done += len(batch)
                    pull.count(applied)
                    for row in bad:
                        pull.fail(f"{name} {row.id}", row.message)
                _note(pull, name, state, applied)
                state["lost"] += len(bad)
                state["nameless"] += len(bad)
                state["page"], state["ended"] = batch[-1].number, is_last  # also when it is done again
                completeness.note_told(state, batch)
                if counted and batch[-1].total_pages is not None and state["round"] == 1:
                    pull.run.pages_total = max(batch[-1].total_pages, pull.run.pages_done)

            pull.store(write, adds=pages.adds)
    finally:
        pull.writer.settle()
    completeness.note_end(state, pages)


def _note(pull: Pull, name: str, state: dict[str, Any], applied: Applied) -> None:
    """Every row that came leaves one trace, whoever has made it and when: a stored row, or its Thinkific id
    where there is none of its own. So a row that comes twice counts once."""
    seen = pull.seen(name) if state["round"] == 1 else pull.seen(completeness.newest(name))
    pull.numbers(name).add(applied.lost)
    # It has come and lost its stored row to another one; unless it has gone, and will not come.
    pull.numbers(name).add(number for pk, number in applied.replaced if pk in seen)
    completeness.note_met(pull, name, state, applied.met if pull.dry_run else applied.met + applied.made)
    state["made"] = state.get("made", 0) + len(applied.made)
    if pull.dry_run:  # their primary keys are given again to the next ones
        state["new"] += len(applied.made)


def mark_missing(
    pull: Pull,
    name: str,
    stored: QuerySet,
    remove: Callable[[list[int]], int],
    *,
    top: int | None = None,
    what: str = "rows",
    ask: Callable[[int], Any] | None = None,
) -> None:
    """Mark as removed what a complete walk did not meet; never more than the deletion guard allows. How many
    rows came without an id is in the walk's state or, without one, in the cursor.

    `remove` gets primary keys, some at a time, inside a transaction, and answers how many it marked. `ask`
    asks Thinkific for one row by its id there, and raises NotFound.
    """
    top = pull.cursor[name]["top"] if top is None else top
    candidates = stored.filter(pk__lte=top).order_by()
    live, seen = candidates.count(), pull.seen(name)
    # As nearly always. The set of other lists may hold more, and so may one with rows that were left out.
    if live == seen.up_to(top) and name in pull.cursor and not (pull.run.failed or pull.run.skipped):
        return
    pks = candidates.values_list("pk", flat=True).iterator(chunk_size=5000)
    missing = _without_ours(pull, stored, [pk for pk in pks if pk not in seen])
    if ask is not None and (pull.cursor.get(name) or {}).get("unsure"):
        missing = _really_gone(stored, missing, ask)
    # A row without an id may be any of them.
    if len(missing) <= (pull.cursor.get(name) or pull.cursor).get("nameless", 0):
        return
    why = _too_many(pull, len(missing), live)
    confirmed = bool(why) and len(missing) <= _confirmed(pull)
    if why and not confirmed:
        pull.run.guarded += len(missing)
        pull.partial = True
        pull.note(
            what,
            f"{len(missing):,} of {live:,} {what} are missing in Thinkific, {why}. Nothing was marked. Look "
            "at Thinkific; if they are really gone, confirm the removal on this run's page.",
        )
        return
    for start in range(0, len(missing), REMOVED_AT_ONCE):
        part = missing[start : start + REMOVED_AT_ONCE]

        def write(part: list[int] = part) -> None:
            pull.run.removed += remove(part)
            if confirmed:  # with the rows, so that a run that goes on knows what is left of it
                pull.cursor[USED] = pull.cursor.get(USED, 0) + len(part)

        pull.store(write)


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


def _confirmed(pull: Pull) -> float:
    """How many removals a person has confirmed that are not carried out yet."""
    number = pull.run.options.get("allow_removals") or 0
    # An older version let as many go as there were.
    return math.inf if number is True else number - pull.cursor.get(USED, 0)


def _too_many(pull: Pull, missing: int, live: int) -> str:
    """Why the guard keeps so many rows from being marked; empty when it does not."""
    if _held_back(pull):
        return "and an earlier removal was not confirmed"
    percent = SiteSettings.load().deletion_guard_percent
    if missing <= max(live * percent // 100, int(live >= NEVER_GUARDED and percent > 0)):
        return ""
    return f"more than the {percent} % that a run may mark as removed by itself"


def _held_back(pull: Pull) -> bool:
    """Whether the guard stopped the last complete walk of this kind and nobody has confirmed it since. New
    rows must not make the missing ones few enough to go after all."""
    ended = SyncRun.objects.filter(kind=pull.run.kind, full=True, finished_at__isnull=False)
    last = ended.exclude(pk=pull.run.pk).order_by("-id").first()
    return last is not None and last.guarded > 0


def emptied(pull: Pull, what: str, walked: Walked, known: QuerySet) -> bool:
    """Whether a list that belongs to one thing (a group, a bundle) came empty although many stand here.

    Thinkific answers so for what it does not know (any more), too: the guard keeps that from being believed.
    """
    if walked.total:
        return False
    live = known.count()
    if live < NEVER_EMPTIED or live <= _confirmed(pull):
        return False

    def note() -> None:
        pull.run.guarded += live
        pull.partial = True
        pull.note(
            what,
            f"Thinkific lists nobody, and {live:,} are known here. Nothing was marked. Look at Thinkific; if "
            "they are really gone, confirm the removal on this run's page.",
        )

    pull.store(note)
    return True


def _without_ours(pull: Pull, stored: QuerySet, pks: Iterable[int]) -> list[int]:
    """Without those that we created or changed in Thinkific while the walk was under way: it may have passed
    their place before they were there."""
    started = pull.run.started_at
    entity = stored.model._meta.model_name or ""
    entries = OutboxEntry.objects.filter(entity=entity)
    ours = set(entries.unsent().values_list("object_id", flat=True))
    if started is not None:
        ours |= set(entries.filter(finished_at__gte=started).values_list("object_id", flat=True))
    return [pk for pk in pks if pk not in ours]


def not_judged(pull: Pull, what: str, walked: Walked) -> None:
    """Say that a walk was not complete, so that nothing counts as gone."""
    pull.partial = True
    pull.note(what, completeness.in_words(walked.verdict, what=what, total=walked.total, came=walked.came))
