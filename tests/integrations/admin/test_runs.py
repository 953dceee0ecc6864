import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.models import SyncRun
from integrations.thinkific.kinds import carry_out
from integrations.thinkific.runs.lifecycle import claim, open_run
from tests.factories import ProductFactory, RoleFactory, SyncConflictFactory, SyncRunFactory, UserFactory

ACTIONS = ["cancel", "resume", "confirm"]


def address(run, action="change") -> str:
    return f"/admin/integrations/syncrun/{run.pk}/{action}/"


@pytest.fixture
def running(db):
    return SyncRunFactory(
        status="running",
        heartbeat_at=timezone.now(),
        pages_done=12,
        pages_total=400,
        fetched=3000,
        busy_seconds=10,
    )


# --- doors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", ["mara", "owen", "ana"])
def test_people_of_a_team_see_no_run(person, request, signed_in, running):
    browser = signed_in(request.getfixturevalue(person))

    for url in ("/admin/integrations/syncrun/", address(running)):
        assert browser.get(url).status_code in {403, 404}
    for action in ACTIONS:
        assert browser.post(address(running, action)).status_code == 403


@pytest.mark.parametrize("action", ACTIONS)
def test_actions_go_by_post_with_a_token_only(action, root, running):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(root)

    assert browser.get(address(running, action)).status_code == 403
    assert browser.post(address(running, action)).status_code == 403
    running.refresh_from_db()
    assert running.cancel_requested_at is None


def test_looking_at_runs_does_not_include_changing_them(signed_in, db, running):
    looker = UserFactory(global_role=RoleFactory(is_global=True, permissions=["tools.import"]))
    browser = signed_in(looker)

    page = browser.get(address(running)).content.decode()

    assert "Cancel…" not in page
    assert browser.post(address(running, "cancel")).status_code == 403


def test_a_run_is_read_only(signed_in, root, running):
    assert signed_in(root).post(address(running), {"status": "succeeded"}).status_code == 403
    assert signed_in(root).get("/admin/integrations/syncrun/add/").status_code == 403
    assert signed_in(root).post(address(running, "delete")).status_code == 403


def test_a_run_that_is_not_there(signed_in, root):
    assert signed_in(root).post("/admin/integrations/syncrun/999/cancel/").status_code == 404


# --- what is shown -------------------------------------------------------------------------------------


def test_a_running_run_shows_how_far_it_is(signed_in, root, running):
    page = signed_in(root).get(address(running)).content.decode()

    assert "12 of 400 pages · 300 rows/s · about 5 min left" in page
    assert 'aria-valuenow="3"' in page
    assert "12 of 400 pages are done. 3,000 rows read" in page  # the dialog before cancelling


def test_errors_name_their_object(signed_in, root):
    run = SyncRunFactory(
        status="partial", failed=1, errors=[{"object": "Ana <ana@acme.example>", "message": "<i>taken</i>"}]
    )
    SyncConflictFactory(run=run)

    page = signed_in(root).get(address(run)).content.decode()

    assert "Ana &lt;ana@acme.example&gt;" in page
    assert "&lt;i&gt;taken&lt;/i&gt;" in page


def test_what_a_run_says_that_succeeded_is_no_error(signed_in, root):
    said = [{"object": "Enrollments", "message": "3 enrollments belong to people who are gone."}]
    run = SyncRunFactory(status="succeeded", skipped=3, errors=said)

    page = signed_in(root).get(address(run)).content.decode()

    assert "<h2>Notes</h2>" in page
    assert "<h2>Errors</h2>" not in page


def test_the_list_takes_the_same_queries_for_more_runs(signed_in, root):
    browser = signed_in(root)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get("/admin/integrations/syncrun/").status_code == 200
        return len(captured)

    SyncRunFactory.create_batch(2, started_by=root)
    before = queries()
    SyncRunFactory.create_batch(10, started_by=root)

    assert queries() == before
    assert before <= 15


@pytest.mark.parametrize("query", ["?kind=users", "?status=active", "?trigger=person", "?status=nonsense"])
def test_the_list_is_filtered(query, signed_in, root, running):
    assert signed_in(root).get(f"/admin/integrations/syncrun/{query}").status_code == 200


# --- what can be done ----------------------------------------------------------------------------------


def test_a_waiting_run_is_cancelled_at_once(signed_in, root):
    run = SyncRunFactory(status="queued")

    signed_in(root).post(address(run, "cancel"))

    run.refresh_from_db()
    assert run.status == SyncRun.Status.CANCELLED


