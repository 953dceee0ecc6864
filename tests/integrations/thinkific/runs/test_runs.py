"""The life of a run: slices, cancelling, resuming, dry runs, notices at the end."""

from itertools import pairwise

import pytest
from django.apps import apps
from django.utils import timezone

from core.errors import NotConnected, Refusal
from core.models import Enrollment, Notice, User
from integrations.models import Kind, SyncRun
from integrations.thinkific.kinds import PULLS, carry_out
from integrations.thinkific.runs import lifecycle
from tests.integrations.thinkific.pull.conftest import counts
from tests.integrations.thinkific.running import go_on

pytestmark = pytest.mark.django_db


def everything():
    """Returns all rows of all tables, except the shared state of the request budget."""
    models = [m for m in apps.get_models() if m._meta.label != "integrations.RequestBudget"]
    return {m._meta.label: list(m._base_manager.order_by("pk").values()) for m in models}


def dry(kind, *, full=True):
    run = SyncRun(kind=kind, full=full, status="running", started_at=timezone.now())
    carry_out(run, dry_run=True)
    return run


@pytest.mark.parametrize("kind", PULLS)
def test_a_dry_run_counts_as_the_real_one_and_writes_nothing(pull, thinkific, kind):
    if kind not in ("products", "users", "groups"):
        for before in ("products", "content", "users", "enrollments"):
            if before != kind:
                pull(before)
    before = everything()

    tried = dry(kind)

    assert everything() == before
    assert tried.status == "succeeded"
    real = pull(kind)
    assert counts(tried) == counts(real)
    assert counts(real)["fetched"] > 0


def test_a_dry_run_of_changes_counts_them(pull_everything, thinkific):
    pull_everything()
    thinkific.site.write("put", kind="users", row={"id": 90005, "first_name": "Else"})
    thinkific.site.write("delete_user", user_id=90020)
    before = everything()

    tried = dry("users")

    assert everything() == before
    assert counts(tried) == {"fetched": 39, "updated": 1, "unchanged": 38, "removed": 1}


@pytest.mark.parametrize("kind", PULLS)
def test_a_run_in_slices_ends_as_one_at_a_stretch(pull, pull_everything, thinkific, kind, monkeypatch):
    monkeypatch.setattr("integrations.thinkific.runs.fetch.PAGE_SIZE", 10)
    pull_everything()
    whole = SyncRun.objects.get(kind=kind)
    User.objects.all().delete()

    for before in PULLS:
        run, _ = lifecycle.open_run(before)
        slices = 0
        while run.status in SyncRun.ACTIVE:
            run = go_on(run, seconds=0.0 if before == kind else None)
            slices += 1
            assert slices < 200
        if before == kind:
            break

    assert run.status == "succeeded"
    assert run.attempts == slices
    if kind == Kind.CONTENT:  # sizes are known the second time
        assert run.requests == whole.requests - 1
    elif kind != Kind.CERTIFICATES:
        assert run.requests == whole.requests
    assert run.fetched == whole.fetched


@pytest.mark.parametrize("kind", ["enrollments", "quiz_results"])
def test_a_first_pull_of_changes_is_a_full_one_after_a_kill_too(pull, kind, monkeypatch):
    monkeypatch.setattr("integrations.thinkific.runs.fetch.PAGE_SIZE", 10)
    pull("products")
    pull("users")
    run, _ = lifecycle.open_run(kind, full=False)
    run = go_on(run, seconds=0.0)
    assert run.status in SyncRun.ACTIVE
    SyncRun.objects.filter(pk=run.pk).update(full=False)  # a kill leaves what its steps have committed

    run = go_on(run)

    assert (run.status, run.full, run.errors) == ("succeeded", True, [])


def test_what_is_fetched_when_the_time_is_up_is_stored_first(pull, thinkific, monkeypatch):
    monkeypatch.setattr("integrations.thinkific.runs.fetch.PAGE_SIZE", 5)
    thinkific.set_options(latency=0.02)
    run, _ = lifecycle.open_run("users")

    while run.status in SyncRun.ACTIVE:
        run = go_on(run, seconds=0.05)

    assert (run.status, run.requests, run.fetched) == ("succeeded", 8, 40)


