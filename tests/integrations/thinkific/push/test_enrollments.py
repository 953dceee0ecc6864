"""Enrollments: made, dated, ended, opened again; courses that are held in several ways."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from core.models import Enrollment, OutboxEntry, User
from core.services import people
from core.services.enrollments import enrollments
from integrations.thinkific.push import bundles, outcomes
from integrations.thinkific.push.drain import drain

from .conftest import counts


@pytest.fixture
def course(catalog):
    return catalog[min(catalog)]


def remote(site, user, course):
    rows = site.enrollments_for(user.thinkific_id, course.productable_id)
    assert len(rows) <= 1
    return rows[0] if rows else None


def ends(row):
    """Returns the end of access in Thinkific, or None."""
    return row.expiry_date and datetime.fromtimestamp(row.expiry_date / 1000, UTC)


def in_days(days):
    return (timezone.now() + timedelta(days=days)).replace(microsecond=0)


def courses_of(bundle):
    return [item.course for item in bundle.bundle_items.select_related("course").order_by("pk")]


def test_a_course_is_given_with_its_dates(site, push, pull, ada, course, writes):
    writes()
    end = in_days(30)
    enrollments.enroll_unchecked(student=ada, products=[course], expiry_date=end)

    assert push() == {"done": 1}

    row = remote(site, ada, course)
    assert ends(row) == end
    assert row.activated_at is not None
    assert writes() == ["POST /enrollments"]
    stored = Enrollment.objects.get(user=ada)
    assert (stored.thinkific_id, stored.push_state, stored.status) == (row.id, "clean", "active")
    assert counts(pull("enrollments")).get("updated", 0) == 0
    assert counts(pull("enrollments")) == {}


def test_an_account_is_made_before_the_enrollment(site, push, catalog, course):
    new = people.create_user(email="new@new.example", first_name="New", last_name="Roe", in_thinkific=False)
    enrollments.enroll_unchecked(student=new, products=[course])

    assert push() == {"done": 2}
    new.refresh_from_db()
    assert remote(site, new, course)


def test_ending_access_and_opening_it_again(site, push, pull, ada, course):
    enrollments.enroll_unchecked(student=ada, products=[course], expiry_date=in_days(30))
    push()
    [enrollment] = Enrollment.objects.filter(user=ada)
    site.write("move_progress", enrollment_id=enrollment.thinkific_id, percent=40)

    assert enrollments.expire([enrollment]) == 1
    push()
    row = remote(site, ada, course)
    assert ends(row) == enrollments.just_ended(timezone.now())
    enrollment.refresh_from_db()
    assert enrollment.status == "expired"
    assert enrollments.expire([enrollment]) == 0

    enrollments.enroll_unchecked(student=ada, products=[course])
    push()
    row = remote(site, ada, course)
    assert (row.expiry_date, row.percentage_completed) == (None, "0.4")
    pull("enrollments")
    assert counts(pull("enrollments")) == {}


def test_changing_the_end_sends_only_the_end(site, push, ada, course, thinkific):
    enrollments.enroll_unchecked(student=ada, products=[course], expiry_date=in_days(30))
    push()
    thinkific.reset_stats()
    enrollments.change_expiry(Enrollment.objects.filter(user=ada), expiry_date=in_days(60))
    push()

    assert ends(remote(site, ada, course)) == in_days(60).replace(
        second=ends(remote(site, ada, course)).second
    )
    assert [
        "expiry_date" in e["body"] and "activated_at" not in e["body"] for e in thinkific.stats.writes
    ] == [True]


def test_a_site_that_does_not_clear_an_end_gets_a_far_one(site, push, pull, ada, course, thinkific):
    thinkific.set_options(null_expiry_clears=False)
    enrollments.enroll_unchecked(student=ada, products=[course], expiry_date=in_days(30))
    push()
    enrollments.change_expiry(Enrollment.objects.filter(user=ada), expiry_date=None)
    push()

    assert ends(remote(site, ada, course)) > in_days(3600)
    pull("enrollments")
    assert counts(pull("enrollments")) == {}


def test_an_enrollment_that_ended_before_it_was_sent_is_not_made(site, push, ada, course, writes):
    enrollments.enroll_unchecked(student=ada, products=[course])
    enrollments.expire(Enrollment.objects.filter(user=ada))
    writes()

    assert push() == {"done": 1}
    assert writes() == []
    assert remote(site, ada, course) is None


@pytest.mark.parametrize("repost", ["reject", "update", "duplicate"])
def test_an_enrollment_that_is_there_already_is_taken_up(site, push, ada, course, thinkific, repost):
    thinkific.set_options(repost=repost)
    site.write("enroll", user_id=ada.thinkific_id, course_id=course.productable_id, dates={})
    enrollments.enroll_unchecked(student=ada, products=[course], expiry_date=in_days(5))
    if repost == "duplicate":  # only looking first helps there
        OutboxEntry.objects.filter(status="pending").update(uncertain=True)

    assert push() == {"done": 1}
    assert ends(remote(site, ada, course)) is not None


@pytest.mark.parametrize("repost", ["reject", "update", "duplicate"])
def test_a_lost_answer_makes_no_second_enrollment(site, push, ada, course, thinkific, repost):
    thinkific.set_options(repost=repost)
    thinkific.faults.add("lost_answer", method="POST", path="/enrollments", next=1)
    enrollments.enroll_unchecked(student=ada, products=[course], expiry_date=in_days(5))

    assert push() == {"retried": 1, "done": 1}
    assert remote(site, ada, course).id == Enrollment.objects.get(user=ada).thinkific_id


def test_an_enrollment_that_thinkific_has_lost_is_made_again(site, push, ada, course):
    enrollments.enroll_unchecked(student=ada, products=[course])
    push()
    Enrollment.objects.update(thinkific_id=123_456_789)
    site.enrollments.remove(remote(site, ada, course).id)
    site.enrollments_of[ada.thinkific_id].clear()

    enrollments.enroll_unchecked(student=ada, products=[course], expiry_date=in_days(5))
    assert push() == {"done": 1}
    assert remote(site, ada, course).id == Enrollment.objects.get(user=ada).thinkific_id


def test_a_student_deleted_in_thinkific_is_said_to_be(site, push, ada, course):
    site.write("delete_user", user_id=ada.thinkific_id)
    enrollments.enroll_unchecked(student=ada, products=[course])

    assert push() == {"failed": 1}
    failed = OutboxEntry.objects.get(status="failed")
    assert "Ada Roe (ada@new.example) is no longer in Thinkific" in failed.error
    ada.refresh_from_db()
    assert ada.removed_at is not None
    assert Enrollment.objects.get().status == "failed"


# --- bundles -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("delay", [0, 0.2])
def test_a_bundle_is_given(site, push, pull, ada, bundle, thinkific, delay, writes):
    thinkific.set_options(bundle_delay=delay)
    writes()
    enrollments.enroll_unchecked(student=ada, products=[bundle], expiry_date=in_days(30))
    outcome = push(1)
    while Enrollment.objects.get(product=bundle).push_state == "pending":
        time.sleep(0.1)
        outcome = push(1)

    assert outcome["done"] == 1
    assert [w for w in writes() if w.startswith("POST")] == [
        f"POST /bundles/{bundle.productable_id}/enrollments"
    ]
    made = Enrollment.objects.filter(user=ada).exclude(product=bundle)
    assert {e.product_id for e in made} == {course.pk for course in courses_of(bundle)}
    assert {e.via_bundle.product for e in made} == {bundle}
    pull("enrollments")
    assert counts(pull("enrollments")) == {}
    held = Enrollment.objects.get(product=bundle, user=ada)
    assert (held.status, held.expiry_date) == ("active", made[0].expiry_date)


def test_a_bundle_that_is_ready_after_a_second_is_seen_then(push, ada, bundle, thinkific, monkeypatch):
    monkeypatch.setattr(bundles, "LATER", 1.0)  # as it is outside of tests
    thinkific.set_options(bundle_delay=0.5)
    enrollments.enroll_unchecked(student=ada, products=[bundle])
    begun = time.monotonic()

    assert drain(seconds=10) == {"retried": 1, "done": 1}

    assert time.monotonic() - begun < 8


def test_a_lost_answer_makes_no_second_bundle(site, push, ada, bundle, thinkific, writes):
    thinkific.faults.add("lost_answer", method="POST", path="/bundles", next=1)
    enrollments.enroll_unchecked(student=ada, products=[bundle])
    writes()

    assert push() == {"retried": 1, "done": 1}
    assert len([w for w in writes() if w.startswith("POST")]) == 1
    for course in courses_of(bundle):
        assert remote(site, ada, course)


def test_a_course_of_a_bundle_that_may_be_there_is_looked_for(
    site, push, ada, bundle, thinkific, monkeypatch
):
    """The bundle's answer is lost and its entry waits. Meanwhile a person gives one of its courses."""
    monkeypatch.setattr(outcomes, "FIRST_WAIT", 1200)
    monkeypatch.setattr(outcomes, "LONGEST_WAIT", 1200)
    thinkific.set_options(repost="duplicate")
    thinkific.faults.add("lost_answer", method="POST", path="/bundles", next=1)
    enrollments.enroll_unchecked(student=ada, products=[bundle])
    assert drain(seconds=10) == {"retried": 1}
    course, *_ = courses_of(bundle)

    enrollments.enroll_unchecked(student=ada, products=[course], expiry_date=in_days(90))
    assert drain(seconds=10) == {"done": 1}

    assert remote(site, ada, course)
    push()
    assert ends(remote(site, ada, course)) is None  # the bundle gives it without an end