def test_a_running_run_is_asked_to_stop(signed_in, root, running):
    page = signed_in(root).post(address(running, "cancel"), follow=True).content.decode()

    running.refresh_from_db()
    assert running.cancel_requested_at is not None
    assert "Stopping after the page it is on" in page


def test_a_cancelled_run_is_resumed_for_who_asked(signed_in, root, credentials):
    run = SyncRunFactory(status="cancelled", pages_done=3, pages_total=9)
    browser = signed_in(root)
    assert "It continues after page 3 of 9" in browser.get(address(run)).content.decode()

    browser.post(address(run, "resume"))

    run.refresh_from_db()
    assert run.status == SyncRun.Status.QUEUED
    assert list(run.watchers.all()) == [root]


def test_a_finished_run_is_not_resumed(signed_in, root, credentials):
    run = SyncRunFactory(status="succeeded")

    page = signed_in(root).post(address(run, "resume"), follow=True).content.decode()

    assert "nothing left to resume" in page
    assert SyncRun.objects.get().status == SyncRun.Status.SUCCEEDED


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "script"])
def test_what_is_refused_is_said_in_the_dialog(signed_in, root, credentials, headers):
    run = SyncRunFactory(status="succeeded")

    answer = signed_in(root).post(address(run, "resume"), headers=headers)

    assert answer.status_code == 200
    assert "nothing left to resume" in str(answer.context["form"].non_field_errors())
    shown = answer.content.decode()
    assert ('<dialog id="resume"' if headers else 'id="dialog"') in shown
    assert "Resume this run?" in shown


def test_removals_that_nobody_held_back_are_not_confirmed(signed_in, root, credentials):
    run = SyncRunFactory(status="partial")

    page = signed_in(root).post(address(run, "confirm"), follow=True).content.decode()

    assert "The deletion guard did not stop" in page
    assert SyncRun.objects.count() == 1


def test_another_number_than_was_shown_is_not_confirmed(signed_in, root, credentials):
    run = SyncRunFactory(status="partial", guarded=40)
    browser = signed_in(root)
    assert 'name="removals" value="40"' in browser.get(address(run)).content.decode()
    SyncRun.objects.update(guarded=4000)

    page = browser.post(address(run, "confirm"), {"removals": "40"}, follow=True).content.decode()

    assert "40 removals were held back when you looked, and 4,000 are by now" in page
    assert SyncRun.objects.count() == 1


def test_who_confirms_second_is_told_who_was_first(signed_in, root, alma, credentials):
    run = SyncRunFactory(status="partial", guarded=40)
    signed_in(alma).post(address(run, "confirm"), {"removals": "40"})

    page = signed_in(root).post(address(run, "confirm"), {"removals": "40"}, follow=True).content.decode()

    assert "Alma Admin has started this run already" in page
    begun = SyncRun.objects.latest("id")
    SyncRun.objects.filter(pk=begun.pk).update(status="succeeded", finished_at=timezone.now())
    late = signed_in(root).post(address(run, "confirm"), {"removals": "40"}, follow=True).content.decode()
    assert "started by Alma Admin, has looked at everything since" in late
    assert "held back" not in late
    assert SyncRun.objects.count() == 2


def test_a_run_that_has_ended_is_not_said_to_be_cancelled(signed_in, root):
    run = SyncRunFactory(status="succeeded")

    page = signed_in(root).post(address(run, "cancel"), follow=True).content.decode()

    assert "had ended already" in page


def test_confirming_while_such_a_run_is_under_way_says_so(signed_in, root, credentials, running):
    guarded = SyncRunFactory(status="partial", guarded=40)

    page = signed_in(root).post(address(guarded, "confirm"), follow=True).content.decode()

    assert "is under way" in page
    assert SyncRun.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_removals_that_the_guard_held_back_are_confirmed_from_the_page(signed_in, root, connected):
    gone = ProductFactory.create_batch(60, source="rest")
    first, _ = open_run("products")
    carry_out(claim(first.pk, worker="test"))
    first.refresh_from_db()
    browser = signed_in(root)
    page = browser.get(address(first)).content.decode()
    assert first.guarded == len(gone)
    assert "60 removals held back" in page
    assert "Mark 60 products as removed?" in page

    browser.post(address(first, "confirm"))

    second = SyncRun.objects.latest("id")
    carry_out(claim(second.pk, worker="test"))
    second.refresh_from_db()
    assert (second.status, second.removed) == (SyncRun.Status.SUCCEEDED, len(gone))
