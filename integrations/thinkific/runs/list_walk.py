"""A complete walk over a list: resumed where it stopped, repeated when pages shifted under it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Max, QuerySet

from core.services.mirror.outcome import Applied
from core.services.storage import bulk
from integrations.thinkific.runs import completeness
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.fetch import batches
from integrations.thinkific.runs.pages import RawPage

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
    context: RunContext,
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
    if name not in context.cursor:
        top = stored.aggregate(top=Max("pk"))["top"] if stored is not None else None
        context.cursor[name] = {"page": 0, "round": 1, "new": 0, "lost": 0, "nameless": 0, "total": None}
        context.cursor[name]["top"] = top or 0
    state = context.cursor[name]
    while not state.get("done"):
        if not state.get("ended"):  # left between its last page and here
            _round(context, name, state, path, apply, filters, counted, row_type)
        came = completeness.count(context, name, state, stored)
        verdict = completeness.judge(state, came)
        if asked:
            shrinks = verdict == completeness.SHORT and completeness.only_shrinks(state, came)
            verdict = completeness.COMPLETE if shrinks else verdict
            state["unsure"] = shrinks or completeness.moved(state, came)
        # A filtered list that moves is caught up by the overlap of the next one.
        if verdict == completeness.SHORT and stored is not None and state["round"] < completeness.ROUNDS:
            completeness.begin_again(context, name, state)
        else:
            state |= {"done": True, "verdict": verdict, "came": came.rows}
            context.forget(completeness.newest(name))
            if stored is not None and state.get("made", 0) >= MANY_NEW and not context.dry_run:
                bulk.refresh_statistics(stored.model)
    # A walk that was over before an upgrade has no verdict.
    return Walked(state.get("verdict", completeness.UNTOLD), state["total"], state.get("came", 0))


def _round(
    context: RunContext,
    name: str,
    state: dict[str, Any],
    path: str,
    apply: Callable[[list[RawPage]], Applied],
    filters: Mapping[str, Any] | None,
    counted: bool,
    row_type: type | None,
) -> None:
    pages = context.lists.walk(path, filters, first=state["page"] + 1)
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
                    context.run.fetched += sum(page.fetched for page in batch)
                    context.run.pages_done += len(batch)
                    context.count(applied)
                    for row in bad:
                        context.fail(f"{name} {row.id}", row.message)
                _note(context, name, state, applied)
                state["lost"] += len(bad)
                state["nameless"] += len(bad)
                state["page"], state["ended"] = batch[-1].number, is_last  # also when it is done again
                completeness.note_told(state, batch)
                if counted and batch[-1].total_pages is not None and state["round"] == 1:
                    context.run.pages_total = max(batch[-1].total_pages, context.run.pages_done)

            context.store(write, adds=pages.adds)
    finally:
        context.writer.settle()
    completeness.note_end(state, pages)


def _note(context: RunContext, name: str, state: dict[str, Any], applied: Applied) -> None:
    """Every row that came leaves one trace, whoever has made it and when: a stored row, or its Thinkific id
    where there is none of its own. So a row that comes twice counts once."""
    seen = context.seen(name) if state["round"] == 1 else context.seen(completeness.newest(name))
    context.numbers(name).add(applied.lost)
    # It has come and lost its stored row to another one; unless it has gone, and will not come.
    context.numbers(name).add(number for pk, number in applied.replaced if pk in seen)
    completeness.note_met(
        context, name, state, applied.met if context.dry_run else applied.met + applied.made
    )
    state["made"] = state.get("made", 0) + len(applied.made)
    if context.dry_run:  # their primary keys are given again to the next ones
        state["new"] += len(applied.made)


def not_judged(context: RunContext, what: str, walked: Walked) -> None:
    """Say that a walk was not complete, so that nothing counts as gone."""
    context.partial = True
    context.note(what, completeness.in_words(walked.verdict, what=what, total=walked.total, came=walked.came))
