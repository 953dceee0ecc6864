"""Whether a walk over a list has met all of it: only then may what it did not meet count as gone.

People sign up and enroll while a walk goes on, and the order of Thinkific's lists is not documented. So what
has to come is everything that was there when the walk began: what was made since may come or not. Rows that
are deleted meanwhile move others to pages that the walk has passed; then it is walked again.
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

ROUNDS = 3  # how often a list is walked when rows went missing between its pages

# By a tenth of it, or so many rows, a list may grow during a walk; of more growth nothing is believed.
GROWTH, FEW = 10, 100


@dataclass(frozen=True)
class Came:
    """How many different rows came: in all rounds, and in the newest. `made_since` answers how many of them
    Thinkific has made since a moment."""

    rows: int
    newest: int
    made_since: Callable[[datetime], int]


def note_told(state: ListState, pages: list[RawPage]) -> None:
    for page in pages:
        told, before = page.total_items, state.total
        shrank = told is not None and before is not None and told < before
        state.shrank_of_all = state.shrank_of_all or shrank
        if page.page == 1:
            state.first, state.began, state.shrank = told, page.asked_at, False
            if state.first_of_all is None and state.began_of_all is None:
                state.first_of_all, state.began_of_all = told, page.asked_at
        else:
            state.shrank = state.shrank or shrank
        if told is not None:
            state.most = max(state.most or 0, told)
        state.total = told


def newest(name: str) -> str:
    """The set of stored rows that a repeated walk has met in its newest round."""
    return f"{name}, again"


def note_met(context: RunContext, name: str, state: ListState, pks: list[int]) -> None:
    context.seen(name).add(pks)
    if state.round > 1:
        context.seen(newest(name)).add(pks)


def begin_again(context: RunContext, name: str, state: ListState) -> None:
    """Prepare another round. What was met stays met."""
    state.page, state.round, state.ended = 0, state.round + 1, False
    state.new = state.lost = state.nameless = 0
    context.numbers(name).clear()
    context.seen(newest(name)).clear()


def count(context: RunContext, name: str, state: ListState, stored: QuerySet) -> Came:
    """What came so far, of a list whose rows are stored among `stored`."""
    seen = context.seen(name)
    others = state.new + state.lost + len(context.numbers(name))
    again = seen if state.round == 1 else context.seen(newest(name))

    def made_since(moment: datetime) -> int:
        if not hasattr(stored.model, "thinkific_created_at"):
            return 0
        young = stored.filter(thinkific_created_at__gte=moment).order_by().values_list("pk", flat=True)
        return sum(pk in seen for pk in young)

    return Came(len(seen) + others, len(again) + others, made_since)


def judge(state: ListState, came: Came) -> str:
    """COMPLETE, or what is wrong with the walk."""
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


def only_shrinks(state: ListState, came: Came) -> bool:
    """Whether a walk that is repeated lacks no more rows than were deleted while it went on: each deletion
    costs it one, the deleted row itself or one that moved to a page it had passed. The latter has come in the
    round before, unless the same happened to the same row there: who counts a row as gone must ask for it.
    Without this, a list of which rows are deleted all the time would never be whole."""
    first = state.first_of_all
    grew = first is None or _grew_much(first, state.most or 0)
    return state.round > 1 and not grew and came.newest >= (state.total or 0)


def moved(state: ListState, came: Came) -> bool:
    """Whether rows came to the list or left it while it was walked, as far as one can tell. Where both happen
    between two pages, the numbers hide that a row moved to a page that was passed."""
    began, first = state.began_of_all, state.first_of_all
    if state.shrank_of_all or first is None or (state.most is not UNSET and state.most > first):
        return True
    return began is not None and came.made_since(began) > 0


def _most(state: ListState) -> int:
    return (state.total or 0) if state.most is UNSET else state.most


def _grew_much(first: int, most: int) -> bool:
    return most - first > max(FEW, first // GROWTH)


def _all_came(
    rows: int, most: int, first: int | None, began: datetime | None, shrank: bool, came: Came
) -> bool:
    """Whether so many rows are all that were there at first."""
    if rows >= most and not shrank:
        return True
    if first is None or rows < first or _grew_much(first, most):
        return False
    return _made_before(rows, began, came) >= first


def _made_before(rows: int, began: datetime | None, came: Came) -> int:
    return rows - came.made_since(began) if began else rows


def in_words(verdict: str, *, what: str, total: int | None, came: int) -> str:
    """What a person should know of a walk that is not complete; `what` are its rows (`people`)."""
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
