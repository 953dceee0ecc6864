"""Changes in Thinkific are stored here, and nothing else is changed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from core.models import BundleItem, Chapter, Enrollment, GroupMembership, Product, QuizResult, User
from integrations.models import Drift, SyncRun
from integrations.thinkific.sandbox.site.clock import to_iso
from tests.integrations.thinkific.pull.conftest import counts

pytestmark = pytest.mark.django_db


def put(site, kind, **row):
    return site.write("put", kind=kind, row=row)


def test_a_new_name_arrives_with_history(pull, site):
    put(site, "users", id=90005, first_name="Nadja", last_name="Öztürk")

    run = pull("users")

    user = User.objects.get(thinkific_id=90005)
    assert (user.first_name, user.last_name, user.name) == ("Nadja", "Öztürk", "Nadja Öztürk")
    assert counts(run) == {"fetched": 40, "updated": 1, "unchanged": 39}
    latest = user.history.latest()
    assert (latest.first_name, latest.history_change_reason) == ("Nadja", f"Thinkific, run {run.pk}")


def test_the_first_change_by_a_pull_says_what_was_before(pull, site):
    enrollment = site.enrollments.listing[3]
    before = {
        "user": User.objects.get(thinkific_id=90005).first_name,
        "enrollment": Enrollment.objects.get(thinkific_id=enrollment.id).expiry_date,
    }
    put(site, "users", id=90005, first_name="Nadja")
    site.write("set_dates", enrollment_id=enrollment.id, dates={"expiry_date": "2031-05-06T07:08:09Z"})

    pull("users")
    pull("enrollments", full=False)

    rows = User.history.filter(thinkific_id=90005).order_by("history_id")
    assert [(row.history_type, row.first_name) for row in rows] == [("+", before["user"]), ("~", "Nadja")]
    ends = Enrollment.history.filter(thinkific_id=enrollment.id).order_by("history_id")
    assert [(row.history_type, row.expiry_date) for row in ends] == [
        ("+", before["enrollment"]),
        ("~", datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)),
    ]
    assert User.history.count() == 2  # nothing of those that stayed as they were


def test_two_people_who_swap_their_addresses_had_their_own_before(pull, site):
    first, second = addresses(90005, 90020)
    put(site, "users", id=90005, email=second)
    put(site, "users", id=90020, email=first)

    pull("users")

    for number, was, now in ((90005, first, second), (90020, second, first)):
        rows = User.history.filter(thinkific_id=number).order_by("history_id")
        assert [row.email for row in rows] == [was, now]


def test_what_is_not_worth_history_writes_none(pull, site):
    before = User.history.count()
    put(site, "users", id=90005, company="Another Company")

    pull("users")

    assert User.objects.get(thinkific_id=90005).company == "Another Company"
    assert User.history.count() == before


def test_a_new_address_arrives_in_lower_case(pull, site):
    put(site, "users", id=90005, email="New.Address@Example.org")

    pull("users")

    assert User.objects.get(thinkific_id=90005).email == "new.address@example.org"


def test_an_address_that_differs_in_case_only_changes_nothing(pull, site):
    email = User.objects.get(thinkific_id=90005).email
    put(site, "users", id=90005, email=email.upper())

    run = pull("users")

    assert User.objects.get(thinkific_id=90005).email == email
    assert counts(run) == {"fetched": 40, "unchanged": 40}


def addresses(*numbers):
    return [User.objects.get(thinkific_id=number).email for number in numbers]


def test_two_people_can_swap_their_addresses(pull, site):
    first, second = addresses(90005, 90020)
    put(site, "users", id=90005, email=second)
    put(site, "users", id=90020, email=first)

    run = pull("users")

    assert addresses(90005, 90020) == [second, first]
    assert counts(run) == {"fetched": 40, "updated": 2, "unchanged": 38}


def test_an_address_can_be_taken_over_in_another_spelling(pull, site):
    put(site, "users", id=90020, email="ian@new.example")
    pull("users")
    put(site, "users", id=90005, email="\u0131an@new.example")
    put(site, "users", id=90020, email="moved@new.example")

    run = pull("users")

    assert (run.status, run.errors) == ("succeeded", [])
    assert addresses(90005, 90020) == ["\u0131an@new.example", "moved@new.example"]


def test_addresses_can_move_on_in_a_ring_of_three(pull, site):
    one, two, three = addresses(90005, 90010, 90020)
    for number, email in ((90005, two), (90010, three), (90020, one)):
        put(site, "users", id=number, email=email)

    pull("users")

    assert addresses(90005, 90010, 90020) == [two, three, one]


def test_people_on_different_pages_can_swap_their_addresses(pull, site, monkeypatch):
    monkeypatch.setattr("integrations.thinkific.runs.fetch.PAGE_SIZE", 5)
    first, second = addresses(90002, 90039)
    put(site, "users", id=90002, email=second)
    put(site, "users", id=90039, email=first)

    run = pull("users")

    assert (run.status, run.errors) == ("succeeded", [])
    assert addresses(90002, 90039) == [second, first]


def test_people_whose_address_stays_taken_are_reported_and_so_are_those_who_wait_for_theirs(pull, site):
    before = addresses(90005, 90010, 90020)
    put(site, "users", id=90005, email=before[1])
    put(site, "users", id=90010, email=before[2])

    run = pull("users")

    assert addresses(90005, 90010, 90020) == before
    assert (run.status, run.failed) == ("partial", 2)
    assert {error["object"] for error in run.errors} == {"User 90005", "User 90010"}
    assert before[2] in next(e for e in run.errors if e["object"] == "User 90010")["message"]


def test_progress_and_completion_arrive(pull, site):
    enrollment = next(e for e in site.enrollments if e.completed_at is None)
    site.write("move_progress", enrollment_id=enrollment.id, percent=100)

    pull("enrollments", full=False)

    ours = Enrollment.objects.get(thinkific_id=enrollment.id)
    assert ours.percentage_completed == 1
    assert ours.completed_at is not None
    assert ours.history.count() == 0  # progress is not history


def test_a_new_end_date_arrives_with_history(pull, site):
    enrollment = site.enrollments.listing[3]
    site.write("set_dates", enrollment_id=enrollment.id, dates={"expiry_date": "2031-05-06T07:08:09Z"})

    run = pull("enrollments", full=False)

    ours = Enrollment.objects.get(thinkific_id=enrollment.id)
    assert ours.expiry_date == datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert ours.history.latest().history_change_reason == f"Thinkific, run {run.pk}"


def test_an_older_row_does_not_overwrite_what_came_after_the_walk_began(pull, site):
    """The stored row is newer than Thinkific's, as after an event that came after the page was read."""
    enrollment = site.enrollments.listing[3]
    put(site, "enrollments", id=enrollment.id, percentage_completed="0.01")
    newer = timezone.now() + timedelta(seconds=30)
    Enrollment.objects.filter(thinkific_id=enrollment.id).update(
        percentage_completed="0.5", remote_updated_at=newer
    )

    pull("enrollments")

    assert Enrollment.objects.get(thinkific_id=enrollment.id).percentage_completed == Decimal("0.5")


