from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from core.errors import Refusal
from core.models import Enrollment, OutboxEntry
from core.services.enrollments import enrollments, grants
from tests.factories import BundleItemFactory, EnrollmentFactory, ProductFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def bundle(accounting):
    """A bundle of Accounting 101 and another course."""
    bundle = ProductFactory(bundle=True)
    BundleItemFactory(bundle=bundle, course=accounting)
    BundleItemFactory(bundle=bundle)
    return bundle


NOW = timezone.now().replace(microsecond=0)  # one for all: a second may pass within a test


def in_days(days):
    return NOW + timedelta(days=days)


def held(student, product):
    return Enrollment.objects.get(user=student, product=product)


def test_an_end_at_once_is_the_last_second_of_yesterday():
    now = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
    assert enrollments.just_ended(now) == datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)


def test_enrolling_notes_the_account_the_enrollment_and_who_did_it(ana, accounting, mara):
    [enrollment] = enrollments.enroll_unchecked(student=ana, products=[accounting], by=mara)

    assert (enrollment.status, enrollment.granted) == ("pending", True)
    assert enrollment.history.get().history_user == mara
    entries = OutboxEntry.objects.order_by("id")
    assert [(e.entity, e.person, e.requested_by) for e in entries] == [
        ("user", ana, mara),
        ("enrollment", ana, mara),
    ]


def test_what_cannot_be_is_refused_whole(ana, accounting):
    gone = ProductFactory(removed_at=timezone.now())
    with pytest.raises(Refusal, match="no longer in Thinkific"):
        enrollments.enroll_unchecked(student=ana, products=[accounting, gone])
    with pytest.raises(Refusal, match="in the past"):
        enrollments.enroll_unchecked(student=ana, products=[accounting], expiry_date=in_days(-1))
    ana.is_active = False
    ana.save()
    with pytest.raises(Refusal, match="switched off"):
        enrollments.enroll_unchecked(student=ana, products=[accounting])
    assert not Enrollment.objects.exists()
    assert not OutboxEntry.objects.exists()


def test_enrolling_again_opens_what_had_ended_and_keeps_the_progress(ana, accounting):
    ended = EnrollmentFactory(user=ana, product=accounting, expired=True, percentage_completed="0.4")
    [enrollment] = enrollments.enroll_unchecked(student=ana, products=[accounting], expiry_date=in_days(9))

    assert enrollment.pk == ended.pk
    assert (enrollment.expiry_date, float(enrollment.percentage_completed)) == (in_days(9), 0.4)
    assert set(OutboxEntry.objects.get(entity="enrollment").last_seen) == {"activated_at", "expiry_date"}


def test_moving_an_end_that_stays_where_it_is_changes_nothing(ana, accounting):
    one = EnrollmentFactory(user=ana, product=accounting, expiry_date=in_days(9))
    assert enrollments.change_expiry([one], expiry_date=in_days(9)) == 0
    assert enrollments.change_expiry([one], expiry_date=in_days(10)) == 1
    assert OutboxEntry.objects.count() == 1


def test_the_longest_grant_counts(ana, accounting, bundle):
    enrollments.enroll_unchecked(student=ana, products=[accounting], expiry_date=in_days(10))
    enrollments.enroll_unchecked(student=ana, products=[bundle], expiry_date=in_days(30))
    assert held(ana, accounting).expiry_date == in_days(30)

    enrollments.expire([held(ana, bundle)])
    assert held(ana, bundle).status == "expired" or held(ana, bundle).expiry_date < timezone.now()
    assert held(ana, accounting).expiry_date == in_days(10)


def test_a_course_of_two_bundles_stays_open_while_one_of_them_runs(ana, accounting, bundle):
    other = ProductFactory(bundle=True)
    BundleItemFactory(bundle=other, course=accounting)
    enrollments.enroll_unchecked(student=ana, products=[bundle, other])
    course = EnrollmentFactory(user=ana, product=accounting, expiry_date=None, via_bundle=held(ana, bundle))

    enrollments.expire([held(ana, bundle)])
    course.refresh_from_db()
    assert (course.expiry_date, course.via_bundle) == (None, held(ana, other))

    enrollments.expire([held(ana, other)])
    course.refresh_from_db()
    assert course.expiry_date < timezone.now()


@pytest.mark.parametrize("end", [None, in_days(90)], ids=["no end", "an end"])
def test_a_bought_bundle_given_for_as_long_keeps_its_shorter_courses_open(ana, accounting, bundle, end):
    """Its end is that of the last of its courses."""
    longer = bundle.bundle_items.exclude(course=accounting).get().course
    bought = EnrollmentFactory(user=ana, product=bundle, thinkific_id=None, expiry_date=end)
    for course, until in [(accounting, in_days(10)), (longer, end)]:
        EnrollmentFactory(user=ana, product=course, expiry_date=until, via_bundle=bought)

    assert enrollments.change_expiry([bought], expiry_date=end) == 1

    assert held(ana, accounting).expiry_date == held(ana, longer).expiry_date == end
    [entry] = OutboxEntry.objects.all()
    assert (entry.entity, entry.object_id) == ("enrollment", held(ana, accounting).pk)
    assert enrollments.change_expiry([bought], expiry_date=end) == 0


def test_ending_a_course_that_a_bundle_gives_leaves_it_open(ana, accounting, bundle):
    enrollments.enroll_unchecked(student=ana, products=[bundle, accounting])

    assert enrollments.expire([held(ana, accounting)]) == 0
    assert held(ana, accounting).expiry_date is None
    assert list(grants.held_through(held(ana, accounting))) == [held(ana, bundle)]


def test_what_was_bought_before_a_bundle_was_given_is_kept(ana, accounting, bundle):
    EnrollmentFactory(user=ana, product=accounting, expiry_date=in_days(99))
    enrollments.enroll_unchecked(student=ana, products=[bundle], expiry_date=in_days(30))
    enrollments.expire([held(ana, bundle)])

    assert held(ana, accounting).expiry_date == in_days(99)
