"""Stored moments: how people read them, and what a clock that was set back makes of them.

A moment is kept in UTC and read in the site's time zone, where it may belong to another day. So it is written
here and nowhere else (tests/test_project_rules.py): `day`, `hour`, `clock`, `exact`; in templates the filters
of the same names. Whatever is stored can be written: at either end of the calendar the nearest moment stands
for one that the time zone has no room for.

A clock that was set back: what lies ahead of now without a reason is due.
A moment that is over when it is written (a sign of life, the last look) can only lie ahead of now when a
clock was set back since, and says nothing any more. One that is written for later (the end of a lease, the
next try) can lie as far ahead as its longest wait, and no farther. Each rule is here for Python and for SQL.
Inside of one process use `time.monotonic()`, which nobody sets.
"""

from datetime import date, datetime, time, timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format

TOLERANCE = timedelta(minutes=1)  # by so much the clocks of two machines may differ
AHEAD = timedelta(minutes=5)  # and by so much Thinkific's and ours


def is_ahead(moment: datetime, now: datetime) -> bool:
    """Whether something that Thinkific says has happened lies in the future: then its moment is wrong."""
    return moment > now + AHEAD


def happened(moment: datetime, now: datetime) -> datetime:
    """When something that Thinkific says has happened did so: a moment that lies ahead counts as now."""
    return now if is_ahead(moment, now) else moment


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


# --- for people -----------------------------------------------------------------------------------------


def local(moment: datetime) -> datetime:
    """The moment in the site's time zone."""
    zone = timezone.get_current_timezone()
    try:
        return moment.astimezone(zone)
    except OverflowError:
        end = datetime.max.replace(microsecond=0) if moment.year > 5000 else datetime.min
        return end.replace(tzinfo=zone)


def day(value: date) -> str:
    """`14 Mar 2029`, of a day or of a moment."""
    return date_format(local(value) if isinstance(value, datetime) else value, "j M Y")


def short_day(value: date) -> str:
    """`14 Mar`."""
    return date_format(local(value) if isinstance(value, datetime) else value, "j M")


def clock(moment: datetime) -> str:
    """`23:59 PDT`."""
    here = local(moment)
    return f"{date_format(here, 'H:i')} {here.tzname()}"


def hour(moment: datetime) -> str:
    """`23:59`, where the zone is told beside it."""
    return date_format(local(moment), "H:i")


def exact(moment: datetime) -> str:
    """`14 Mar 2029, 23:59:59 PDT`."""
    here = local(moment)
    return f"{date_format(here, 'j M Y, H:i:s')} {here.tzname()}"


def end_of(last_day: date | None) -> datetime | None:
    """The last second of a day, in the site's time zone."""
    return None if last_day is None else timezone.make_aware(datetime.combine(last_day, time(23, 59, 59)))
