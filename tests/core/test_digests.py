"""Pulls skip rows with an unchanged digest, so every other write to such a row must remove its digest."""

import pytest
from django.db import connection
from django.utils import timezone

from core.models import Enrollment, User
from tests.factories import EnrollmentFactory, ProductFactory, UserFactory

pytestmark = pytest.mark.django_db

USER = {
    "email": "other@example.org",
    "first_name": "Other",
    "last_name": "Other",
    "company": "Other",
    "external_source": "other",
    "thinkific_id": 4711,
    "thinkific_roles": ["other"],
    "custom_profile_fields": [1],
    "thinkific_created_at": timezone.now(),
    "removed_at": timezone.now(),
}
ENROLLMENT = {
    "percentage_completed": "0.5",
    "is_free_trial": True,
    "thinkific_id": 4711,
    "activated_at": timezone.now(),
    "started_at": timezone.now(),
    "completed_at": timezone.now(),
    "expiry_date": timezone.now(),
    "remote_updated_at": timezone.now(),
    "thinkific_created_at": timezone.now(),
    "removed_at": timezone.now(),
}


@pytest.mark.parametrize("name", USER)
def test_a_person_that_is_changed_by_hand_is_looked_at_again(name):
    user = UserFactory(remote_digest=5)

    User.objects.filter(pk=user.pk).update(**{name: USER[name]})

    user.refresh_from_db()
    assert user.remote_digest is None


@pytest.mark.parametrize("name", ENROLLMENT)
def test_an_enrollment_that_is_changed_by_hand_is_looked_at_again(name):
    enrollment = EnrollmentFactory(remote_digest=5)

    Enrollment.objects.filter(pk=enrollment.pk).update(**{name: ENROLLMENT[name]})

    enrollment.refresh_from_db()
    assert enrollment.remote_digest is None


def test_an_enrollment_that_is_moved_by_hand_is_looked_at_again():
    enrollment = EnrollmentFactory(remote_digest=5)

    Enrollment.objects.filter(pk=enrollment.pk).update(product=ProductFactory())

    enrollment.refresh_from_db()
    assert enrollment.remote_digest is None


def test_sql_from_outside_is_noticed_too():
    user = UserFactory(remote_digest=5)

    with connection.cursor() as cursor:
        cursor.execute("UPDATE core_user SET first_name = 'By hand' WHERE id = %s", [user.pk])

    user.refresh_from_db()
    assert user.remote_digest is None


def test_a_save_of_what_thinkific_does_not_know_keeps_the_digest():
    user = UserFactory(remote_digest=5)

    User.objects.filter(pk=user.pk).update(last_login=timezone.now(), is_active=False)

    user.refresh_from_db()
    assert user.remote_digest == 5


def test_a_pull_writes_row_and_digest_together():
    user = UserFactory(remote_digest=5)

    User.objects.filter(pk=user.pk).update(first_name="Pulled", remote_digest=6)

    user.refresh_from_db()
    assert user.remote_digest == 6
