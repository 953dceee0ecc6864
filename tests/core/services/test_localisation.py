"""The time zone and the formats of the settings: where they count, and what reading them costs."""

import pickle
import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db.models.functions import TruncDate
from django.db.utils import OperationalError
from django.utils import timezone

from core import moments, once
from core.admin.kit import cells
from core.models import Enrollment, SiteSettings
from core.services.site.localisation import SITE_ZONE, in_site_time
from core.services.spreadsheets import defuse
from tests.factories import EnrollmentFactory

pytestmark = pytest.mark.django_db
# The evening of the 14th in Vancouver, the afternoon of the 15th in Auckland, 09:15 of the 15th in Kathmandu.
STORED = datetime(2029, 3, 15, 3, 30, tzinfo=UTC)


def choose(**values) -> None:
    SiteSettings.load()
    SiteSettings.objects.update(**values)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("America/Vancouver", "14 Mar 2029, 20:30:00 PDT"),
        ("Pacific/Auckland", "15 Mar 2029, 16:30:00 NZDT"),
        ("Asia/Kathmandu", "15 Mar 2029, 09:15:00 +0545"),
    ],
)
def test_moments_are_shown_in_the_time_zone_of_the_settings(zone, expected):
    choose(time_zone=zone)
    with in_site_time():
        assert moments.exact(STORED) == expected
        assert zone in cells.moment(STORED)
        assert timezone.get_current_timezone_name() == zone
        assert defuse(STORED) == STORED.astimezone(ZoneInfo(zone)).isoformat(sep=" ", timespec="seconds")
    assert moments.exact(STORED) == "15 Mar 2029, 03:30:00 UTC"


def test_without_a_setting_the_environment_counts(settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    with in_site_time():
        assert moments.exact(STORED) == "15 Mar 2029, 12:30:00 JST"
    choose(time_zone="Pacific/Auckland")
    with in_site_time():
        assert moments.exact(STORED).endswith("NZDT")


def test_a_zone_that_is_not_known_any_more_is_not_used():
    choose(time_zone="Mars/Olympus")
    with in_site_time():
        assert moments.exact(STORED).endswith("UTC")


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, ("14 Mar 2029", "20:30", "14 Mar")),
        ({"date_format": "M j, Y", "time_format": "12"}, ("Mar 14, 2029", "8:30 PM", "Mar 14")),
        ({"date_format": "d/m/Y"}, ("14/03/2029", "20:30", "14/03")),
        ({"date_format": "m/d/Y", "time_format": "12"}, ("03/14/2029", "8:30 PM", "03/14")),
        ({"date_format": "d.m.Y"}, ("14.03.2029", "20:30", "14.03.")),
        ({"date_format": "Y-m-d"}, ("2029-03-14", "20:30", "03-14")),
    ],
)
def test_dates_and_times_are_written_in_the_chosen_formats(chosen, expected):
    choose(time_zone="America/Vancouver", **chosen)
    with in_site_time():
        assert (moments.day(STORED), moments.hour(STORED), moments.short_day(STORED)) == expected
        assert moments.clock(STORED) == f"{expected[1]} PDT"
        assert moments.exact(STORED).startswith(f"{expected[0]}, ")
        assert defuse(STORED) == "2029-03-14 20:30:00-07:00"  # files are for programs


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        ("1,234.50 USD", "1,234.50\u00a0CAD"),
        ("USD 1,234.50", "CAD\u00a01,234.50"),
        ("1.234,50 USD", "1.234,50\u00a0CAD"),
        ("USD 1.234,50", "CAD\u00a01.234,50"),
        ("1 234,50 USD", "1\u00a0234,50\u00a0CAD"),
    ],
)
def test_prices_are_written_in_the_chosen_format(amounts, expected):
    choose(amount_format=amounts, default_currency="EUR")
    with in_site_time():
        assert cells.price(Decimal("1234.5"), "CAD") == expected
        assert cells.price(Decimal("1234.5"), "") == expected.replace("CAD", "EUR")


# --- days that are shorter or longer, and times that there are twice or never ------------------------


