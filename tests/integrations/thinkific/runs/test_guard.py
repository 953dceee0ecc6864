"""Lists that are wrong or change: few rows are marked as removed unless a person confirms, and none is stored
twice."""

import pytest

from core.errors import Refusal
from core.models import (
    Enrollment,
    GroupMembership,
    Membership,
    Product,
    QuizResult,
    SiteSettings,
    ThinkificGroup,
    User,
)
from integrations.models import SyncRun
from integrations.thinkific.runs import lifecycle
from tests.factories import GroupAssignmentFactory
from tests.integrations.thinkific.pull.conftest import SIXTY, counts, removed
from tests.integrations.thinkific.running import go_on

pytestmark = pytest.mark.django_db
SCALE = SIXTY


# --- the deletion guard ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "path", "model"),
    [
        ("users", "/users", User),
        ("enrollments", r"v1/enrollments", Enrollment),
        ("products", r"/products", Product),
        ("groups", r"/groups", ThinkificGroup),
    ],
)
def test_an_empty_answer_where_many_were_stops_at_the_guard(
    pull, site, thinkific, kind, path, model, settings
):
    settings.THINKIFIC_ACCESS_TOKEN = ""  # GraphQL would prove that the products are there
    before = model.objects.filter(removed_at=None).count()
    thinkific.faults.add("empty_list", path=path)

    run = pull(kind)

    assert run.status == "partial"
    assert run.guarded > 0
    assert "missing in Thinkific" in run.errors[0]["message"]
    assert model.objects.filter(removed_at=None).count() == before
    assert run.removed == 0


def test_lists_of_members_that_come_back_empty_empty_no_group_and_no_team(pull, site, thinkific, acme):
    SiteSettings.objects.update(mirror_group_removals=True)
    group = ThinkificGroup.objects.first()
    GroupAssignmentFactory(group=group, team=acme, direction="thinkific_to_dashboard")
    pull("groups")
    joined = Membership.objects.filter(team=acme).count()
    assert joined > 1
    thinkific.faults.add("empty_list", path="group_id")

    run = pull("groups")

    assert (run.status, run.guarded > 0) == ("partial", True)
    assert not removed(GroupMembership).exists()
    assert Membership.objects.filter(team=acme).count() == joined


def test_a_list_of_bundle_holders_that_comes_back_empty_ends_nothing(pull, site, thinkific):
    thinkific.faults.add("empty_list", path="/bundles/.*/enrollments")

    run = pull("enrollments")

    assert (run.status, run.guarded > 0) == ("partial", True)
    assert not removed(Enrollment).exists()


def test_more_than_a_tenth_waits_for_an_administrator_who_confirms(pull, site, root):
    gone = list(range(90040, 90050))
    site.write("delete_users", user_ids=gone)

    run = pull("users")

    assert (run.status, run.guarded, run.removed) == ("partial", 10, 0)
    assert "10 of 60 people" in run.errors[0]["message"]

    confirmed = lifecycle.confirm_removals(run, by=root)
    after = go_on(SyncRun.objects.get(pk=confirmed.run_id))
    assert (after.status, after.removed, after.guarded) == ("succeeded", 10, 0)
    assert set(removed(User).values_list("thinkific_id", flat=True)) == set(gone)


def test_no_more_are_marked_than_were_confirmed(pull, site, root):
    site.write("delete_users", user_ids=list(range(90040, 90050)))
    confirmed = lifecycle.confirm_removals(pull("users"), by=root, shown=10)
    site.write("delete_users", user_ids=[90030])

    after = go_on(SyncRun.objects.get(pk=confirmed.run_id))

    assert (after.status, after.removed, after.guarded) == ("partial", 0, 11)
    again = go_on(SyncRun.objects.get(pk=lifecycle.confirm_removals(after, by=root, shown=11).run_id))
    assert (again.status, again.removed) == ("succeeded", 11)


