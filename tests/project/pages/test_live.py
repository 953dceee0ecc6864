import re
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core.models import Enrollment, Notice, OutboxEntry, User
from tests.factories import (
    EnrollmentFactory,
    GroupMembershipFactory,
    NoticeFactory,
    OutboxEntryFactory,
    RoleFactory,
    SyncRunFactory,
    UserFactory,
)


def running(**fields):
    return SyncRunFactory(status="running", heartbeat_at=timezone.now(), **fields)


def test_a_notice_reaches_its_reader_and_nobody_else(signed_in, mara, otto):
    mine = NoticeFactory(user=mara, text="Done", url="/admin/tools/")
    NoticeFactory(user=otto, text="Not for Mara")

    answer = signed_in(mara).get("/admin/live/").json()

    notice = {"id": mine.pk, "level": "success", "text": "Done", "url": "/admin/tools/", "link": "Look at it"}
    assert answer["notices"] == [notice]


def test_asking_alone_marks_nothing_as_seen(signed_in, mara):
    NoticeFactory(user=mara)
    browser = signed_in(mara)

    browser.get("/admin/live/")

    assert len(browser.get("/admin/live/").json()["notices"]) == 1


def test_a_seen_notice_is_not_told_again(signed_in, mara):
    notice = NoticeFactory(user=mara)
    browser = signed_in(mara)

    assert browser.post("/admin/live/seen/", {"id": [notice.pk]}).status_code == 204

    assert browser.get("/admin/live/").json()["notices"] == []
    notice.refresh_from_db()
    assert notice.seen_at is not None


def test_nobody_marks_the_notices_of_others(signed_in, mara, otto):
    notice = NoticeFactory(user=otto)

    signed_in(mara).post("/admin/live/seen/", {"id": [notice.pk, "x", "9" * 30]})

    assert Notice.objects.filter(seen_at__isnull=True).count() == 1


def test_seen_goes_by_post_with_a_token(mara):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(mara)

    assert browser.get("/admin/live/seen/").status_code == 405
    assert browser.post("/admin/live/seen/", {"id": ["1"]}).status_code == 403


def test_an_administrator_sees_runs_under_way(signed_in, alma):
    run = running(kind="users", pages_done=1, pages_total=4, fetched=500, busy_seconds=2.0)
    SyncRunFactory(kind="groups")

    (told,) = signed_in(alma).get("/admin/live/").json()["runs"]

    assert told["id"] == run.pk
    assert told["percent"] == 25
    assert told["line"] == "1 of 4 pages · 250 rows/s · about 6 s left"
    assert told["counts"]["fetched"] == "500"


@pytest.mark.parametrize("person", ["mara", "ana"])
def test_runs_are_not_for_people_of_a_team(person, request, signed_in, db):
    running()

    assert signed_in(request.getfixturevalue(person)).get("/admin/live/").json()["runs"] == []


def test_a_team_role_with_the_permission_still_sees_no_runs(signed_in, mara, acme):
    running()
    role = RoleFactory(permissions=["teams.view", "sync.manage", "tools.import"])
    mara.memberships.update(role=role)

    assert signed_in(mara).get("/admin/live/").json()["runs"] == []


def test_a_stranger_is_sent_to_sign_in(client, db):
    assert client.get("/admin/live/").status_code == 302
    assert client.get("/admin/notices/").status_code == 302


def test_it_takes_four_queries(signed_in, alma, django_assert_max_num_queries):
    running()
    NoticeFactory(user=alma)
    browser = signed_in(alma)

    with django_assert_max_num_queries(5):  # session, person, their role, notices, runs
        browser.get("/admin/live/")


# --- what the page shows -------------------------------------------------------------------------------


def watched(browser, url: str) -> tuple[str, str]:
    """The address with which the page asks, and the digest that it was drawn with."""
    page = browser.get(url).content.decode()
    address, digest = re.search(r'data-watch="([^"]*)" data-digest="([^"]*)"', page).groups()
    return f"/admin/live/?{unescape(address)}", digest


def digest(browser, address: str) -> str:
    return browser.get(address).json()["page"]


def page_of(obj, tab: str = "") -> str:
    url = reverse(f"admin:core_{obj._meta.model_name}_change", args=[obj.pk])
    return f"{url}?tab={tab}" if tab else url


def test_a_page_hears_when_its_change_was_sent(signed_in, alma, ana):
    entry = OutboxEntryFactory(object_id=ana.pk, person=ana)
    browser = signed_in(alma)
    address, drawn = watched(browser, page_of(ana))
    assert digest(browser, address) == drawn

    OutboxEntry.objects.filter(pk=entry.pk).update(status="done")

    assert digest(browser, address) != drawn
    assert digest(browser, address) == watched(browser, page_of(ana))[1]