def test_a_waiting_run_is_cancelled_at_once(connected):
    run, _ = lifecycle.open_run("users")

    lifecycle.cancel(run)

    run.refresh_from_db()
    assert run.status == "cancelled"
    assert lifecycle.claim(run.pk, worker="here:1") is None


def test_a_running_run_is_cancelled_at_its_next_step_and_can_go_on(pull, connected, root, monkeypatch):
    monkeypatch.setattr("integrations.thinkific.runs.fetch.PAGE_SIZE", 10)
    run = pull(
        "users", on_progress=lambda run: lifecycle.cancel(SyncRun.objects.get(pk=run.pk)), started_by=root
    )
    stored = User.objects.filter(thinkific_id__isnull=False).count()
    assert run.status == "cancelled"
    assert 0 < stored < 40
    assert run.fetched == stored
    assert "cancelled" in Notice.objects.get(user=root).text

    lifecycle.resume(run, by=root)
    run = go_on(run)
    assert (run.status, run.fetched) == ("succeeded", 40)
    assert User.objects.filter(thinkific_id__isnull=False).count() == 40


def test_what_has_succeeded_or_is_under_way_cannot_be_resumed(pull, root):
    with pytest.raises(Refusal, match="has succeeded"):
        lifecycle.resume(pull("users"), by=root)
    waiting, _ = lifecycle.open_run("users")
    with pytest.raises(Refusal, match="still under way"):
        lifecycle.resume(waiting, by=root)


def test_who_asked_and_who_watches_are_told_how_it_ended(connected, root, alma):
    asked = lifecycle.request_run("users", started_by=root)
    again = lifecycle.request_run("users", started_by=alma)
    assert (again.run_id, again.attached) == (asked.run_id, True)

    go_on(SyncRun.objects.get(pk=asked.run_id))

    notices = Notice.objects.order_by("user")
    assert {notice.user for notice in notices} == {root, alma}
    assert all("40 new" in notice.text and notice.url == asked.url for notice in notices)
    assert {notice.level for notice in notices} == {"success"}


def test_choices_that_a_run_under_way_would_not_make_are_refused(connected, root, alma):
    lifecycle.request_run("users", started_by=root)

    with pytest.raises(Refusal):
        lifecycle.request_run("users", started_by=alma, options={"emails": "allow", "team_id": None})


def test_nothing_can_be_asked_for_without_a_site(db, root, settings):
    settings.THINKIFIC_API_KEY = settings.THINKIFIC_ACCESS_TOKEN = ""

    with pytest.raises(NotConnected):
        lifecycle.request_run("users", started_by=root)


@pytest.mark.slow
def test_progress_is_written_while_an_answer_is_awaited(pull_everything, thinkific, settings):
    """The heartbeat goes on during slow answers, over REST and GraphQL."""
    pull_everything()
    for kind, path in ((Kind.USERS, "v1/users"), (Kind.QUIZ_RESULTS, "graphql")):
        thinkific.faults.add("stall", seconds=3.5, next=1, path=path)
        run, _ = lifecycle.open_run(kind)
        beats = []
        go_on(run, on_progress=lambda run, beats=beats: beats.append(run.heartbeat_at))
        gaps = [later - earlier for earlier, later in pairwise(beats)]
        assert max(gap.total_seconds() for gap in gaps) < 2.1, kind
        assert len(beats) >= 3


def test_one_product_can_be_pulled_alone(pull, pull_everything, thinkific, asked, settings):
    settings.THINKIFIC_GRAPHQL_POINTS = 10**9  # so that its content comes over GraphQL
    pull_everything()
    site = thinkific.site
    course = site.courses.listing[0]
    product = Enrollment.objects.filter(product__productable_id=course["id"]).first().product
    site.write("rename_course", course_id=course["id"], name="Renamed")
    site.write("put", kind="courses", row={"id": course["id"], "chapter_ids": course["chapter_ids"][1:]})
    asked()

    run = pull("products", product_id=product.pk)

    product.refresh_from_db()
    assert (run.status, product.name) == ("succeeded", "Renamed")
    assert product.chapters.filter(removed_at=None).count() == len(course["chapter_ids"]) - 1
    assert asked() == {"/api/public/v1/products/{id}": 1, "Curriculum": 1}
