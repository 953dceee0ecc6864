"""Ends of access: sites that take no “no end”; what is held in several ways lasts as long as the longest."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from core.models import Enrollment, OutboxEntry
from core.services.enrollments import enrollments

from .conftest import counts

LIFETIME = {"activated_at": "2026-01-01T00:00:00Z"}


def in_days(days):
    return (timezone.now() + timedelta(days=days)).replace(microsecond=0)


def courses_of(bundle):
    return [item.course for item in bundle.bundle_items.select_related("course").order_by("pk")]


def row_of(site, user, course):
    [row] = site.enrollments_for(user.thinkific_id, course.productable_id)
    return row


def end_there(site, user, course):
    moment = row_of(site, user, course).expiry_date
    return moment and datetime.fromtimestamp(moment / 1000, UTC)


def end_here(user, product):
    return Enrollment.objects.get(user=user, product=product).expiry_date


def buy(site, user, course, **dates):
    return site.write(
        "enroll", user_id=user.thinkific_id, course_id=course.productable_id, dates=LIFETIME | dates
    )


# --- sites that take no "no end" -----------------------------------------------------------------------


@pytest.mark.parametrize("how", [{"null_expiry_refused": True}, {"null_expiry_clears": False}])
def test_no_end_is_a_far_one_where_null_is_not_taken(site, push, pull, ada, catalog, thinkific, how):
    thinkific.set_options(**how)
    course = catalog[min(catalog)]
    enrollments.enroll_unchecked(student=ada, products=[course], expiry_date=in_days(30))
    push()
    enrollments.change_expiry(Enrollment.objects.filter(user=ada), expiry_date=None)

    assert push() == {"done": 1}

    assert end_there(site, ada, course) > in_days(3600)
    pull("enrollments")
    assert counts(pull("enrollments")) == {}
    enrollment = Enrollment.objects.get(user=ada)
    assert enrollment.history.first().expiry_date == enrollment.expiry_date


@pytest.mark.parametrize("how", [{"null_expiry_refused": True}, {"null_expiry_clears": False}])
def test_a_bundle_without_end_as_well(site, push, pull, ada, bundle, thinkific, writes, how):
    enrollments.enroll_unchecked(student=ada, products=[bundle], expiry_date=in_days(30))
    push()
    thinkific.set_options(**how)
    writes()
    enrollments.change_expiry(Enrollment.objects.filter(user=ada, product=bundle), expiry_date=None)

    assert set(push()) == {"done"}

    assert not [write for write in writes() if write.startswith("POST")]
    assert all(end_there(site, ada, course) > in_days(3600) for course in courses_of(bundle))
    pull("enrollments")
    assert counts(pull("enrollments")) == {}
    assert end_here(ada, bundle) > in_days(3600)


@pytest.mark.parametrize("days", [60, None])
def test_a_refusal_of_a_bundle_s_dates_makes_no_second_grant(
    site, push, ada, bundle, writes, thinkific, days
):
    enrollments.enroll_unchecked(student=ada, products=[bundle], expiry_date=in_days(30))
    push()
    writes()
    thinkific.faults.add("422", method="PUT", path="/bundles/")
    enrollments.change_expiry(
        Enrollment.objects.filter(user=ada, product=bundle), expiry_date=days and in_days(days)
    )

    push()

    assert not [write for write in writes() if write.startswith("POST")]
    failed = OutboxEntry.objects.get(status="failed", object_id=Enrollment.objects.get(product=bundle).pk)
    assert failed.error == "PUT /bundles/3002/enrollments answered 422: It cannot be processed."


# --- the longest of all grants holds -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "how"),
    [
        ("pulled", {}),
        ("not pulled", {}),
        ("pulled", {"null_expiry_clears": False}),
        ("not pulled", {"null_expiry_refused": True}),
    ],
)
def test_a_bundle_with_an_end_ends_no_lifetime_access(site, push, pull, ada, bundle, thinkific, known, how):
    thinkific.set_options(**how)
    bought, *others = courses_of(bundle)
    buy(site, ada, bought)
    if known == "pulled":
        pull("enrollments")

    enrollments.enroll_unchecked(student=ada, products=[bundle], expiry_date=in_days(30))
    push()

    for _ in range(2):
        for end in (end_there(site, ada, bought), end_here(ada, bought)):
            assert end is None or end > in_days(3600)
        assert {end_there(site, ada, other) for other in others} == {end_here(ada, bundle)}
        assert end_here(ada, bundle) < in_days(31)
        pull("enrollments")

    enrollments.expire(Enrollment.objects.filter(user=ada, product=bundle))
    push()
    assert Enrollment.objects.get(user=ada, product=bought).status == "active"
    assert all(end_there(site, ada, other) < timezone.now() for other in others)


def test_access_that_thinkific_made_longer_outlives_a_bundle(site, push, pull, ada, bundle):
    """The dashboard gives the course for ten days; then the student buys it."""
    course, *_ = courses_of(bundle)
    enrollments.enroll_unchecked(student=ada, products=[course], expiry_date=in_days(10))
    push()
    number = row_of(site, ada, course).id
    site.write("set_dates", enrollment_id=number, dates={"expiry_date": None})
    pull("enrollments")

    enrollments.enroll_unchecked(student=ada, products=[bundle], expiry_date=in_days(30))
    push()

    assert (end_there(site, ada, course), end_here(ada, course)) == (None, None)


def test_a_course_that_makes_its_bundle_endless_is_not_ended_by_it(site, push, pull, ada, bundle):
    """The course was bought before its bundle and has no end in Thinkific, so the bundle has no end here."""
    bought, *others = courses_of(bundle)
    dates = LIFETIME | {"expiry_date": in_days(20).isoformat()}
    site.write("hold_bundle", bundle_id=bundle.productable_id, user_id=ada.thinkific_id, dates=dates)
    site.write("set_dates", enrollment_id=row_of(site, ada, bought).id, dates={"expiry_date": None})
    pull("enrollments")
    assert end_here(ada, bundle) is None

    enrollments.enroll_unchecked(student=ada, products=[bundle], expiry_date=in_days(30))
    push()

    assert (end_there(site, ada, bought), end_here(ada, bought)) == (None, None)
    assert {end_there(site, ada, other) for other in others} == {end_here(ada, bundle)}
    assert end_here(ada, bundle) < in_days(31)


def test_a_look_at_the_first_chapters_is_no_access_without_end(site, push, pull, ada, bundle):
    tried, *_ = courses_of(bundle)
    site.write("enroll", user_id=ada.thinkific_id, course_id=tried.productable_id, dates={})
    pull("enrollments")

    enrollments.enroll_unchecked(student=ada, products=[bundle], expiry_date=in_days(30))
    push()

    assert end_there(site, ada, tried) == end_here(ada, bundle)
