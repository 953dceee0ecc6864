"""Days and times in time zones west and east of UTC, where the stored moment is on another day."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from core import moments
from core.admin.kit import cells
from core.models import Enrollment
from core.services.spreadsheets import defuse
from integrations.thinkific.reconcile.findings import in_words
from tests.factories import EnrollmentFactory

ZONES = ["America/Vancouver", "Pacific/Auckland"]
HERE = {"America/Vancouver": "14 Mar 2029", "Pacific/Auckland": "15 Mar 2029"}
# The evening of the 14th in Vancouver, the afternoon of the 15th in Auckland.
STORED = datetime(2029, 3, 15, 3, 30, tzinfo=UTC)

pytestmark = pytest.mark.once


@pytest.fixture(params=ZONES)
def zone(request, settings) -> str:
    settings.TIME_ZONE = request.param
    return request.param


def test_each_way_to_write_a_moment_names_the_day_of_the_site(zone):
    expected = HERE[zone]
    assert moments.day(STORED) == expected
    assert moments.exact(STORED).startswith(expected)
    assert cells.day(STORED) == expected
    assert expected in cells.moment(STORED)
    assert expected in cells.removed(STORED)
    assert in_words("expiry_date", STORED).startswith(expected)
    assert defuse(STORED).startswith("2029-03-14" if zone == ZONES[0] else "2029-03-15")


def test_a_day_is_the_same_everywhere(zone):
    assert moments.day(date(2029, 3, 14)) == "14 Mar 2029"


@pytest.mark.parametrize("moment", [datetime.max, datetime.min])
def test_either_end_of_the_calendar_can_be_written(zone, moment):
    end = moment.replace(tzinfo=UTC)
    assert str(moment.year) in moments.day(end) + cells.moment(end) + defuse(end)


@pytest.mark.django_db
def test_the_message_names_the_last_day_that_was_chosen(zone, alma, ana, accounting, signed_in):
    enrollment = EnrollmentFactory(user=ana, product=accounting)
    address = reverse("admin:core_enrollment_do", args=[enrollment.pk, "change-end"])
    last_day = timezone.localdate() + timedelta(days=30)

    page = signed_in(alma).post(address, {"last_day": str(last_day)}, follow=True).content.decode()

    assert f"ends on {moments.day(last_day)}." in page
    enrollment.refresh_from_db()
    assert moments.local(enrollment.expiry_date).date() == last_day
    # And the dialog shows that day again.
    assert f'value="{last_day}"' in signed_in(alma).get(address).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("slug", ["change-end", "enroll"])
def test_a_last_day_at_the_end_of_the_calendar_is_refused_beside_the_field(
    zone, alma, ana, accounting, signed_in, slug
):
    if slug == "enroll":
        address = reverse("admin:core_user_do", args=[ana.pk, slug])
    else:
        enrollment = EnrollmentFactory(user=ana, product=accounting)
        address = reverse("admin:core_enrollment_do", args=[enrollment.pk, slug])
    before = list(Enrollment.objects.values("expiry_date"))

    response = signed_in(alma).post(address, {"last_day": "9999-12-31", "products": [accounting.pk]})

    assert "before the year 2200" in str(response.context["form"].errors["last_day"])
    assert list(Enrollment.objects.values("expiry_date")) == before


def test_the_tooltip_of_a_moment_has_the_zone_once():
    shown = cells.moment(datetime(2026, 7, 1, 12, tzinfo=UTC))

    assert re.search(r'title="([^"]*)"', shown)[1].count(timezone.get_current_timezone_name()) == 1
