import pytest
from django_q.models import Schedule

from integrations.admin.schedules import interval_text
from integrations.models import LONGEST_INTERVAL, SyncSchedule
from integrations.schedules import write_schedules
from tests.factories import RoleFactory, UserFactory

LIST = "/admin/integrations/syncschedule/"


def rows(**changed):
    """The list's form as the browser sends it, with changes to the first row."""
    schedules = list(SyncSchedule.objects.order_by("id"))
    data = {"form-TOTAL_FORMS": len(schedules), "form-INITIAL_FORMS": len(schedules), "_save": "Save"}
    for number, schedule in enumerate(schedules):
        data[f"form-{number}-id"] = schedule.pk
        data[f"form-{number}-every_minutes"] = schedule.every_minutes
        if schedule.enabled:
            data[f"form-{number}-enabled"] = "on"
    for name, value in changed.items():
        data[f"form-0-{name}"] = value
    return data


def test_an_interval_is_in_force_as_soon_as_it_is_saved(signed_in, root):
    write_schedules()
    first = SyncSchedule.objects.order_by("id").first()

    signed_in(root).post(LIST, rows(every_minutes=7))

    first.refresh_from_db()
    assert first.every_minutes == 7
    assert Schedule.objects.get(name=f"pull:{first.kind}:full").minutes == 7


@pytest.mark.parametrize("minutes", ["0", "-5", "", "often", "100000"])
def test_a_bad_interval_is_refused_beside_its_field(minutes, signed_in, root):
    first = SyncSchedule.objects.order_by("id").first()

    page = signed_in(root).post(LIST, rows(every_minutes=minutes)).content.decode()

    assert "errorlist" in page or "text-red" in page
    first.refresh_from_db()
    assert first.every_minutes == 60


def test_the_limit_that_is_said_is_the_limit(signed_in, root):
    """The queue keeps intervals in a small integer; the screen named a month, and refused it."""
    first = SyncSchedule.objects.order_by("id").first()
    refused = signed_in(root).post(LIST, rows(every_minutes=LONGEST_INTERVAL + 1)).content.decode()
    assert f"Enter at most {LONGEST_INTERVAL} minutes" in refused

    signed_in(root).post(LIST, rows(every_minutes=LONGEST_INTERVAL))

    first.refresh_from_db()
    assert first.every_minutes == LONGEST_INTERVAL


def test_switched_off_means_no_next_run(signed_in, root):
    write_schedules()
    first = SyncSchedule.objects.order_by("id").first()
    data = rows()
    del data["form-0-enabled"]

    page = signed_in(root).post(LIST, data, follow=True).content.decode()

    first.refresh_from_db()
    assert not first.enabled
    assert not Schedule.objects.filter(name=f"pull:{first.kind}:full", next_run__isnull=False).exists()
    assert ">off<" in page


def test_who_may_only_look_changes_nothing(signed_in, db):
    looker = UserFactory(global_role=RoleFactory(is_global=True, permissions=["settings.view"]))
    browser = signed_in(looker)

    assert browser.get(LIST).status_code == 200
    browser.post(LIST, rows(every_minutes=7))

    assert SyncSchedule.objects.order_by("id").first().every_minutes == 60


@pytest.mark.parametrize("person", ["mara", "ana"])
def test_schedules_are_not_for_people_of_a_team(person, request, signed_in):
    assert signed_in(request.getfixturevalue(person)).get(LIST).status_code == 403


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (1, "every minute"),
        (5, "every 5 minutes"),
        (60, "hourly"),
        (360, "every 6 hours"),
        (1440, "daily"),
        (2880, "every 2 days"),
        (90, "every 90 minutes"),
    ],
)
def test_intervals_are_said_in_words(minutes, words):
    assert interval_text(minutes) == words
