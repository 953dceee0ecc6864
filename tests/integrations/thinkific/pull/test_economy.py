"""The costs of a pull: requests, SQL statements, writes."""

from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.models import Enrollment, OutboxEntry, User
from integrations.thinkific.sandbox import Scale
from tests.integrations.thinkific.pull.conftest import Writes, counts

pytestmark = pytest.mark.django_db
SCALE = Scale(users=600, enrollments_per_user=2, courses=6, builder_courses=1, bundles=1, groups=3)


def pages(rows):
    return max(1, -(-rows // 250))


def test_a_full_pull_asks_for_nothing_twice(pull_everything, asked, thinkific):
    site = thinkific.site
    runs = pull_everything()

    bundle = site.bundles.listing[0]
    prefix = "/api/public/v1"
    requests = asked()
    _each_course_once(site, requests)
    certificates = requests.pop("CourseCertificates")
    certified = [p for p in site.products if p["has_certificate"] and p["productable_type"] == "Course"]
    assert certificates == len(certified)
    assert requests == {
        f"{prefix}/users": pages(600) + sum(pages(len(site.members[g["id"]])) for g in site.groups),
        f"{prefix}/enrollments": pages(len(site.enrollments)),
        f"{prefix}/products": 1,
        f"{prefix}/groups": 1,
        f"{prefix}/bundles/{{id}}": 1,
        f"{prefix}/bundles/{{id}}/enrollments": pages(len(site.bundle_enrollments(bundle["id"]))),
        "Products": 1,
        "QuizResults": growing_pages(len(site.submissions)),
    }
    content = runs["content"].requests
    assert sum(run.requests for run in runs.values()) == sum(requests.values()) + certificates + content


def growing_pages(rows):
    """Returns the number of pages of GraphQL: 50 rows at first, and twice as many after each full page."""
    count, size = 0, 50
    while rows > 0:
        count, rows, size = count + 1, rows - size, min(2 * size, 249)
    return count


def _each_course_once(site, requests):
    """Check that each course was read once: over GraphQL by one query, or over REST by one request for its
    chapters and one for each chapter."""
    prefix = "/api/public/v1"
    chapters = requests.pop(f"{prefix}/courses/{{id}}/chapters")
    assert requests.pop("Curriculum") + chapters == len(site.courses)
    assert requests.pop("LessonQuizzes", 0) <= chapters
    assert requests.pop("CourseSizes") == 1
    requests.pop("ChapterLessons", None)
    assert requests.pop(f"{prefix}/chapters/{{id}}/contents") <= len(site.chapters)


def test_the_same_pull_again_writes_no_row(pull_everything):
    pull_everything()

    with Writes() as writes:
        runs = pull_everything()

    assert writes.found == []
    for kind, run in runs.items():
        assert run.status == "succeeded", (kind, run.errors)
        assert set(counts(run)) == {"fetched", "unchanged"}, kind
    assert not User.history.filter(history_change_reason__contains=f"run {runs['users'].pk}").exists()


def test_a_pull_leaves_nothing_to_push(pull_everything, thinkific):
    pull_everything()
    thinkific.site.write("touch_enrollments", count=20)
    thinkific.site.write("put", kind="users", row={"id": 90010, "first_name": "Renamed"})
    pull_everything()

    assert not OutboxEntry.objects.exists()


def statements_per_batch(pull, kind):
    with CaptureQueriesContext(connection) as captured:
        pull(kind)
    shapes = Counter(q["sql"].split(" WHERE ")[0][:60] for q in captured.captured_queries)
    return len(captured.captured_queries), shapes


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["users", "enrollments"])
def test_the_statements_do_not_grow_with_the_rows_of_a_page(pull, thinkific, kind, monkeypatch):
    monkeypatch.setattr("integrations.thinkific.runs.fetch.PAGE_SIZE", 50)
    few, _ = statements_per_batch(pull, kind)
    User.objects.all().delete()
    monkeypatch.setattr("integrations.thinkific.runs.fetch.PAGE_SIZE", 250)
    many, shapes = statements_per_batch(pull, kind)

    rows = len(getattr(thinkific.site, kind))
    assert many <= few  # the same rows on fewer pages
    assert many < 40 * pages(rows) + 60, shapes


def test_incremental_enrollments_fetch_only_what_changed(pull, asked, thinkific):
    for kind in ("products", "users", "enrollments"):
        pull(kind)
    moved = thinkific.site.write("touch_enrollments", count=7)
    asked()

    run = pull("enrollments", full=False)

    assert run.status == "succeeded"
    assert not run.full
    assert run.updated == 7
    assert run.fetched <= 10  # and what the overlap holds
    assert asked() == {"/api/public/v1/enrollments": 1}
    for number in moved:
        theirs = thinkific.site.enrollments[number]
        ours = Enrollment.objects.get(thinkific_id=number)
        assert float(ours.percentage_completed) == float(theirs.percentage_completed)


def test_incremental_quiz_results_fetch_only_what_was_completed_since(
    pull_everything, pull, asked, thinkific
):
    pull_everything()
    site = thinkific.site
    submission = next(s for s in site.submissions if s.completed_at)
    enrollment = next(e for e in site.enrollments_of[submission.user_id] if e.user_id == submission.user_id)
    attempts = submission.attempts
    site.write("attempt_quiz", enrollment_id=enrollment.id, quiz_id=submission.quiz_id, correct=1)
    asked()

    run = pull("quiz_results", full=False)

    assert (run.status, run.updated) == ("succeeded", 1)
    assert run.fetched <= 5  # and what the overlap holds
    assert asked() == {"QuizResults": 1}
    user = User.objects.get(thinkific_id=submission.user_id)
    result = user.quiz_results.get(quiz__thinkific_id=submission.quiz_id)
    assert (result.attempts, result.correct_count) == (attempts + 1, 1)
