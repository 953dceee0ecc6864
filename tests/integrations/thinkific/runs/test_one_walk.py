"""A complete list is walked only once, even if two of its rows are one stored row."""

import pytest

from core.models import Enrollment, SiteSettings, User
from integrations.models import SyncRun
from integrations.thinkific.runs import completeness
from integrations.thinkific.runs.pages import RawPage
from integrations.thinkific.runs.state import ListState
from integrations.thinkific.sandbox import Scale
from tests.integrations.thinkific.pull.conftest import removed
from tests.integrations.thinkific.running import go_on

pytestmark = pytest.mark.django_db
PAGE = 5
SCALE = Scale(users=20, courses=4, builder_courses=0, bundles=0, groups=0)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr("integrations.thinkific.runs.fetch.PAGE_SIZE", PAGE)
    monkeypatch.setattr("integrations.thinkific.runs.fetch.AHEAD", 1)
    monkeypatch.setattr("integrations.thinkific.runs.fetch.GATHER", 0.0)


@pytest.fixture
def two_rows(pull, thinkific):
    """Give a student two enrollments of one course, on the first and on the last page; the last is newer."""
    for kind in ("products", "users"):
        pull(kind)
    site = thinkific.site
    one = site.enrollments.listing[0]
    row = {"user_id": one.user_id, "course_id": one.course_id}
    other = site.write("put", kind="enrollments", row=row)
    thinkific.reset_stats()
    return one.id, other


def pages(rows):
    return -(-len(rows) // PAGE)


def shown(number):
    return Enrollment.objects.filter(thinkific_id=number, removed_at=None).exists()


def test_two_enrollments_of_one_pair_on_different_pages_cost_no_second_walk(pull, thinkific, two_rows):
    other = two_rows[1]
    for _ in range(2):
        run = pull("enrollments")

        assert run.status == "succeeded"
        assert thinkific.stats.total == pages(thinkific.site.enrollments)
        assert shown(other)
        thinkific.reset_stats()

    vanished = thinkific.site.enrollments.listing[7].id
    thinkific.site.write("remove", kind="enrollments", row_ids=[vanished])
    assert pull("enrollments").removed == 1
    assert thinkific.stats.total == pages(thinkific.site.enrollments)
    assert not shown(vanished)


@pytest.mark.parametrize("gone", [0, 1], ids=["the older", "the newer"])
def test_when_one_of_the_two_is_gone_the_other_is_shown(pull, thinkific, two_rows, gone):
    pull("enrollments")
    stays = two_rows[1 - gone]
    thinkific.site.write("remove", kind="enrollments", row_ids=[two_rows[gone]])

    for _ in range(2):
        thinkific.reset_stats()
        assert pull("enrollments").status == "succeeded"
        assert thinkific.stats.total == pages(thinkific.site.enrollments)

    assert shown(stays)
    assert not removed(Enrollment).exists()


def as_stored_before(run):
    """Set the run to the state in which an older version leaves it after the first page."""
    state = run.cursor["users"]
    met = state["page"] * PAGE
    run.cursor["users"] = {
        name: state[name] for name in ("page", "round", "lost", "nameless", "top", "total", "most")
    } | {"new": met, "ended": False}
    run.seen = None
    run.save()


def test_a_run_that_an_older_version_began_goes_on(pull, thinkific):
    run = pull("users", seconds=0)
    assert (run.status, run.created) == ("queued", PAGE)
    as_stored_before(run)

    run = go_on(run)

    assert (run.status, run.errors, run.created) == ("succeeded", [], 20)
    assert thinkific.stats.total == pages(thinkific.site.users)
    assert "watermark" in run.cursor


def test_a_run_that_another_process_takes_up_counts_nothing_twice(pull, thinkific):
    thinkific.faults.add("shift_pages", how="insert", path="v1/users", next=1)  # a row comes twice
    run = pull("users", seconds=0)
    assert run.status == "queued"

    run = go_on(run)

    assert (run.status, run.errors) == ("succeeded", [])
    assert User.objects.filter(thinkific_id__isnull=False).count() == 20  # one signed up on a page passed
    assert SyncRun.objects.count() == 1


@pytest.mark.parametrize("also", ["", "new ones", "rows to come are deleted"])
def test_a_list_that_shrinks_all_the_time_is_walked_twice_and_complete(pull, thinkific, also):
    settings = SiteSettings.load()
    settings.deletion_guard_percent = 100
    settings.save()
    site, at = thinkific.site, []
    for number in range(60):
        site.write("put", kind="users", row={"email": f"old{number}@old.example"})
    pull("users")

    def delete_one(run):
        """Delete a row whose page was read, so that another row moves to that page."""
        listed = site.users.listing
        if run.pages_done not in at and run.pages_done % 3 == 0:
            at.append(run.pages_done)
            site.write("remove", kind="users", row_ids=[listed[1].id])
            if also == "rows to come are deleted":
                site.write("remove", kind="users", row_ids=[listed[-1].id])
            if also == "new ones":
                site.write("put", kind="users", row={"email": f"new{len(at)}@new.example"})

    run = pull("users", on_progress=delete_one)

    assert run.status == "succeeded"
    assert len(at) > 4
    there = {user.id for user in site.users.listing}
    assert run.requests <= 2 * pages(range(80)) + len(at)  # two walks, and the people that both missed
    # Nobody who exists was marked, although their rows moved twice to pages that were read before.
    assert not removed(User, thinkific_id__in=there).exists()
    pull("users")
    assert set(User.objects.filter(removed_at=None).values_list("thinkific_id", flat=True)) == there


def test_what_is_said_of_a_walk_is_true():
    fewer = completeness.in_words(completeness.SHORT, what="people", total=504, came=503)
    more = completeness.in_words(completeness.SHORT, what="people", total=504, came=512)

    assert "says that there are 504 people, but only 503 came, in 3 walks" in fewer
    assert "changed so much, in 3 walks, that some may not have come" in more
    assert "only" not in more


def test_a_repeated_walk_of_unknown_length_at_first_is_never_called_whole():
    """It may have grown by any number, so what it did not meet must not count as gone."""
    came = completeness.RowCounts(rows=90, newest=100, made_since=lambda moment: 0)
    known = ListState(round=2, total=100, most=100, first_of_all=100)
    unknown = ListState(round=2, total=100, most=500)

    assert completeness.only_shrinks(known, came)
    assert not completeness.only_shrinks(unknown, came)


def test_the_first_total_of_a_run_that_an_older_version_began_is_noted_later():
    state = ListState(round=2, total=504, most=504)
    page = RawPage(items=[], page=1, total_items=500)

    completeness.note_totals(state, [page])

    assert state.first_of_all == 500
