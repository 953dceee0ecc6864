import pytest
from django.test import Client
from django.utils import timezone

from core.models import Notice
from tests.factories import NoticeFactory, RoleFactory, SyncRunFactory


def running(**fields):
    return SyncRunFactory(status="running", heartbeat_at=timezone.now(), **fields)


def test_a_notice_reaches_its_reader_and_nobody_else(signed_in, mara, otto):
    mine = NoticeFactory(user=mara, text="Done", url="/admin/tools/")
    NoticeFactory(user=otto, text="Not for Mara")

    answer = signed_in(mara).get("/admin/live/").json()

    assert answer["notices"] == [{"id": mine.pk, "level": "success", "text": "Done", "url": "/admin/tools/"}]


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


def test_the_list_shows_what_was_seen_too(signed_in, mara, otto):
    NoticeFactory(user=mara, text="An old one", seen_at=timezone.now())
    NoticeFactory(user=otto, text="Somebody else's")

    page = signed_in(mara).get("/admin/notices/").content.decode()

    assert "An old one" in page
    assert "Somebody else" not in page
