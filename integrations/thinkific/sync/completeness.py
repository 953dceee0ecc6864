"""Whether a walk over a list has met all of it: only then may what it did not meet count as gone.

The walk's place in the cursor holds what is needed: `total` (as the newest page told it), `most` (the largest
that was told) and `endless`.
"""

from typing import Any

from integrations.thinkific.paging import ENDLESS
from integrations.thinkific.sync.fetch import PageWalk
from integrations.thinkific.sync.pages import RawPage

ROUNDS = 3  # how often a list is walked when rows went missing between its pages

COMPLETE = ""
ENDS_NOT = "endless"  # the same rows again and again
UNTOLD = "untold"  # it does not say how many there are
MORE = "more"  # more came than it ever said
SHORT = "short"  # fewer came than it says


def note_told(state: dict[str, Any], pages: list[RawPage]) -> None:
    state["total"] = pages[-1].total_items
    told = [page.total_items for page in pages if page.total_items is not None]
    state["most"] = max([state.get("most", 0), *told])


def note_end(state: dict[str, Any], walk: PageWalk) -> None:
    """After the last page: the list has ended, or was left because it does not."""
    state |= {"ended": True, "endless": walk.is_endless}


def judge(state: dict[str, Any], different: int) -> str:
    """COMPLETE, or what is wrong with a walk in which so many different rows came."""
    total = state["total"]
    if state.get("endless"):
        return ENDS_NOT
    if total is None or total < 0:
        return UNTOLD
    if different > state.get("most", total):
        return MORE
    return SHORT if different < total else COMPLETE


def in_words(verdict: str, *, what: str, total: int | None, came: int) -> str:
    """What a person should know of a walk that is not complete; `what` are its rows (`people`)."""
    if verdict == ENDS_NOT:
        said = f"Thinkific's list of {what} {ENDLESS} {came:,} came."
    elif verdict == UNTOLD:
        said = f"Thinkific does not say how many {what} there are; {came:,} came."
    else:
        walks = f", in {ROUNDS} walks" if verdict == SHORT else ""
        only = "only " if verdict == SHORT else ""
        said = f"Thinkific says that there are {total or 0:,} {what}, but {only}{came:,} came{walks}."
    return f"{said} What is gone was not judged this time."