@pytest.mark.parametrize("full", [True, False])
def test_a_moment_in_the_future_freezes_nothing(pull, site, full):
    """The stored moment is in the future, as older versions could store it on an event."""
    enrollment = site.enrollments.listing[3]
    stored = Enrollment.objects.filter(thinkific_id=enrollment.id)
    stored.update(percentage_completed="0.99", remote_updated_at=datetime(2099, 1, 1, tzinfo=UTC))
    if not full:
        site.write("move_progress", enrollment_id=enrollment.id, percent=41)

    pull("enrollments", full=full)

    theirs = Decimal(site.enrollments[enrollment.id].percentage_completed)
    assert stored.get().percentage_completed == theirs != Decimal("0.99")
    assert stored.get().remote_updated_at <= timezone.now()


def test_a_row_whose_own_moment_lies_in_the_future_counts_as_changed_now(pull, site):
    enrollment = site.enrollments.listing[3]
    put(site, "enrollments", id=enrollment.id, updated_at="2099-01-01T00:00:00Z", percentage_completed="0.3")
    pull("enrollments", full=False)
    stored = Enrollment.objects.get(thinkific_id=enrollment.id)
    assert stored.percentage_completed == Decimal("0.3")
    assert stored.remote_updated_at <= timezone.now()

    put(site, "enrollments", id=enrollment.id, percentage_completed="0.4", updated_at="2099-01-01T00:00:00Z")
    pull("enrollments", full=False)

    stored.refresh_from_db()
    assert stored.percentage_completed == Decimal("0.4")
    assert set(counts(pull("enrollments", full=False))) <= {"fetched", "unchanged"}


