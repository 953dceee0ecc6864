"""Decides whether a walk over a list has read all of it. Only then do rows that did not come count as gone.

People sign up and enroll during a walk, and the order of Thinkific's lists is not documented. A walk is
complete when every row came that existed at its start; rows created later may come or not. When rows are
deleted during the walk, others move to pages that were read before. Then the list is walked again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from msgspec import UNSET

from integrations.thinkific.client.paging import ENDLESS
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.pages import RawPage
from integrations.thinkific.runs.state import COMPLETE, ENDS_NOT, MORE, SHORT, UNTOLD, ListState

ROUNDS = 3  # the most walks over a list whose rows move between its pages

# A list may grow by a tenth (1/GROWTH) or by FEW rows during a walk. If it grows more, it is not complete.
GROWTH, FEW = 10, 100


@dataclass(frozen=True)
class RowCounts:
    """How many different rows came, in all rounds (`rows`) and in the newest one (`newest`). `made_since`
    returns how many of them were created in Thinkific since a moment."""

    rows: int
    newest: int
    made_since: Callable[[datetime], int]


def note_totals(state: ListState, pages: list[RawPage]) -> None:
    """Note how long Thinkific says the list is."""
    for page in pages:
        total, before = page.total_items, state.total
        shrank = total is not None and before is not None and total < before
        state.shrank_of_all = state.shrank_of_all or shrank
        if page.page == 1:
            state.first, state.began, state.shrank = total, page.asked_at, False
            if state.first_of_all is None and state.began_of_all is None:
                state.first_of_all, state.began_of_all = total, page.asked_at
        else:
            state.shrank = state.shrank or shrank
        if total is not None:
            state.most = max(state.most or 0, total)
        state.total = total


def newest(name: str) -> str:
    """Returns the name of the set of stored rows that came in the newest round of a repeated walk."""
    return f"{name}, again"


def note_seen(context: RunContext, name: str, state: ListState, pks: list[int]) -> None:
    context.seen(name).add(pks)
    if state.round > 1:
        context.seen(newest(name)).add(pks)


def start_round(context: RunContext, name: str, state: ListState) -> None:
    """Prepare another round. Rows that came before still count as seen."""
    state.page, state.round, state.ended = 0, state.round + 1, False
    state.new = state.lost = state.nameless = 0
    context.numbers(name).clear()
    context.seen(newest(name)).clear()


def count(context: RunContext, name: str, state: ListState, stored: QuerySet) -> RowCounts:
    """Count the rows that came so far. `stored` are the stored rows of the list."""
    seen = context.seen(name)
    others = state.new + state.lost + len(context.numbers(name))
    again = seen if state.round == 1 else context.seen(newest(name))

    def made_since(moment: datetime) -> int:
        if not hasattr(stored.model, "thinkific_created_at"):
            return 0
        young = stored.filter(thinkific_created_at__gte=moment).order_by().values_list("pk", flat=True)
        return sum(pk in seen for pk in young)

    return RowCounts(len(seen) + others, len(again) + others, made_since)


def verdict_of(state: ListState, came: RowCounts) -> str:
    """Returns COMPLETE, or what is wrong with the walk (see state.py)."""
    if state.endless:
        return ENDS_NOT
    if state.total is None or state.total < 0:
        return UNTOLD
    most = _most(state)
    if came.rows > most and _made_before(came.rows, state.began_of_all, came) > most:
        return MORE
    whole = _all_came(came.rows, most, state.first_of_all, state.began_of_all, state.shrank_of_all, came)
    whole = whole or _all_came(came.newest, most, state.first, state.began, state.shrank, came)
    return COMPLETE if whole else SHORT


def only_shrinks(state: ListState, came: RowCounts) -> bool:
    """Returns whether a repeated walk lacks no more rows than were deleted while it went on.

    Each deletion costs the walk one row: the deleted one, or one that moved to a page that was read before.
    A moved row came in the round before, unless it moved then as well, so ask Thinkific for a row before it
    counts as gone. Without this, a list from which rows are deleted all the time would never be complete.
    """
    first = state.first_of_all
    grew = first is None or _grew_much(first, state.most or 0)
    return state.round > 1 and not grew and came.newest >= (state.total or 0)


def moved(state: ListState, came: RowCounts) -> bool:
    """Returns whether rows were added to the list or deleted from it during the walk, as far as the totals
    show. If both happen between two pages, the totals do not show that a row moved to an earlier page."""
    began, first = state.began_of_all, state.first_of_all
    if state.shrank_of_all or first is None or (state.most is not UNSET and state.most > first):
        return True
    return began is not None and came.made_since(began) > 0


def _most(state: ListState) -> int:
    return (state.total or 0) if state.most is UNSET else state.most


def _grew_much(first: int, most: int) -> bool:
    return most - first > max(FEW, first // GROWTH)


def _all_came(
    rows: int, most: int, first: int | None, began: datetime | None, shrank: bool, came: RowCounts
) -> bool:
    """Returns whether this number of rows covers all that existed at the start."""
    if rows >= most and not shrank:
        return True
    if first is None or rows < first or _grew_much(first, most):
        return False
    return _made_before(rows, began, came) >= first


def _made_before(rows: int, began: datetime | None, came: RowCounts) -> int:
    return rows - came.made_since(began) if began else rows


def in_words(verdict: str, *, what: str, total: int | None, came: int) -> str:
    """Returns a sentence for people about a walk that is not complete. `what` names its rows (`people`)."""
    if verdict == ENDS_NOT:
        said = f"Thinkific's list of {what} {ENDLESS} {came:,} came."
    elif verdict == UNTOLD:
        said = f"Thinkific does not say how many {what} there are; {came:,} came."
    elif verdict == SHORT and came >= (total or 0):
        said = f"Thinkific's list of {what} changed so much, in {ROUNDS} walks, that some may not have come."
    else:
        walks = f", in {ROUNDS} walks" if verdict == SHORT else ""
        only = "only " if verdict == SHORT else ""
        said = f"Thinkific says that there are {total or 0:,} {what}, but {only}{came:,} came{walks}."
    return f"{said} What is gone was not judged this time."
