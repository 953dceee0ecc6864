"""Bundles that have courses in common: a course counts as part of the one that gives it longest."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from core.models import Enrollment, OutboxEntry, Product
from core.services import people
from core.services.enrollments import enrollments
from core.services.mirror.bundles import total_up_students_of
from core.services.mirror.source import Source
from integrations.thinkific.push.drain import drain
from integrations.thinkific.sandbox import Scale

LATER = timedelta(minutes=20)  # entries that wait longer are due: see core/moments.py
SCALE = Scale(users=5, courses=6, builder_courses=0, bundles=2, groups=0)


@pytest.fixture
def bundles(catalog):
    return list(Product.objects.bundles().order_by("pk"))


@pytest.fixture
def contents(bundles):
    """The course ids of each bundle."""
    return [
        {item.course.productable_id for item in bundle.bundle_items.select_related("course")}
        for bundle in bundles
    ]


@pytest.fixture
def ada(push, site, contents):
    """A student with 80 % of a course that both bundles have, and 10 % of one that only the first has."""
    user = people.create_user(email="ada@new.example", first_name="Ada", last_name="Roe")
    push()
    user.refresh_from_db()
    first, second = contents
    for number, percent in [(min(first & second), 80), (min(first - second), 10)]:
        dates = {"activated_at": "2026-01-01T00:00:00Z"}
        row = site.write("enroll", user_id=user.thinkific_id, course_id=number, dates=dates)
        site.write("move_progress", enrollment_id=row.id, percent=percent)
    return user


@pytest.mark.parametrize("sent_last", [0, 1])
@pytest.mark.parametrize("forever", [0, 1])
def test_a_pull_finds_each_as_the_pushes_left_it(push, pull, ada, bundles, sent_last, forever):
    ends = [None if number == forever else timezone.now() + timedelta(days=30) for number in (0, 1)]
    for number in (sent_last, 1 - sent_last):
        enrollments.enroll_unchecked(student=ada, products=[bundles[number]], expiry_date=ends[number])
        if number == sent_last:
            OutboxEntry.objects.unsent().update(not_before=timezone.now() + LATER)
    drain(seconds=10)
    assert OutboxEntry.objects.unsent().exists()
    push()

    held = Enrollment.objects.filter(user=ada, product__in=bundles).order_by("product_id")
    before = list(held.values())
    pull("enrollments")
    assert list(held.values()) == before


def test_a_bundle_that_somebody_lost_stays_as_it_was(pull, site, ada, bundles, contents):
    for bundle in bundles:
        dates = {"activated_at": "2026-01-01T00:00:00Z"}
        site.write("hold_bundle", bundle_id=bundle.productable_id, user_id=ada.thinkific_id, dates=dates)
    pull("enrollments")
    lost = Enrollment.objects.filter(user=ada, product__in=bundles).earliest("product_id")
    Enrollment.objects.filter(pk=lost.pk).update(removed_at=timezone.now())
    lost.refresh_from_db()
    shared = Product.objects.filter(productable_type="Course", productable_id__in=contents[0] & contents[1])
    courses = Enrollment.objects.filter(user=ada, product__in=shared)
    courses.update(percentage_completed=1)

    with transaction.atomic():
        total_up_students_of(list(courses.values_list("thinkific_id", flat=True)), source=Source("a test"))

    now = Enrollment.objects.get(pk=lost.pk)
    assert (now.removed_at, now.percentage_completed) == (lost.removed_at, lost.percentage_completed)
