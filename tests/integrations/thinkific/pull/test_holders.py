"""Holders of bundles, and the values of bundle enrollments that are derived from their courses."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.models import Enrollment, Product, User
from integrations.thinkific.sandbox import Scale
from tests.integrations.thinkific.pull.conftest import Writes, counts

pytestmark = pytest.mark.django_db
DATES = {"activated_at": "2026-01-01T00:00:00Z", "expiry_date": "2031-05-06T07:08:09Z"}
SCALE = Scale(users=60, courses=8, builder_courses=0, bundles=5, groups=0, bundle_holders=0.2)


def newcomer(site, name="new"):
    fields = {"email": f"{name}@x.example", "first_name": "N", "last_name": "X"}
    return site.write("create_user", fields=fields).id


def buy(site, bundle, user_id):
    site.write("hold_bundle", bundle_id=bundle.productable_id, user_id=user_id, dates=DATES)


def held(user_id):
    return Enrollment.objects.filter(user__thinkific_id=user_id, product__productable_type="Bundle")


@pytest.fixture
def bundles(site):
    return list(Product.objects.bundles())


@pytest.mark.parametrize("full", [True, False])
class TestDerived:
    def test_a_bundle_enrollment_follows_its_courses(self, pull, site, full):
        held = Enrollment.objects.filter(product__productable_type="Bundle").first()
        for course in held.course_enrollments.all():
            site.write("move_progress", enrollment_id=course.thinkific_id, percent=100)

        pull("enrollments", full=full)

        held.refresh_from_db()
        assert held.percentage_completed == Decimal(1)
        assert held.status in ("completed", "expired")

    def test_so_does_its_end(self, pull, site, full):
        held = Enrollment.objects.filter(product__productable_type="Bundle").first()
        for course in held.course_enrollments.all():
            site.write("set_dates", enrollment_id=course.thinkific_id, dates=DATES)

        run = pull("enrollments", full=full)

        held.refresh_from_db()
        assert held.expiry_date.year == 2031
        assert held.history.latest().history_change_reason == f"Thinkific, run {run.pk}"

    def test_pulled_again_it_writes_no_row(self, pull, site, full):
        for course in Enrollment.objects.filter(via_bundle__isnull=False)[:5]:
            site.write("move_progress", enrollment_id=course.thinkific_id, percent=100)
        pull("enrollments", full=full)

        with Writes() as writes:
            run = pull("enrollments", full=full)

        assert writes.found == []
        assert set(counts(run)) <= {"fetched", "unchanged"}


def test_bundles_of_others_are_not_derived_again(pull, site):
    """Only the bundle enrollments of people whose courses changed are updated. Wrong ones of others stay
    until the full pull."""
    one, other = Enrollment.objects.filter(product__productable_type="Bundle")[:2]
    Enrollment.objects.filter(pk=other.pk).update(percentage_completed="0.1234")
    site.write("move_progress", enrollment_id=one.course_enrollments.first().thinkific_id, percent=100)

    pull("enrollments", full=False)

    other.refresh_from_db()
    assert other.percentage_completed == Decimal("0.1234")


def test_many_bundles_derive_with_as_many_queries_as_one(pull, site):
    def queries(rows):
        for number in rows:
            site.write("move_progress", enrollment_id=number, percent=100)
        with CaptureQueriesContext(connection) as captured:
            pull("enrollments", full=False)
        return len(captured.captured_queries)

    courses = Enrollment.objects.filter(via_bundle__isnull=False, completed_at=None)
    numbers = list(courses.values_list("thinkific_id", flat=True))
    assert len(numbers) > 10

    one = queries(numbers[:1])
    assert queries(numbers[1:]) <= one + 2


class TestNewHolders:
    def test_a_pull_of_what_changed_finds_a_bundle_that_was_bought(self, pull, site, bundles, asked):
        user_id = newcomer(site)
        buy(site, bundles[0], user_id)
        asked()

        pull("enrollments", full=False)

        bundle = held(user_id).get()
        assert bundle.product == bundles[0]
        assert bundle.expiry_date.year == 2031
        assert bundle.course_enrollments.count() == bundles[0].bundle_items.count()
        assert asked() == {"/api/public/v1/enrollments": 1, "/api/public/v1/bundles/{id}/enrollments": 1}

    def test_the_pull_after_it_asks_for_nothing_more(self, pull, site, bundles, asked):
        buy(site, bundles[0], newcomer(site))
        pull("enrollments", full=False)
        asked()

        with Writes() as writes:
            pull("enrollments", full=False)

        assert asked() == {"/api/public/v1/enrollments": 1}
        assert writes.found == []

    def test_many_buyers_of_a_bundle_cost_one_request(self, pull, site, bundles, asked):
        buyers = [newcomer(site, f"new{n}") for n in range(20)]
        for user_id in buyers:
            buy(site, bundles[0], user_id)
        asked()

        pull("enrollments", full=False)

        assert all(held(user_id).exists() for user_id in buyers)
        assert asked()["/api/public/v1/bundles/{id}/enrollments"] == 1

    def test_buyers_of_many_bundles_cost_three_at_most_and_the_full_pull_brings_the_rest(
        self, pull, site, bundles, asked
    ):
        buyers = [newcomer(site, f"new{n}") for n in range(len(bundles))]
        for user_id, bundle in zip(buyers, bundles, strict=True):
            buy(site, bundle, user_id)
        asked()

        pull("enrollments", full=False)

        assert asked()["/api/public/v1/bundles/{id}/enrollments"] == 3
        pull("enrollments")
        for user_id, bundle in zip(buyers, bundles, strict=True):
            assert held(user_id).filter(product=bundle).exists()

    def test_who_buys_a_course_of_it_costs_nothing(self, pull, site, bundles, asked):
        user_id = newcomer(site)
        course = bundles[0].bundle_items.first().course.productable_id
        site.write("enroll", user_id=user_id, course_id=course, dates=DATES)
        asked()

        pull("enrollments", full=False)

        assert User.objects.get(thinkific_id=user_id).enrollments.count() == 1
        assert asked() == {"/api/public/v1/enrollments": 1}

    def test_without_an_answer_the_pull_ends_well_and_the_full_one_brings_it(
        self, pull, site, bundles, thinkific
    ):
        user_id = newcomer(site)
        buy(site, bundles[0], user_id)
        thinkific.faults.add("500", path="/bundles/")

        run = pull("enrollments", full=False)

        assert (run.status, held(user_id).exists()) == ("succeeded", False)
        thinkific.faults.clear()
        pull("enrollments")
        assert held(user_id).exists()
