from datetime import timedelta
from decimal import Decimal
from itertools import product

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from core.models import Enrollment
from tests.factories import EnrollmentFactory, ProductFactory, UserFactory

pytestmark = pytest.mark.django_db
PAST, FUTURE = timedelta(days=-1), timedelta(days=1)

CASES = [
    # removed, push state, known to Thinkific, expiry, completed, progress -> status
    (None, "clean", True, None, None, 0, "active"),
    (None, "clean", True, FUTURE, None, 0.9999, "active"),
    (None, "clean", True, FUTURE, None, 1, "completed"),
    (None, "clean", True, FUTURE, PAST, 0.5, "completed"),
    (None, "clean", True, PAST, None, 0, "expired"),
    (None, "clean", True, PAST, PAST, 1, "expired"),
    (None, "pending", False, None, None, 0, "pending"),
    (None, "pending", False, PAST, None, 0, "pending"),
    (None, "pending", True, FUTURE, None, 0, "active"),  # new dates on their way
    (None, "failed", False, None, None, 0, "failed"),
    (None, "failed", True, FUTURE, None, 0, "active"),  # new dates refused; the access stays
    (None, "failed", True, PAST, None, 0, "expired"),
    (None, "clean", False, FUTURE, None, 0, "active"),  # a bundle's, derived from its courses
    (PAST, "clean", True, FUTURE, None, 0, "removed"),
    (PAST, "failed", False, PAST, PAST, 1, "removed"),
]


def moment(now, offset):
    return None if offset is None else now + offset


def make(now, removed, push_state, known, expiry, completed, progress):
    return EnrollmentFactory(
        removed_at=moment(now, removed),
        push_state=push_state,
        thinkific_id=7 if known else None,
        expiry_date=moment(now, expiry),
        completed_at=moment(now, completed),
        percentage_completed=Decimal(str(progress)),
    )


def statuses(enrollment, now=None):
    """The status by the property, by SQL's annotation, and by which of the filters finds it."""
    annotated = Enrollment.objects.with_status(now).get(pk=enrollment.pk).status_now
    found = [s for s in Enrollment.Status.values if Enrollment.objects.in_status(s, now).exists()]
    return [enrollment.status, annotated, *found]


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(str(part) for part in case))
def test_python_and_sql_agree_on_the_status(case):
    *state, status = case

    enrollment = make(timezone.now(), *state)

    assert statuses(enrollment) == [status] * 3


def test_an_enrollment_expires_at_its_very_moment():
    enrollment = EnrollmentFactory()
    end = enrollment.expiry_date

    assert Enrollment.objects.in_status("expired", now=end).exists()
    assert not Enrollment.objects.in_status("expired", now=end - timedelta(microseconds=1)).exists()
    assert Enrollment.objects.with_status(end).get().status_now == "expired"
    assert Enrollment.objects.with_status(end - timedelta(microseconds=1)).get().status_now == "active"


@settings(max_examples=60, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "removed": st.sampled_from([None, PAST]),
            "push_state": st.sampled_from(Enrollment.PushState.values),
            "known": st.booleans(),
            # not within the seconds that pass between asking Python and asking the database
            "expiry": st.none()
            | st.timedeltas(timedelta(minutes=1), timedelta(days=9))
            | st.timedeltas(timedelta(days=-9), timedelta(minutes=-1)),
            "completed": st.sampled_from([None, PAST]),
            "progress": st.sampled_from([0, 0.5, 0.9999, 1, 1.5]),
        }
    )
)
def test_every_enrollment_is_in_one_status_the_same_everywhere(state):
    Enrollment.objects.all().delete()

    by_property, *by_sql = statuses(make(timezone.now(), **state))

    assert by_sql == [by_property] * 2


def test_each_enrollment_of_many_is_found_by_exactly_one_status():
    now, user_count = timezone.now(), 0
    course = ProductFactory()
    choices = ([None, PAST], Enrollment.PushState.values, [None, PAST, FUTURE], [None, PAST], [True, False])
    for user_count, (removed, push_state, expiry, completed, known) in enumerate(product(*choices), start=1):
        EnrollmentFactory(
            user=UserFactory(),
            product=course,
            removed_at=moment(now, removed),
            push_state=push_state,
            expiry_date=moment(now, expiry),
            completed_at=moment(now, completed),
            thinkific_id=user_count if known else None,
        )

    counts = {status: Enrollment.objects.in_status(status).count() for status in Enrollment.Status.values}

    assert sum(counts.values()) == user_count
    assert min(counts.values()) > 0


@pytest.mark.parametrize(
    ("state", "gives"),
    [
        ({}, True),
        ({"completed": True}, True),
        ({"pending": True}, True),
        ({"expiry_date": None}, True),
        ({"expired": True}, False),
        ({"removed": True}, False),
        ({"failed": True}, False),
        ({"push_state": "failed"}, True),
    ],
    ids=str,
)
def test_what_gives_access(state, gives):
    EnrollmentFactory(**state)

    assert Enrollment.objects.giving_access().exists() is gives
