"""The walk over a REST list, for pulls and reconciliations.

A walk is resumed where it stopped, and repeated when rows moved between pages. What is done with the pages
is up to a Handler.
"""

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

MANY_NEW = 10_000  # after so many new rows the database updates its statistics of the table


@dataclass
class Handler:
    """What is done with the pages of a list. `name` is the name of the list in the cursor, and of its set of
    seen rows."""

    context: RunContext
    name: str

    # Called in a step of its own before the list is walked again.
    again: ClassVar[Callable[..., None] | None] = None

    @property
    def state(self) -> ListState:
        return self.context.place(ListState, self.name)

    def prepare(self, batch: list[RawPage]) -> Any:
        """Called before the step, outside of its transaction. Returns the value that `write` gets."""

    def write(self, batch: list[RawPage], prepared: Any, pages: PageWalk) -> Applied:
        """Called inside the step. Returns which rows came, in `met`, `made`, `lost` and `replaced`."""
        raise NotImplementedError


@dataclass
class Pulled(Handler):
    """Passes pages to `apply`, which stores them.

    `counted` says whether the rows belong to the counts of the run. `row_type` is the type that `apply`
    decodes rows as; when most rows are new, they are decoded in advance.
    """

    apply: Callable[[list[RawPage]], Applied]
    counted: bool = True
    row_type: type | None = None

    def write(self, batch: list[RawPage], prepared: Any, pages: PageWalk) -> Applied:
        applied = self.apply(batch)
        changed = applied.created + applied.updated
        pages.ahead = self.row_type if changed > applied.unchanged else None
        pages.fills_batches = not changed or changed > applied.unchanged
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
    """Walk a whole list. Returns its state, where `complete` says whether all of the list came.

    `stored` are the stored rows of the list. `asked` says that missing rows can be requested one by one
    before they count as gone (see mark_missing); then rows may be deleted while the list is walked again.
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
        verdict = completeness.verdict_of(state, came)
        if asked:
            shrinks = verdict == SHORT and completeness.only_shrinks(state, came)
            verdict = COMPLETE if shrinks else verdict
            state.unsure = shrinks or completeness.moved(state, came)
        # Rows that a walk over a filtered list missed come with the next one, whose time overlaps this one's.
        if verdict == SHORT and state.round < completeness.ROUNDS:
            _begin_again(handler)
        else:
            state.done, state.verdict, state.came = True, verdict, came.rows
            context.forget(completeness.newest(name))
            if state.made >= MANY_NEW and not context.dry_run:
                bulk.refresh_statistics(stored.model)
    return state


def top_of(stored: QuerySet) -> int:
    """Returns the largest primary key. Rows stored later do not count as missing."""
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
                state.page, state.ended = batch[-1].page, is_last  # the same when the step is repeated
                completeness.note_totals(state, batch)

            context.store(write, adds=pages.adds)
    finally:
        context.writer.wait_until_committed()
    state.ended, state.endless = True, pages.is_endless


def _begin_again(handler: Handler) -> None:
    context, name, state = handler.context, handler.name, handler.state

    def write() -> None:
        if handler.again is not None:
            handler.again()
        completeness.start_round(context, name, state)

    if handler.again is not None:
        context.store(write)
    else:
        write()


def _note(handler: Handler, applied: Applied) -> None:
    """Note each row that came: by its stored row, or by its Thinkific id if it has none of its own. So a row
    that comes twice counts once."""
    context, name, state = handler.context, handler.name, handler.state
    seen = context.seen(name) if state.round == 1 else context.seen(completeness.newest(name))
    context.numbers(name).add(applied.lost)
    # These came before and lost their stored row to another one. Those not in `seen` were deleted.
    context.numbers(name).add(number for pk, number in applied.replaced if pk in seen)
    made = [] if context.dry_run else applied.made
    completeness.note_seen(context, name, state, applied.met + made)
    state.made += len(applied.made)
    if context.dry_run:  # rolled back, so the next rows get the same primary keys
        state.new += len(applied.made)


def note_incomplete(context: RunContext, what: str, walked: ListState) -> None:
    """Note on the run that a walk was not complete, so nothing counts as gone."""
    context.partial = True
    context.note(what, completeness.in_words(walked.verdict, what=what, total=walked.total, came=walked.came))
