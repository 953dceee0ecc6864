"""Stored moments: how they are shown, and how they are compared although a clock may be set back.

Showing. A moment is stored in UTC and shown in the site's time zone, where it may belong to another day, and
in the formats of the settings (core/formats.py). Only this module formats moments
(tests/test_project_rules.py): `day`, `hour`, `clock`, `exact`; templates use the filters `day` and `exact`.
Every stored moment can be shown: one that the time zone would move out of the calendar is shown as the first
or last moment of the calendar.

Comparing. When a clock was set back, a stored moment can lie in the future by mistake. A moment of something
past (a heartbeat, the last check) is wrong when it lies in the future: it counts as old. A moment of
something to come (the end of a lease, the next try) is wrong when it lies farther in the future than its
longest wait: it counts as reached. Each rule exists for Python and for SQL. Within one process use
`time.monotonic()`, which nobody sets back.
"""

from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format

from core.formats import formats

TOLERANCE = timedelta(minutes=1)  # the clocks of two of our machines may differ by this much
# A later date is a typing error, and the last days of Python's calendar do not exist in other time zones.
LAST_DAY = date(2199, 12, 31)
AHEAD = timedelta(minutes=5)  # Thinkific's clock and ours may differ by this much


def is_ahead(moment: datetime, now: datetime) -> bool:
    """Whether the moment of a past event of Thinkific lies in the future, and so is wrong."""
    return moment > now + AHEAD


def happened(moment: datetime, now: datetime) -> datetime:
    """Returns the moment of a past event of Thinkific; now, where the moment lies in the future."""
    return now if is_ahead(moment, now) else moment


def has_come(moment: datetime, now: datetime, *, longest: timedelta) -> bool:
    """Whether a moment has come that was stored at most `longest` before it."""
    return moment <= now or moment > now + longest + TOLERANCE


def come(field: str, now: datetime, *, longest: timedelta) -> Q:
    """`has_come` as a condition for SQL. NULL has not come."""
    return Q(**{f"{field}__lte": now}) | Q(**{f"{field}__gt": now + longest + TOLERANCE})


def is_older(moment: datetime | None, now: datetime, *, than: timedelta) -> bool:
    """Whether a past event is longer ago than this. True for None (never) and for a moment in the future."""
    return moment is None or now - moment > than or moment > now + TOLERANCE


def older(field: str, now: datetime, *, than: timedelta) -> Q:
    """`is_older` as a condition for SQL, except that NULL does not match."""
    return Q(**{f"{field}__lt": now - than}) | Q(**{f"{field}__gt": now + TOLERANCE})


def recent(field: str, now: datetime, *, within: timedelta) -> Q:
    """The opposite of `older`. NULL does not match this one either."""
    return Q(**{f"{field}__gte": now - within, f"{field}__lte": now + TOLERANCE})


# --- showing --------------------------------------------------------------------------------------------


def local(moment: datetime) -> datetime:
    """Returns the moment in the site's time zone."""
    zone = timezone.get_current_timezone()
    try:
        return moment.astimezone(zone)
    except OverflowError:
        end = datetime.max.replace(microsecond=0) if moment.year > 5000 else datetime.min
        return end.replace(tzinfo=zone)


def day(value: date) -> str:
    """`14 Mar 2029`, or as the settings say, for a date or a moment."""
    return date_format(local(value) if isinstance(value, datetime) else value, formats().date)


def short_day(value: date) -> str:
    """`14 Mar`."""
    return date_format(local(value) if isinstance(value, datetime) else value, formats().date_without_year)


def clock(moment: datetime) -> str:
    """`23:59 PDT`."""
    here = local(moment)
    return f"{date_format(here, formats().time)} {here.tzname()}"


def hour(moment: datetime) -> str:
    """`23:59`, for places that show the time zone already."""
    return date_format(local(moment), formats().time)


def exact(moment: datetime) -> str:
    """`14 Mar 2029, 23:59:59 PDT`."""
    here = local(moment)
    written = formats()
    date, time_of_day = date_format(here, written.date), date_format(here, written.time_with_seconds)
    return f"{date}, {time_of_day} {here.tzname()}"


def end_of(last_day: date | None) -> datetime | None:
    """Returns the last second of a day in the site's time zone, as a moment in UTC: asked for the offset of
    the site's zone, the driver of the database would have to read the settings in the middle of a
    statement."""
    if last_day is None:
        return None
    end = timezone.make_aware(datetime.combine(last_day, time(23, 59, 59)))
    try:
        return end.astimezone(UTC)
    except OverflowError:  # the last day of the calendar
        return end