def test_the_row_of_a_full_pull_wins_over_what_was_stored_before_it_began(pull, site):
    enrollment = site.enrollments.listing[3]
    put(site, "enrollments", id=enrollment.id, percentage_completed="0.01")
    a_moment_ago = timezone.now() - timedelta(seconds=5)
    Enrollment.objects.filter(thinkific_id=enrollment.id).update(
        percentage_completed="0.5", remote_updated_at=a_moment_ago
    )

    pull("enrollments")

    assert Enrollment.objects.get(thinkific_id=enrollment.id).percentage_completed == Decimal("0.01")


@pytest.mark.parametrize("said", ["0,75", "-3", "much"])
def test_progress_that_is_no_number_leaves_the_stored_one_and_is_reported(pull, site, said):
    enrollment = next(e for e in site.enrollments if 0 < float(e.percentage_completed) < 1)
    before = Enrollment.objects.get(thinkific_id=enrollment.id).percentage_completed
    put(site, "enrollments", id=enrollment.id, percentage_completed=said, expiry_date="2031-05-06T07:08:09Z")

    for _ in range(2):  # every pull says it, not only the first
        run = pull("enrollments")

        stored = Enrollment.objects.get(thinkific_id=enrollment.id)
        assert stored.percentage_completed == before
        assert stored.expiry_date.year == 2031
        assert [error["object"] for error in run.errors] == [f"Enrollment {enrollment.id}"]
        assert said in run.errors[0]["message"]
        assert run.status == "succeeded"


def test_progress_that_is_no_number_is_no_drift(pull, site):
    enrollment = next(e for e in site.enrollments if 0 < float(e.percentage_completed) < 1)
    put(site, "enrollments", id=enrollment.id, percentage_completed="0,75")

    pull("reconciliation")

    assert not Drift.objects.exists()


def test_missing_progress_leaves_the_stored_one(pull, site):
    enrollment = next(e for e in site.enrollments if 0 < float(e.percentage_completed) < 1)
    before = Enrollment.objects.get(thinkific_id=enrollment.id).percentage_completed
    put(site, "enrollments", id=enrollment.id, percentage_completed=None)

    run = pull("enrollments")

    assert Enrollment.objects.get(thinkific_id=enrollment.id).percentage_completed == before
    assert run.errors == []


def test_a_renamed_course_is_renamed(pull, site):
    course = site.courses.listing[0]
    site.write("rename_course", course_id=course["id"], name="Safety, revised")

    run = pull("products")

    assert (
        Product.objects.get(productable_id=course["id"], productable_type="Course").name == "Safety, revised"
    )
    assert counts(run) == {"fetched": 8, "updated": 1, "unchanged": 7}