def test_lists_that_are_emptied_beyond_what_was_confirmed_empty_no_group(pull, site, thinkific, root):
    thinkific.faults.add("empty_list", path="group_id")
    run = pull("groups")
    SyncRun.objects.filter(pk=run.pk).update(guarded=1)
    run.refresh_from_db()

    after = go_on(SyncRun.objects.get(pk=lifecycle.confirm_removals(run, by=root).run_id))

    assert after.guarded > 1
    assert not removed(GroupMembership).exists()


def test_a_question_that_a_later_run_has_answered_is_not_confirmed(pull, site, root):
    site.write("delete_users", user_ids=list(range(90040, 90050)))
    first = pull("users")
    go_on(SyncRun.objects.get(pk=lifecycle.confirm_removals(first, by=root).run_id))
    site.write("delete_users", user_ids=list(range(90030, 90040)))

    with pytest.raises(Refusal, match=f"started by {root}, has looked at everything since"):
        lifecycle.confirm_removals(first, by=root)


def test_a_tenth_is_removed_without_a_question(pull, site):
    site.write("delete_users", user_ids=list(range(90040, 90046)))

    run = pull("users")

    assert (run.status, run.removed) == ("succeeded", 6)


def test_nothing_can_be_confirmed_if_the_guard_did_not_stop_the_run(pull, site, root):
    with pytest.raises(Refusal, match="did not stop"):
        lifecycle.confirm_removals(pull("users"), by=root)


def test_with_a_setting_of_zero_every_removal_needs_a_person(pull, site):
    SiteSettings.objects.update(deletion_guard_percent=0)
    site.write("delete_user", user_id=90020)

    assert pull("users").guarded == 1


# --- pages that shift ----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["move", "insert"])
@pytest.mark.parametrize("kind", ["users", "enrollments"])
def test_pages_that_shift_double_nothing_and_lose_nothing(pull, thinkific, monkeypatch, kind, how):
    monkeypatch.setattr("integrations.thinkific.runs.fetch.PAGE_SIZE", 10)
    if kind == "enrollments":
        pull("users")
    pull(kind)
    model = User if kind == "users" else Enrollment
    thinkific.faults.add("shift_pages", how=how, path=f"v1/{kind}", every=2, next=3)

    run = pull(kind)
    thinkific.faults.clear()

    rows = model.objects.filter(thinkific_id__isnull=False)
    assert not rows.filter(removed_at__isnull=False).exists(), run.errors
    pull(kind)
    if kind == "users":
        theirs = sorted(row.id for row in thinkific.site.users)
        assert sorted(rows.values_list("thinkific_id", flat=True)) == theirs
    else:  # the stand-in inserts the same person into the same course every time
        theirs = {(row.user_id, row.course_id) for row in thinkific.site.enrollments}
        assert sorted(rows.values_list("user__thinkific_id", "product__productable_id")) == sorted(theirs)


def test_a_list_that_changes_all_the_time_removes_nothing(pull, site, thinkific, monkeypatch):
    monkeypatch.setattr("integrations.thinkific.runs.fetch.PAGE_SIZE", 10)
    site.write("delete_user", user_id=90020)
    thinkific.faults.add("shift_pages", how="move", path="v1/users")

    run = pull("users")

    assert not removed(User).exclude(thinkific_id=90020).exists()
    if run.status == "partial":
        assert "in 3 walks" in run.errors[0]["message"]


def test_nobody_is_marked_when_a_row_came_without_an_id(pull, site):
    site.write("put", kind="users", row={"id": 90020})
    site.users[90020].raw = {"id": None}
    site.users[90020].cache = None

    run = pull("users")

    assert (run.status, run.failed) == ("partial", 1)
    assert not removed(User).exists()


def test_a_known_row_that_cannot_be_read_is_not_gone(pull, site):
    site.submissions.listing[0].user_id = 0
    site.write("put", kind="users", row={"id": 90020, "email": None})
    site.version += 1

    assert pull("users").failed == 1
    # Thinkific no longer says whose it is, so the stored student stays.
    assert counts(pull("quiz_results"))["skipped"] == 1

    assert not removed(User).exists()
    assert not removed(QuizResult).exists()
