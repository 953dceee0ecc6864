"""Requests, tasks and commands run in the time zone and with the formats of the settings."""

from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from django_q.signals import post_execute_in_worker, pre_execute

from core import moments
from core.management.base import LocalTimeCommand
from core.models import Enrollment, SiteSettings
from tests.factories import EnrollmentFactory

pytestmark = pytest.mark.django_db
STORED = datetime(2029, 3, 15, 3, 30, tzinfo=UTC)


@pytest.fixture
def in_vancouver() -> None:
    SiteSettings.load()
    SiteSettings.objects.update(time_zone="America/Vancouver", date_format="m/d/Y", time_format="12")


@pytest.fixture
def enrollment(ana, accounting) -> Enrollment:
    return EnrollmentFactory(user=ana, product=accounting, expiry_date=STORED)


def test_lists_details_and_dialogs_show_the_time_of_the_site(in_vancouver, alma, signed_in, enrollment):
    client = signed_in(alma)
    one = reverse("admin:core_enrollment_change", args=[enrollment.pk])
    for path in (reverse("admin:core_enrollment_changelist"), one):
        page = client.get(path).content.decode()
        assert "03/14/2029" in page and "8:30 PM" in page
        assert "15 Mar 2029" not in page
    dialog = client.get(f"{one.removesuffix('change/')}do/change-end/").content.decode()
    assert 'value="2029-03-14"' in dialog  # a browser's input takes no other format


def test_history_shows_the_time_of_the_site(in_vancouver, alma, signed_in):
    row = SiteSettings.objects.get()
    row.retention_days = 20
    row.save()
    SiteSettings.history.update(history_date=STORED)

    assert "03/14/2029" in signed_in(alma).get(reverse("admin:history")).content.decode()


def test_a_file_has_the_time_of_the_site_in_a_format_for_programs(in_vancouver, alma, signed_in, enrollment):
    response = signed_in(alma).get(reverse("admin:core_enrollment_export_file"))

    assert "2029-03-14 20:30:00-07:00" in b"".join(response.streaming_content).decode()


def test_a_chosen_day_ends_at_the_midnight_of_the_site(in_vancouver, alma, signed_in, enrollment):
    address = reverse("admin:core_enrollment_do", args=[enrollment.pk, "change-end"])

    signed_in(alma).post(address, {"last_day": "2029-11-04"})  # a day of 25 hours

    enrollment.refresh_from_db()
    assert enrollment.expiry_date == datetime(2029, 11, 5, 7, 59, 59, tzinfo=UTC)


def test_nothing_is_left_after_a_request(in_vancouver, alma, signed_in, settings):
    signed_in(alma).get(reverse("admin:index"))

    assert timezone.get_current_timezone_name() == settings.TIME_ZONE
    assert moments.day(STORED) == "15 Mar 2029"


def test_a_page_reads_the_settings_once(
    in_vancouver, alma, signed_in, enrollment, django_assert_max_num_queries
):
    client = signed_in(alma)
    client.get(reverse("admin:core_enrollment_changelist"))
    with django_assert_max_num_queries(30) as asked:
        client.get(reverse("admin:core_enrollment_changelist"))

    assert sum('FROM "core_sitesettings"' in query["sql"] for query in asked.captured_queries) == 1


@pytest.mark.parametrize("path", ["/healthz", "/nothing-here/"])
def test_a_page_without_moments_reads_no_settings(client, path, django_assert_max_num_queries):
    SiteSettings.load()
    with django_assert_max_num_queries(30) as asked:
        client.get(path)

    assert not any("core_sitesettings" in query["sql"] for query in asked.captured_queries)


def test_a_task_runs_in_the_time_of_the_site(in_vancouver):
    pre_execute.send(sender="test", func=None, task={})
    try:
        assert moments.exact(STORED) == "03/14/2029, 8:30:00 PM PDT"
        SiteSettings.objects.update(time_zone="Asia/Tokyo")
        pre_execute.send(sender="test", func=None, task={})  # the next task, after one that was killed
        assert moments.exact(STORED) == "03/15/2029, 12:30:00 PM JST"
    finally:
        post_execute_in_worker.send(sender="test", func=None, task={})
    assert moments.day(STORED) == "15 Mar 2029"


def test_a_command_runs_in_the_time_of_the_site(in_vancouver, capsys):
    class Tell(LocalTimeCommand):
        def handle(self, *args, **options):
            self.stdout.write(moments.exact(STORED))

    call_command(Tell())

    assert capsys.readouterr().out.strip() == "03/14/2029, 8:30:00 PM PDT"
