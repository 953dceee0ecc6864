"""Endless lists, and lists whose totals are wrong or missing: the run ends as partial, and nothing counts as
gone because of them."""

import pytest

from core.models import (
    Certificate,
    Enrollment,
    GroupMembership,
    Lesson,
    Membership,
    Product,
    QuizResult,
    SiteSettings,
    ThinkificGroup,
    User,
)
from integrations.models import Drift, DriftReport, SyncRun
from integrations.thinkific.client import schemas
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.client.errors import Endless
from tests.factories import GroupAssignmentFactory
from tests.integrations.thinkific.pull.conftest import SIXTY, removed

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

PATHS = {
    "users": "v1/users",
    "enrollments": "v1/enrollments",
    "products": "v1/products",
    "groups": "v1/groups",
}
MODELS = {"users": User, "enrollments": Enrollment, "products": Product, "groups": ThinkificGroup}
SCALE = SIXTY


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr("integrations.thinkific.runs.fetch.PAGE_SIZE", 4)


def none_removed():
    models = (*MODELS.values(), GroupMembership, Lesson, QuizResult, Certificate)
    return [model.__name__ for model in models if removed(model).exists()] == []


# --- without end --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [True, False], ids=["first pull", "later"])
@pytest.mark.parametrize("kind", PATHS)
def test_an_endless_first_page_ends_the_walk_and_removes_nothing(
    request, pull, thinkific, connected, kind, first
):
    if not first:
        request.getfixturevalue("site")
    thinkific.faults.add("repeat_page", path=PATHS[kind])

    run = pull(kind)

    assert run.status == "partial"
    assert any("does not end: 3 pages in a row" in error["message"] for error in run.errors)
    assert run.requests < 40
    assert none_removed()
    assert "watermark" not in run.cursor


def test_what_changed_without_end_leaves_the_watermark_where_it_was(pull, site, thinkific):
    before = SyncRun.objects.filter(kind="enrollments").latest("pk").cursor["watermark"]
    for row in list(site.enrollments)[:12]:
        site.write("move_progress", enrollment_id=row.id, percent=31)
    thinkific.faults.add("repeat_page", path=PATHS["enrollments"])

    run = pull("enrollments", full=False)

    assert (run.status, run.full) == ("partial", False)
    assert "watermark" not in run.cursor
    thinkific.faults.clear()
    again = pull("enrollments", full=False)
    assert again.status == "succeeded"
    assert again.cursor["watermark"] >= before
    moved = Enrollment.objects.filter(percentage_completed="0.31", thinkific_id__isnull=False)
    assert moved.count() == 12


def test_endless_members_are_removed_from_no_group_and_the_other_groups_are_pulled(
    pull, site, thinkific, acme
):
    SiteSettings.objects.update(mirror_group_removals=True)
    one, other = ThinkificGroup.objects.order_by("pk")[:2]
    leaves = next(iter(site.members[other.thinkific_id]))
    site.write("remove_from_groups", user_ids=[leaves], group_ids=[other.thinkific_id])
    site.write(
        "remove_from_groups", user_ids=list(site.members[one.thinkific_id])[-1:], group_ids=[one.thinkific_id]
    )
    thinkific.faults.add("repeat_page", path=rf"group_id%5D={one.thinkific_id}|group_id\]={one.thinkific_id}")

    run = pull("groups")

    assert run.status == "partial"
    assert [row.group for row in removed(GroupMembership)] == [other]


def test_endless_holders_of_a_bundle_remove_nobody(pull, site, thinkific):
    thinkific.faults.add("repeat_page", path="/bundles/.*/enrollments")

    run = pull("enrollments")

    assert run.status == "partial"
    assert none_removed()
    assert run.requests < 200


@pytest.mark.parametrize("kind", ["quiz_results", "certificates", "content", "products"])
def test_graphql_without_end_ends_as_partial(pull, site, thinkific, kind):
    thinkific.faults.add("repeat_page", path="graphql")

    run = pull(kind)

    assert run.status == "partial"
    assert any("does not end" in error["message"] for error in run.errors)
    assert run.requests < 80
    assert none_removed()


def test_endless_chapters_over_rest_remove_none(pull, site, thinkific, settings):
    settings.THINKIFIC_ACCESS_TOKEN = ""
    thinkific.faults.add("repeat_page", path="chapters|contents")

    run = pull("content")

    assert run.status == "partial"
    assert none_removed()


def test_a_reconciliation_of_endless_lists_ends_and_says_so(pull, site, thinkific):
    thinkific.faults.add("repeat_page")

    run = pull("reconciliation")

    assert run.status == "partial"
    assert run.requests < 600
    assert not Drift.objects.filter(sort="only_here").exists()
    notes = dict(DriftReport.objects.values_list("kind", "note"))
    for kind in ("users", "enrollments", "groups", "members", "quiz_results"):
        assert "was not judged" in notes[kind] or "Not compared" in notes[kind], (kind, notes[kind])


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: list(client.rest.list_all("/users", schemas.User)),
        lambda client: client.rest.find_group_by_name("No such group"),
    ],
    ids=["users", "groups"],
)
def test_looking_something_up_ends_too(connected, thinkific, ask, monkeypatch):
    monkeypatch.setattr("integrations.thinkific.client.rest.PAGE_SIZE", 2)
    thinkific.faults.add("repeat_page")

    with pytest.raises(Endless, match="does not end"):
        ask(ThinkificClient(Credentials.from_settings()))

    assert thinkific.stats.total == 4