def test_a_course_that_leaves_a_bundle_leaves_it_here(pull, site):
    bundle = site.bundles.listing[0]
    stays, leaves, comes = *bundle["course_ids"][:2], site.courses.listing[-2]["id"]
    put(site, "bundles", id=bundle["id"], course_ids=[comes, stays])

    pull("products")

    items = BundleItem.objects.filter(removed_at=None).order_by("position")
    assert [item.course.productable_id for item in items] == [comes, stays]
    assert BundleItem.objects.get(course__productable_id=leaves).removed_at is not None


def test_a_removed_chapter_is_marked_with_its_lessons(pull, site):
    course = site.courses.listing[0]
    gone, *left = course["chapter_ids"]
    put(site, "courses", id=course["id"], chapter_ids=left)

    run = pull("content")

    chapter = Chapter.objects.get(thinkific_id=gone)
    assert chapter.removed_at is not None
    assert chapter.lessons.filter(removed_at=None).count() == 0
    assert Chapter.objects.exclude(pk=chapter.pk).filter(removed_at__isnull=False).count() == 0
    assert (run.status, run.removed) == ("succeeded", 1 + chapter.lessons.count())


def test_members_come_and_go(pull, site):
    group = site.groups.listing[0]["id"]
    leaver = next(iter(site.members[group]))
    comer = next(u.id for u in site.users if u.id not in site.members[group])
    site.write("add_members", user_ids=[comer], group_ids=[group])
    site.write("remove_from_groups", user_ids=[leaver], group_ids=[group])

    pull("groups")

    here = GroupMembership.objects.filter(group__thinkific_id=group)
    assert here.get(user__thinkific_id=leaver).removed_at is not None
    assert here.get(user__thinkific_id=comer).removed_at is None
    assert here.filter(removed_at=None).count() == len(site.members[group])

    site.write("add_members", user_ids=[leaver], group_ids=[group])
    pull("groups")
    assert here.get(user__thinkific_id=leaver).removed_at is None


def test_a_retaken_quiz_overwrites_the_result(pull, site):
    theirs = site.submissions.listing[0]
    enrollment = site.enrollments_of[theirs.user_id][0]
    site.write("attempt_quiz", enrollment_id=enrollment.id, quiz_id=theirs.quiz_id, correct=0)

    pull("quiz_results")

    ours = QuizResult.objects.get(thinkific_id=theirs.id)
    assert (ours.attempts, ours.correct_count) == (theirs.attempts, 0)


class TestTheWatermark:
    def test_it_never_passes_the_moment_at_which_the_walk_began(self, pull, thinkific):
        began = datetime.now(UTC)
        # changed during the walk, on a page that was read before
        thinkific.faults.add("shift_pages", how="insert", path="/enrollments", next=1)

        run = pull("enrollments")

        assert datetime.fromisoformat(run.cursor["watermark"]) <= began + timedelta(seconds=1)

    def test_no_change_is_missed_when_thinkifics_clock_is_ahead(self, pull, site):
        ahead = to_iso(site.clock.now() + 86_400_000)
        put(site, "enrollments", id=site.enrollments.listing[0].id, updated_at=ahead)
        pull("enrollments", full=False)
        site.write("touch_enrollments", count=3)

        assert pull("enrollments", full=False).updated == 3

    def test_a_walk_that_broke_off_does_not_move_it(self, pull, site, connected, monkeypatch):
        monkeypatch.setattr("integrations.thinkific.runs.fetch.PAGE_SIZE", 20)
        known = SyncRun.objects.filter(kind="enrollments").latest("pk").cursor["watermark"]
        site.write("touch_enrollments", count=100)
        connected.faults.add("500", path=r"/enrollments.*page=3")

        run = pull("enrollments", full=False)
        assert run.status == "partial"
        assert run.pages_done < 5
        connected.faults.clear()

        assert pull("enrollments", full=False).fetched >= 100
        assert SyncRun.objects.filter(kind="enrollments").latest("pk").cursor["watermark"] > known
        for theirs in site.enrollments:
            ours = Enrollment.objects.get(thinkific_id=theirs.id)
            assert float(ours.percentage_completed) == float(theirs.percentage_completed)