@pytest.mark.parametrize(
    ("zone", "day", "end"),
    [
        ("America/Vancouver", date(2029, 3, 11), datetime(2029, 3, 12, 6, 59, 59, tzinfo=UTC)),  # 23 hours
        ("America/Vancouver", date(2029, 11, 4), datetime(2029, 11, 5, 7, 59, 59, tzinfo=UTC)),  # 25 hours
        ("Pacific/Auckland", date(2029, 9, 30), datetime(2029, 9, 30, 10, 59, 59, tzinfo=UTC)),
        ("Pacific/Auckland", date(2029, 4, 1), datetime(2029, 4, 1, 11, 59, 59, tzinfo=UTC)),
        ("Asia/Kathmandu", date(2029, 4, 1), datetime(2029, 4, 1, 18, 14, 59, tzinfo=UTC)),
    ],
)
def test_the_end_of_a_day_is_that_of_the_site(zone, day, end):
    choose(time_zone=zone)
    with in_site_time():
        found = moments.end_of(day)
        assert found.astimezone(UTC) == end
        assert moments.local(found).date() == day
        enrollment = EnrollmentFactory(expiry_date=found)
    enrollment.refresh_from_db()
    assert enrollment.expiry_date == end


def test_an_hour_that_there_is_twice_is_told_apart():
    choose(time_zone="America/Vancouver")
    first = datetime(2029, 11, 4, 8, 30, tzinfo=UTC)
    with in_site_time():
        assert moments.clock(first) == "01:30 PDT"
        assert moments.clock(first + timedelta(hours=1)) == "01:30 PST"
        assert moments.local(first + timedelta(hours=1)).astimezone(UTC) == first + timedelta(hours=1)


def test_the_database_groups_by_the_days_of_the_site():
    choose(time_zone="America/Vancouver")
    EnrollmentFactory(activated_at=STORED)
    with in_site_time():
        day = Enrollment.objects.annotate(day=TruncDate("activated_at")).get().day
    assert day == date(2029, 3, 14)


# --- what reading costs, and when a change counts ---------------------------------------------------


def test_the_settings_are_read_when_needed_and_once(django_assert_num_queries):
    choose(time_zone="Pacific/Auckland")
    with django_assert_num_queries(0), in_site_time():
        pass
    with django_assert_num_queries(1), in_site_time():
        for _ in range(3):
            moments.exact(STORED)
            cells.moment(STORED)
            SiteSettings.load()


def test_a_change_counts_in_the_next_request_and_in_a_long_task(monkeypatch):
    choose(time_zone="Pacific/Auckland")
    with in_site_time():
        assert moments.clock(STORED).endswith("NZDT")
        choose(time_zone="Asia/Tokyo")  # by another process
        assert moments.clock(STORED).endswith("NZDT")
        monkeypatch.setattr(once, "LONGEST", 0.0)
        assert moments.clock(STORED).endswith("JST")
    monkeypatch.undo()
    with in_site_time():
        assert moments.clock(STORED).endswith("JST")


def test_who_saves_sees_the_new_value_at_once():
    SiteSettings.load()
    with in_site_time():
        moments.day(STORED)
        row = SiteSettings.objects.get()
        row.time_zone = "Asia/Tokyo"
        row.save()
        assert moments.clock(STORED).endswith("JST")


def test_another_thread_has_its_own_values():
    found = []
    with in_site_time():
        thread = threading.Thread(target=lambda: found.append(once._values.get()))
        thread.start()
        thread.join()
    assert found == [None]


def test_a_page_about_a_broken_database_has_its_moments(monkeypatch):
    def broken():
        raise OperationalError("gone")

    with in_site_time():
        monkeypatch.setattr(SiteSettings, "load", broken)
        assert moments.exact(STORED) == "15 Mar 2029, 03:30:00 UTC"


def test_a_stored_moment_keeps_its_zone_when_it_is_pickled():
    choose(time_zone="Asia/Tokyo")
    with in_site_time():
        again = pickle.loads(pickle.dumps(STORED.astimezone(SITE_ZONE)))
    assert again == STORED and again.tzname() == "JST"