def test_ending_a_bundle_ends_its_courses(site, push, pull, ada, bundle):
    enrollments.enroll_unchecked(student=ada, products=[bundle])
    push()
    enrollments.expire(Enrollment.objects.filter(user=ada, product=bundle))
    push()

    for course in courses_of(bundle):
        assert ends(remote(site, ada, course)) < timezone.now()
    pull("enrollments")
    assert {e.status for e in Enrollment.objects.filter(user=ada)} == {"expired"}


@pytest.mark.parametrize("first", ["course", "bundle"])
def test_a_course_held_on_its_own_too_outlives_the_bundle(site, push, pull, ada, bundle, first):
    kept, *others = courses_of(bundle)
    order = [kept, bundle] if first == "course" else [bundle, kept]
    for product in order:
        enrollments.enroll_unchecked(
            student=ada, products=[product], expiry_date=in_days(90 if product == kept else 30)
        )
        push()

    enrollments.expire(Enrollment.objects.filter(user=ada, product=bundle))
    push()

    for _ in range(2):
        assert ends(remote(site, ada, kept)).date() == in_days(90).date()
        assert all(ends(remote(site, ada, other)) < timezone.now() for other in others)
        assert Enrollment.objects.get(user=ada, product=bundle).status == "expired"
        assert Enrollment.objects.get(user=ada, product=kept).status == "active"
        pull("enrollments")

    enrollments.expire(Enrollment.objects.filter(user=ada, product=kept))
    push()
    assert ends(remote(site, ada, kept)) < timezone.now()