# --- totals that are not true -------------------------------------------------------------------------------

LIES = {
    "no meta": None,
    "null": {"total_items": None, "total_pages": None, "next_page": None},
    "words": {"total_items": "abc", "total_pages": "abc", "next_page": None},
    "zero": {"total_items": 0, "total_pages": 0, "next_page": None},
    "minus one": {"total_items": -1, "total_pages": -1, "next_page": None},
    "too few": {"total_items": 3, "total_pages": 1, "next_page": None},
    "one page": {"total_pages": 1, "next_page": None},
    "no pages, no items": {"total_pages": None, "total_items": None},
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("kind", PATHS)
def test_a_full_page_is_not_the_last_whatever_the_total(pull, site, thinkific, kind, lie):
    SiteSettings.objects.update(deletion_guard_percent=100)
    before = MODELS[kind].objects.filter(removed_at=None).count()
    thinkific.faults.add("told", path=rf"{PATHS[kind]}\?", told=LIES[lie])

    run = pull(kind)

    assert none_removed(), run.errors
    assert run.removed == run.guarded == 0
    assert MODELS[kind].objects.filter(removed_at=None).count() == before
    if lie == "one page":  # how many there are is true
        assert run.status == "succeeded"
    else:
        assert run.status == "partial"
        assert any("What is gone was not judged" in error["message"] for error in run.errors)


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("kind", PATHS)
def test_a_first_pull_gets_everything_whatever_the_total(pull, connected, thinkific, kind, lie):
    thinkific.faults.add("told", path=rf"{PATHS[kind]}\?", told=LIES[lie])

    pull(kind)

    theirs = {"users": thinkific.site.users, "enrollments": thinkific.site.enrollments}
    theirs |= {"products": thinkific.site.products, "groups": thinkific.site.groups}
    rows = MODELS[kind].objects.filter(thinkific_id__isnull=False)
    assert rows.count() >= len(theirs[kind]) - 2  # some products only GraphQL shows
    if kind != "products":
        assert rows.count() >= len(theirs[kind])


@pytest.mark.parametrize("lie", [lie for lie in LIES if lie != "one page"])
def test_members_stay_in_groups_and_teams_whatever_the_total(pull, site, thinkific, acme, lie):
    SiteSettings.objects.update(mirror_group_removals=True, deletion_guard_percent=100)
    group = ThinkificGroup.objects.first()
    GroupAssignmentFactory(group=group, team=acme, direction="thinkific_to_dashboard")
    pull("groups")
    joined = Membership.objects.filter(team=acme).count()
    thinkific.faults.add("told", path="group_id", told=LIES[lie])

    run = pull("groups")

    assert run.status == "partial"
    assert none_removed()
    assert Membership.objects.filter(team=acme).count() == joined > 1


@pytest.mark.parametrize("lie", ["zero", "null"])
def test_an_empty_list_of_members_proves_nothing_without_its_total(pull, site, thinkific, lie):
    thinkific.faults.add("empty_list", path="group_id")
    thinkific.faults.add("told", path="group_id", told=LIES["null"])

    pull("groups")

    assert none_removed()


@pytest.mark.parametrize("kind", ["quiz_results", "certificates", "content", "products"])
def test_graphql_without_a_word_on_further_pages_does_not_count_as_complete(pull, site, thinkific, kind):
    thinkific.faults.add("told", path="graphql")

    run = pull(kind)

    assert run.status in ("partial", "failed")
    assert "does not say whether more follows" in str(run.errors)
    assert none_removed()


@pytest.mark.parametrize("lie", ["no meta", "zero", "minus one", "too few"])
def test_a_reconciliation_finds_nobody_only_here_whatever_the_total(pull, site, thinkific, lie):
    thinkific.faults.add("told", path="v1/(users|enrollments|groups|products)", told=LIES[lie])

    pull("reconciliation")

    assert not Drift.objects.filter(sort="only_here").exists()
    notes = dict(DriftReport.objects.values_list("kind", "note"))
    assert "was not judged" in notes["users"]


def test_chapters_without_a_total_remove_none(pull, site, thinkific, settings):
    settings.THINKIFIC_ACCESS_TOKEN = ""
    thinkific.faults.add("told", path="chapters|contents", told={"total_items": 0, "total_pages": 0})
    thinkific.faults.add("empty_list", path="contents")

    pull("content")

    assert none_removed()


def test_who_is_gone_is_still_found(pull, site, thinkific):
    site.write("delete_user", user_id=90020)

    assert pull("users").removed == 1
