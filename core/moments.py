"""Stored moments and a clock that was set back: what lies ahead of now without a reason is due.

A moment that is over when it is written (a sign of life, the last look) can only lie ahead of now when a
clock was set back since, and says nothing any more. One that is written for later (the end of a lease, the
next try) can lie as far ahead as its longest wait, and no farther. Each rule is here for Python and for SQL.
Inside of one process use `time.monotonic()`, which nobody sets.
"""

from datetime import datetime, timedelta

from django.db.models import Q

TOLERANCE = timedelta(minutes=1)  # by so much the clocks of two machines may differ


def has_come(moment: datetime, now: datetime, *, longest: timedelta) -> bool:
    """Whether a moment that was written for later, at most `longest` ahead, has come."""
    return moment <= now or moment > now + longest + TOLERANCE


def come(field: str, now: datetime, *, longest: timedelta) -> Q:
    """`has_come` as a condition. NULL has not come."""
    return Q(**{f"{field}__lte": now}) | Q(**{f"{field}__gt": now + longest + TOLERANCE})


def is_older(moment: datetime | None, now: datetime, *, than: timedelta) -> bool:
    """Whether something that happened is longer ago than this. Never is; so is what lies ahead of now."""
    return moment is None or now - moment > than or moment > now + TOLERANCE


def older(field: str, now: datetime, *, than: timedelta) -> Q:
    """`is_older` as a condition. NULL is not found."""
    return Q(**{f"{field}__lt": now - than}) | Q(**{f"{field}__gt": now + TOLERANCE})


def recent(field: str, now: datetime, *, within: timedelta) -> Q:
    """The contrary of `older`."""
    return Q(**{f"{field}__gte": now - within, f"{field}__lte": now + TOLERANCE})
