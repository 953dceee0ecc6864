"""The walk over a REST list, of pulls and of reconciliations: resumed where it stopped, repeated when pages
shifted under it. They differ in what they do with the pages that come: see Handler."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db.models import Max, QuerySet

from core.services.mirror.outcome import Applied
from core.services.storage import bulk
from integrations.thinkific.runs import completeness
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.fetch import PageWalk, batches
from integrations.thinkific.runs.pages import RawPage
from integrations.thinkific.runs.state import COMPLETE, SHORT, ListState

MANY_NEW = 10_000  # rows from which on the database should look at the table anew


@dataclass
class Handler:
    """What is done with the pages of a list. `name` is the list's place in the cursor, and its set of met
    rows."""

    context: RunContext
    name: str

    state_type: ClassVar[type[ListState]] = ListState
    # Called in a step of its own when the list is walked once more.
    again: ClassVar[Callable[..., None] | None] = None

    @property
    def state(self) -> ListState:
        return self.context.place(self.state_type, self.name)

    def prepare(self, batch: list[RawPage]) -> Any:
        """Before the step, outside of its transaction. `write` gets what this returns."""

    def write(self, batch: list[RawPage], prepared: Any, pages: PageWalk) -> Applied:
        """Inside the step. Returns which rows came: `met`, `made` and `lost` count."""
        raise NotImplementedError


@dataclass
class Pulled(Handler):
    """Pages are given to `apply`, which stores them.

    `counted` says whether the rows belong to the run's counts. `row_type` is what `apply` decodes rows as:
    where most are news, they come decoded.
    """

    apply: Callable[[list[RawPage]], Applied]
    counted: bool = True
    row_type: type | None = None

    def write(self, batch: list[RawPage], prepared: Any, pages: PageWalk) -> Applied:
        applied = self.apply(batch)
        news = applied.created + applied.updated
        pages.ahead = self.row_type if news > applied.unchanged else None
        pages.patient = not news or news > applied.unchanged
        pages.adds = bool(applied.made) and not (applied.updated or applied.unchanged)
        if self.counted:
            run = self.context.run
            run.fetched += sum(page.fetched for page in batch)
            run.pages_done += len(batch)
            self.context.count(applied)
            for row in (row for page in batch for row in page.bad_rows):
                self.context.fail(f"{self.name} {row.id}", row.message)
            if batch[-1].total_pages is not None and self.state.round == 1:
                run.pages_total = max(batch[-1].total_pages, run.pages_done)
        return applied


def walk(
    path: str,
    handler: Handler,
    *,
    stored: QuerySet,
    filters: Mapping[str, Any] | None = None,
    asked: bool = False,
) -> ListState:
    """Walk a whole list; `complete` of what this returns says whether all of it came.

    `stored` are the rows that it should meet. `asked`: each row can be asked for by itself, and is before it
    counts as gone (see mark_missing), where rows were deleted while the list was walked again.
    """
    context, name = handler.context, handler.name
    is_new = name not in context.cursor
    state = handler.state
    if is_new:
        state.top = top_of(stored)
    while not state.done:
        if not state.ended:  # else it was left between its last page and here
            _round(path, handler, filters)
        came = completeness.count(context, name, state, stored)
        verdict = completeness.judge(state, came)
        if asked:
            shrinks = verdict == SHORT and completeness.only_shrinks(state, came)
            verdict = COMPLETE if shrinks else verdict
            state.unsure = shrinks or completeness.moved(state, came)
        # A filtered list that moves is caught up by the overlap of the next one.
        if verdict == SHORT and state.round < completeness.ROUNDS:
            _begin_again(handler)
        else:
            state.done, state.verdict, state.came = True, verdict, came.rows
            context.forget(completeness.newest(name))
            if state.made >= MANY_NEW and not context.dry_run:
                bulk.refresh_statistics(stored.model)
    return state


def top_of(stored: QuerySet) -> int:
    """The largest primary key: what is stored after this moment is not judged."""
    return stored.aggregate(top=Max("pk"))["top"] or 0


def _round(path: str, handler: Handler, filters: Mapping[str, Any] | None) -> None:
    context, state = handler.context, handler.state
    pages = context.lists.walk(path, filters, first=state.page + 1)
    try:
        for batch in batches(pages):
            prepared = handler.prepare(batch)

            def write(
                batch: list[RawPage] = batch, prepared: Any = prepared, is_last: bool = pages.is_over
            ) -> None:
                _note(handler, handler.write(batch, prepared, pages))
                bad = sum(len(page.bad_rows) for page in batch)
                state.lost += bad
                state.nameless += bad
                state.page, state.ended = batch[-1].page, is_last  # also when it is done again
                completeness.note_told(state, batch)

            context.store(write, adds=pages.adds)
    finally:
        context.writer.settle()
    state.ended, state.endless = True, pages.is_endless


def _begin_again(handler: Handler) -> None:
    context, name, state = handler.context, handler.name, handler.state

    def write() -> None:
        if handler.again is not None:
            handler.again()
        completeness.begin_again(context, name, state)

    if handler.again is not None:
        context.store(write)
    else:
        write()


def _note(handler: Handler, applied: Applied) -> None:
    """Every row that came leaves one trace, whoever has made it and when: a stored row, or its Thinkific id
    where there is none of its own. So a row that comes twice counts once."""
    context, name, state = handler.context, handler.name, handler.state
    seen = context.seen(name) if state.round == 1 else context.seen(completeness.newest(name))
    context.numbers(name).add(applied.lost)
    # It has come and lost its stored row to another one; unless it has gone, and will not come.
    context.numbers(name).add(number for pk, number in applied.replaced if pk in seen)
    made = [] if context.dry_run else applied.made
    completeness.note_met(context, name, state, applied.met + made)
    state.made += len(applied.made)
    if context.dry_run:  # their primary keys are given again to the next ones
        state.new += len(applied.made)


def not_judged(context: RunContext, what: str, walked: ListState) -> None:
    """Say that a walk was not complete, so that nothing counts as gone."""
    context.partial = True
    context.note(what, completeness.in_words(walked.verdict, what=what, total=walked.total, came=walked.came))
