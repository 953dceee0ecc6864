"""How full a seat is, and whom it still takes, in words for everybody who may see it."""

from core.models import Seat

NO_MORE = "Nobody new can be enrolled through it."
TAKES_MORE = "Its limit is soft, so people can still be enrolled through it."


def after_the_last_place(seat: Seat) -> str:
    """Returns what happens to people who are enrolled when all places are used."""
    return TAKES_MORE if seat.soft_limit else NO_MORE


def how_full(seat: Seat) -> str:
    """Returns the end of a sentence about a seat with a limit: "is nearly full: 9 of 10 places used."."""
    places = seat.max_seats or 0
    used = f"{seat.used_count:,} of {places:,} places used"
    if seat.over:
        return f"is over its maximum: {used}. {after_the_last_place(seat)}"
    if seat.used_count == places:
        return f"is full: {used}. {after_the_last_place(seat)}"
    return f"is nearly full: {used}."