def test_a_page_hears_of_what_belongs_to_its_object(signed_in, alma, ana):
    enrollment = EnrollmentFactory(user=ana)
    browser = signed_in(alma)
    address, drawn = watched(browser, page_of(ana))

    Enrollment.objects.filter(pk=enrollment.pk).update(push_state="failed")

    assert digest(browser, address) != drawn


def test_a_page_hears_of_values_that_a_sync_changed(signed_in, mara, ana):
    browser = signed_in(mara)
    address, drawn = watched(browser, page_of(ana))

    User.objects.filter(pk=ana.pk).update(last_name="Amesbury")

    assert digest(browser, address) != drawn


@pytest.mark.parametrize("tab", ["enrollments", "groups"])
def test_a_tab_hears_of_its_rows(signed_in, alma, ana, tab):
    enrollment, member = EnrollmentFactory(user=ana), GroupMembershipFactory(user=ana)
    browser = signed_in(alma)
    address, drawn = watched(browser, page_of(ana, tab))
    assert digest(browser, address) == drawn

    if tab == "enrollments":
        Enrollment.objects.filter(pk=enrollment.pk).update(percentage_completed="0.5")
    else:
        OutboxEntryFactory(entity="groupmembership", object_id=member.pk, person=ana)

    assert digest(browser, address) != drawn


def test_a_list_hears_of_its_rows_and_of_no_others(signed_in, mara, ana, bo, otto):
    browser = signed_in(mara)
    address, drawn = watched(browser, "/admin/core/user/")
    User.objects.filter(pk=otto.pk).update(first_name="Otto the First")
    assert digest(browser, f"{address},{otto.pk}") == drawn

    User.objects.filter(pk=bo.pk).update(thinkific_id=4711)

    assert digest(browser, address) != drawn


@pytest.mark.parametrize("tab", ["", "enrollments"])
def test_nobody_hears_of_what_they_may_not_see(signed_in, mara, alma, otto, tab):
    address, _ = watched(signed_in(alma), page_of(otto, tab))

    assert digest(signed_in(mara), address) == ""


@pytest.mark.parametrize(
    "asked",
    ["core.user.0", "core.user.x", "core.nothing.1", "core.outboxentry.1", "auth.permission", "", "..", "é"],
)
def test_nonsense_and_closed_screens_are_answered_with_nothing(signed_in, mara, asked):
    OutboxEntryFactory(pk=1)

    assert digest(signed_in(mara), f"/admin/live/?object={asked}") == ""


def test_asking_for_a_page_costs_a_constant_number_of_queries(signed_in, mara, acme_seat, accounting, ana):
    browser = signed_in(mara)

    def queries(address: str) -> int:
        browser.get(address)
        with CaptureQueriesContext(connection) as done:
            browser.get(address)
        return len(done)

    tab, rows = watched(browser, page_of(ana, "enrollments"))[0], "/admin/live/?object=core.user&rows="
    before = queries(tab), queries(f"{rows}{ana.pk}")
    for user in UserFactory.create_batch(5):
        EnrollmentFactory(user=user, product=accounting)
        EnrollmentFactory(user=ana)

    several = ",".join(str(user.pk) for user in User.objects.all())
    assert (queries(tab), queries(f"{rows}{several}")) == before
    assert max(before) <= 14


def test_a_form_that_is_being_filled_in_is_left_alone(signed_in, alma):
    page = signed_in(alma).get("/admin/core/sitesettings/1/change/").content.decode()

    assert "data-watch" not in page


def test_a_page_that_fetches_itself_takes_no_message_away(signed_in, alma, ana):
    browser = signed_in(alma)
    form = {"first_name": "Anna", "last_name": "Ames", "email": ana.email}
    browser.post(reverse("admin:core_user_do", args=[ana.pk, "edit"]), form)

    for url in (page_of(ana), page_of(ana, "teams"), "/admin/core/user/", "/admin/"):
        assert "Anna Ames is saved" not in browser.get(url, headers={"X-Live": "1"}).content.decode()

    assert "Anna Ames is saved" in browser.get(page_of(ana)).content.decode()


def test_a_run_that_began_and_ended_between_two_questions_is_heard_of(signed_in, alma, mara):
    browser = signed_in(alma)
    assert browser.get("/admin/live/").json()["newest_run"] is None

    run = SyncRunFactory(status="succeeded")

    answer = browser.get("/admin/live/").json()
    assert (answer["newest_run"], answer["runs"]) == (run.pk, [])
    assert signed_in(mara).get("/admin/live/").json()["newest_run"] is None


def test_the_list_shows_what_was_seen_too(signed_in, mara, otto):
    NoticeFactory(user=mara, text="An old one", seen_at=timezone.now())
    NoticeFactory(user=otto, text="Somebody else's")

    page = signed_in(mara).get("/admin/notices/").content.decode()

    assert "An old one" in page
    assert "Somebody else" not in page
