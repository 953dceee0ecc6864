"""Whether a walk over a list has met all of it: only then may what it did not meet count as gone.

People sign up and enroll while a walk goes on, and the order of Thinkific's lists is not documented. So what
has to come is everything that was there when the walk began: what was made since may come or not. Rows that
are deleted meanwhile move others to pages that the walk has passed; then it is walked again.

The walk's place in the cursor holds what is needed. Of the newest round: `first` and `began` (the first total
that was told, and when it was asked for), `shrank` (whether the total did) and `total` (the newest). Of all
rounds: `most` (the largest total), and the same names with `_of_all`. An older version has stored `total` and
`most` only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from integrations.thinkific.client.paging import ENDLESS
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.fetch import PageWalk
from integrations.thinkific.runs.pages import RawPage

ROUNDS = 3  # how often a list is walked when rows went missing between its pages

# By a tenth of it, or so many rows, a list may grow during a walk; of more growth nothing is believed.
GROWTH, FEW = 10, 100

COMPLETE = ""
ENDS_NOT = "endless"  # the same rows again and again
UNTOLD = "untold"  # it does not say how many there are
MORE = "more"  # more came than it ever said
SHORT = "short"  # fewer came than it says


@dataclass(frozen=True)
class Came:
    """How many different rows came: in all rounds, and in the newest. `made_since` answers how many of them
    Thinkific has made since a moment."""

    rows: int
    newest: int
    made_since: Callable[[datetime], int]


def note_told(state: dict[str, Any], pages: list[RawPage]) -> None:
    for page in pages:
        told, before = page.total_items, state["total"]
        shrank = told is not None and before is not None and told < before
        state["shrank_of_all"] = shrank or state.get("shrank_of_all", False)
        if page.number == 1:
            began = page.asked_at.isoformat() if page.asked_at else None
            state |= {"first": told, "began": began, "shrank": False}
            state.setdefault("first_of_all", told)
            state.setdefault("began_of_all", began)
        elif shrank:
            state["shrank"] = True
        if told is not None:
            state["most"] = max(state.get("most", 0), told)
        state["total"] = told


def note_end(state: dict[str, Any], walk: PageWalk) -> None:
    """After the last page: the list has ended, or was left because it does not."""
    state |= {"ended": True, "endless": walk.is_endless}


def newest(name: str) -> str:
    """The set of stored rows that a repeated walk has met in its newest round."""
    return f"{name}, again"


def note_met(context: RunContext, name: str, state: dict[str, Any], pks: list[int]) -> None:
    context.seen(name).add(pks)
    if state["round"] > 1:
        context.seen(newest(name)).add(pks)


def begin_again(context: RunContext, name: str, state: dict[str, Any]) -> None:
    """Prepare another round. What was met stays met."""
    state |= {"page": 0, "round": state["round"] + 1, "new": 0, "lost": 0, "nameless": 0, "ended": False}
    context.numbers(name).clear()
    context.seen(newest(name)).clear()


def count(context: RunContext, name: str, state: dict[str, Any], stored: QuerySet | None) -> Came:
    """What came so far, of a list whose rows are stored among `stored`."""
    seen = context.seen(name)
    # `lost` have no id. `new`: by an older version, which did not note which ones they are, or a dry run.
    others = state["new"] + state.get("lost", 0) + len(context.numbers(name))
    again = seen if state["round"] == 1 else context.seen(newest(name))

    def made_since(moment: datetime) -> int:
        if stored is None or not hasattr(stored.model, "thinkific_created_at"):
            return 0
        young = stored.filter(thinkific_created_at__gte=moment).order_by().values_list("pk", flat=True)
        return sum(pk in seen for pk in young)

    return Came(len(seen) + others, len(again) + others, made_since)


def judge(state: dict[str, Any], came: Came) -> str:
    """COMPLETE, or what is wrong with the walk."""
    total = state["total"]
    if state.get("endless"):
        return ENDS_NOT
    if total is None or total < 0:
        return UNTOLD
    most = state.get("most", total)
    if came.rows > most and _made_before(came.rows, state.get("began_of_all"), came) > most:
        return MORE
    whole = _all_came(came.rows, state, "_of_all", came) or _all_came(came.newest, state, "", came)
    return COMPLETE if whole else SHORT


def only_shrinks(state: dict[str, Any], came: Came) -> bool:
    """Whether a walk that is repeated lacks no more rows than were deleted while it went on: each deletion
    costs it one, the deleted row itself or one that moved to a page it had passed. The latter has come in the
    round before, unless the same happened to the same row there: who counts a row as gone must ask for it.
    Without this, a list of which rows are deleted all the time would never be whole."""
    first = state.get("first_of_all")
    grew = first is None or state.get("most", 0) - first > max(FEW, first // GROWTH)
    return state.get("round", 1) > 1 and not grew and came.newest >= state["total"]


def moved(state: dict[str, Any], came: Came) -> bool:
    """Whether rows came to the list or left it while it was walked, as far as one can tell. Where both happen
    between two pages, the numbers hide that a row moved to a page that was passed."""
    began, first = state.get("began_of_all"), state.get("first_of_all")
    if state.get("shrank_of_all") or first is None or state.get("most", first) > first:
        return True
    return began is not None and came.made_since(datetime.fromisoformat(began)) > 0


def _all_came(rows: int, state: dict[str, Any], which: str, came: Came) -> bool:
    """Whether so many rows are all that were there at first."""
    most, first = state.get("most", state["total"]), state.get(f"first{which}")
    if rows >= most and not state.get(f"shrank{which}"):
        return True
    if first is None or rows < first or most - first > max(FEW, first // GROWTH):
        return False
    return _made_before(rows, state.get(f"began{which}"), came) >= first


def _made_before(rows: int, began: str | None, came: Came) -> int:
    return rows - came.made_since(datetime.fromisoformat(began)) if began else rows


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
