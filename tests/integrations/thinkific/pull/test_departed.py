"""People who are gone from Thinkific but whose rows are still in its lists: no account is created for them,
and their rows are no error."""

import pytest

from core.models import Enrollment, QuizResult, User
from integrations.models import Drift, SyncRun
from integrations.thinkific.sandbox import Scale
from tests.integrations.thinkific.pull.conftest import Writes, counts, removed

pytestmark = pytest.mark.django_db

GONE = (90003, 90007)
OLD = "2025-03-01T00:00:00Z"
SCALE = Scale(users=12, courses=3, builder_courses=0, bundles=0, groups=0)


@pytest.fixture(params=[True, False], ids=["with address", "without"])
def departed(request, thinkific):
    """Delete two people but not their enrollments, which are returned."""
    site = thinkific.site
    rows = [row for number in GONE for row in site.enrollments_of[number]]
    site.write("remove", kind="users", row_ids=list(GONE))
    for row in rows:
        told = {"user_email": f"gone.{row.user_id}@example.org" if request.param else None}
        site.write("put", kind="enrollments", row={"id": row.id, "created_at": OLD, "user_name": None} | told)
    return rows


def test_the_first_pull_and_the_second_find_the_same(pull_everything, departed):
    first = pull_everything()
    with Writes() as writes:
        second = pull_everything()

    assert writes.found == []
    assert not User.objects.filter(thinkific_id__in=GONE).exists()
    assert not removed(User).exists()
    said = f"{len(departed)} enrollments belong to people who are not among the users that Thinkific lists"
    for runs in (first, second):
        assert {run.status for run in runs.values()} == {"succeeded"}, [run.errors for run in runs.values()]
        run = runs["enrollments"]
        assert (run.skipped, run.failed) == (len(departed), 0)
        assert [error["object"] for error in run.errors] == ["Enrollments"]
        assert said in run.errors[0]["message"]
    assert counts(second["users"]) == {"fetched": 10, "unchanged": 10}


def test_in_small_pages_they_are_counted_once_and_what_is_gone_is_found(
    pull, departed, thinkific, monkeypatch
):
    monkeypatch.setattr("integrations.thinkific.runs.fetch.PAGE_SIZE", 3)
    for kind in ("products", "users", "enrollments"):
        pull(kind)
    vanished = next(row.id for row in thinkific.site.enrollments if row.user_id not in GONE)
    thinkific.site.write("remove", kind="enrollments", row_ids=[vanished])
    thinkific.reset_stats()

    run = pull("enrollments")

    assert (run.status, run.removed, run.skipped) == ("succeeded", 1, len(departed))
    assert run.errors[0]["message"].startswith(f"{len(departed)} enrollments ")
    assert thinkific.stats.total == -(-len(thinkific.site.enrollments) // 3)


def test_what_changed_does_not_bring_them_back(pull, departed, thinkific):
    for kind in ("products", "users", "enrollments"):
        pull(kind)
    thinkific.site.write("move_progress", enrollment_id=departed[0].id, percent=80)

    run = pull("enrollments", full=False)

    assert (run.status, run.skipped, run.failed) == ("succeeded", 1, 0)
    assert not User.objects.filter(thinkific_id__in=GONE).exists()


def test_a_comparison_finds_nothing_missing_here(pull_everything, pull, departed):
    pull_everything()

    pull("reconciliation")

    assert not Drift.objects.exists()


def test_who_signed_up_after_the_last_pull_of_people_is_made_of_the_enrollment(pull, thinkific):
    for kind in ("products", "users", "enrollments"):
        pull(kind)
    site = thinkific.site
    fields = {"email": "new.face@example.org", "first_name": "New", "last_name": "Face"}
    newcomer = site.write("create_user", fields=fields).id
    site.write("enroll", user_id=newcomer, course_id=site.courses.listing[0]["id"], dates={})

    run = pull("enrollments", full=False)

    assert run.status == "succeeded"
    assert Enrollment.objects.get(user__email="new.face@example.org").user.thinkific_id == newcomer


def test_without_a_complete_pull_of_people_nobody_counts_as_gone(pull, thinkific):
    pull("enrollments")

    assert User.objects.filter(thinkific_id__isnull=False).count() == 12
    assert not SyncRun.objects.filter(skipped__gt=0).exists()


def test_an_account_that_waits_for_a_decision_is_not_taken_for_gone(pull, thinkific, mara):
    mara.set_password("a long password of hers")
    mara.save()
    site = thinkific.site
    site.write("put", kind="users", row={"id": 90003, "email": mara.email})
    for kind in ("products", "users"):
        pull(kind)

    run = pull("enrollments")

    assert run.status == "succeeded"
    assert run.skipped == len(site.enrollments_of[90003])
    assert run.errors == []


def test_results_of_people_who_are_gone_create_no_account(pull_everything, thinkific):
    site = thinkific.site
    theirs = [row for row in site.submissions if row.user_id == site.submissions.listing[0].user_id]
    certificates = [row for row in site.certificates if row.user_id == theirs[0].user_id]
    site.write("remove", kind="users", row_ids=[theirs[0].user_id])

    first, second = pull_everything(), pull_everything()

    for runs in (first, second):
        assert {run.status for run in runs.values()} == {"succeeded"}, [run.errors for run in runs.values()]
        assert runs["quiz_results"].skipped == len(theirs)
        assert runs["certificates"].skipped == len(certificates)
    assert QuizResult.objects.count() == len(site.submissions) - len(theirs)
    assert not removed(User).exists()