def test_a_course_that_somebody_bought_outlives_the_bundle(site, push, pull, ada, bundle):
    bought = courses_of(bundle)[0]
    site.write(
        "enroll",
        user_id=ada.thinkific_id,
        course_id=bought.productable_id,
        dates={"activated_at": "2026-01-01T00:00:00Z"},
    )
    pull("enrollments")
    enrollments.enroll_unchecked(student=ada, products=[bundle], expiry_date=in_days(30))
    push()
    assert remote(site, ada, bought).expiry_date is None

    enrollments.expire(Enrollment.objects.filter(user=ada, product=bundle))
    push()
    assert remote(site, ada, bought).expiry_date is None
    assert Enrollment.objects.get(user=ada, product=bought).status == "active"


def test_a_pull_does_not_touch_unsent_dates_and_pushes_nothing(site, push, pull, ada, course):
    enrollments.enroll_unchecked(student=ada, products=[course], expiry_date=in_days(30))
    push()
    [enrollment] = Enrollment.objects.filter(user=ada)
    wanted = in_days(99)
    enrollments.change_expiry([enrollment], expiry_date=wanted)
    site.write(
        "set_dates", enrollment_id=enrollment.thinkific_id, dates={"expiry_date": "2027-01-01T00:00:00Z"}
    )
    site.write("move_progress", enrollment_id=enrollment.thinkific_id, percent=50)
    entries = OutboxEntry.objects.count()

    pull("enrollments")

    enrollment.refresh_from_db()
    assert (enrollment.expiry_date, float(enrollment.percentage_completed)) == (wanted, 0.5)
    assert OutboxEntry.objects.count() == entries
    push()
    assert ends(remote(site, ada, course)) == wanted


def test_a_pull_of_everything_marks_nothing_stale(pull):
    for kind in ("products", "users", "groups", "enrollments"):
        pull(kind)
        pull(kind)
    assert User.objects.exists()
    assert not OutboxEntry.objects.exists()
