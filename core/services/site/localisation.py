"""The time zone and the formats of the settings, for everything that runs within `in_site_time`.

The time zone of the settings counts; where there is none, TIME_ZONE of the environment. The settings are read
when the first moment is shown or computed, so what needs no moment reads nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from core import once
from core.formats import Formats, using
from core.models import SiteSettings

log = structlog.get_logger(__name__)


def site_zone() -> ZoneInfo:
    """Returns the time zone of the site."""
    name = _settings().time_zone or settings.TIME_ZONE
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):  # stored by a version with other time zones
        log.warning("The time zone %s is not known, so %s counts", name, settings.TIME_ZONE)
        return ZoneInfo(settings.TIME_ZONE)


def site_formats() -> Formats:
    row = _settings()
    return Formats(
        date=row.date_format,
        twelve_hours=row.time_format == SiteSettings.Clock.TWELVE,
        amount=row.amount_format,
        currency=row.default_currency,
    )


def _settings() -> SiteSettings:
    """Returns the settings; the shipped ones while the database cannot be read: a page that says so has
    moments too."""
    try:
        return SiteSettings.load()
    except DatabaseError:
        return SiteSettings()


class SiteZone(tzinfo):
    """The time zone of the settings at the moment of use. Django takes it as the current time zone."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return site_zone().utcoffset(moment)

    def dst(self, moment: datetime | None) -> timedelta | None:
        return site_zone().dst(moment)

    def tzname(self, moment: datetime | None) -> str | None:
        return site_zone().tzname(moment)

    def fromutc(self, moment: datetime) -> datetime:
        zone = site_zone()
        return zone.fromutc(moment.replace(tzinfo=zone)).replace(tzinfo=self)

    def __str__(self) -> str:
        """Returns the name, as queries that group by day need it."""
        return site_zone().key

    def __reduce__(self) -> Any:
        return (ZoneInfo, (str(self),))


SITE_ZONE = SiteZone()


@contextmanager
def in_site_time() -> Iterator[None]:
    """Shows and computes moments in the site's time zone and formats, for one request, task or command."""
    with once.scope(), using(site_formats), timezone.override(SITE_ZONE):
        yield
