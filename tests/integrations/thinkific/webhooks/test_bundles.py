"""Bought bundles: no event names a bundle; its courses come one by one."""

import pytest

from core.models import Enrollment, Product, User
from core.services.enrollments import enrollments
from integrations.models import InboundEvent
from integrations.thinkific.sandbox.web.faults import Fault
from tests.integrations.thinkific.webhooks.conftest import of

Status = InboundEvent.Status
DATES = {"activated_at": "2026-01-01T00:00:00Z", "expiry_date": None}


@pytest.fixture
def sign_up(connected, in_step, happened, deliver, work, asked):
    """`sign_up("b")` returns a new person whom the dashboard knows."""

    def make(name):
        fields = {"email": f"{name}@x.example", "first_name": name.upper(), "last_name": "X"}
        user = connected.site.write("create_user", fields=fields)
        deliver(happened[-1:])
        work()
        del happened[-1]
        asked()
        return user

    return make


@pytest.fixture
def buyer(sign_up):
    return sign_up("b")


@pytest.fixture
def bundle(connected, in_step):
    return Product.objects.bundles().get()


@pytest.fixture
def bought(connected, buyer, bundle):
    number = bundle.productable_id
    connected.site.write("hold_bundle", bundle_id=number, user_id=buyer.id, dates=DATES)


def bundle_of(buyer):
    return Enrollment.objects.filter(user__thinkific_id=buyer.id, product__productable_type="Bundle")


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "one by one"])
def test_a_bundle_that_was_bought_is_known_at_once_by_one_request(
    buyer, bundle, bought, happened, deliver, work, asked, together
):
    for part in [happened] if together else [[event] for event in happened]:
        deliver(part)
        work()

    held = bundle_of(buyer).get()
    assert (held.product, held.origin) == (bundle, Enrollment.Origin.THINKIFIC)
    courses = Enrollment.objects.filter(user=held.user).exclude(pk=held.pk)
    assert set(courses.values_list("via_bundle", flat=True)) == {held.pk}
    assert courses.count() == bundle.bundle_items.count()
    assert held.activated_at == courses.first().activated_at
    assert asked() == 1


def test_a_full_pull_has_nothing_to_add(buyer, bought, happened, deliver, work, pull):
    deliver(happened)
    work()
    before = list(Enrollment.objects.order_by("pk").values("pk", "via_bundle", "removed_at"))

    run = pull("enrollments")

    assert (run.created, run.updated) == (0, 0)
    assert list(Enrollment.objects.order_by("pk").values("pk", "via_bundle", "removed_at")) == before


def test_the_last_course_of_a_bundle_bought_alone_makes_no_bundle(
    connected, buyer, bundle, happened, deliver, work, asked
):
    for item in bundle.bundle_items.all():
        connected.site.write("enroll", user_id=buyer.id, course_id=item.course.productable_id, dates=DATES)
        deliver(happened)
        work()
        happened.clear()

    assert not bundle_of(buyer).exists()
    assert asked() == 1  # only when all of its courses were there


def test_a_course_of_many_in_a_bundle_costs_no_request(
    connected, buyer, bundle, happened, deliver, work, asked
):
    course = bundle.bundle_items.first().course.productable_id
    connected.site.write("enroll", user_id=buyer.id, course_id=course, dates=DATES)

    deliver(happened)
    work()

    assert asked() == 0


def test_what_we_gave_costs_no_request_when_it_comes_back(
    connected, buyer, bundle, happened, deliver, work, asked, pull
):
    pull("users")
    student = User.objects.get(thinkific_id=buyer.id)
    courses = [item.course for item in bundle.bundle_items.all()]
    enrollments.enroll_unchecked(student=student, products=courses)
    for course in courses:
        connected.site.write("enroll", user_id=buyer.id, course_id=course.productable_id, dates=DATES)
    asked()

    deliver(happened)
    work()

    assert asked() == 0
    assert not bundle_of(buyer).exists()


def test_without_an_answer_the_enrollments_are_stored_and_a_pull_asks(
    connected, buyer, bought, happened, deliver, work, pull
):
    connected.faults.install(Fault(kind="500", path="/bundles/"))
    deliver(happened)
    work()
    assert Enrollment.objects.filter(user__thinkific_id=buyer.id, via_bundle=None).exists()
    assert not InboundEvent.objects.exclude(status=Status.PROCESSED).exists()
    connected.faults.clear()

    pull("enrollments", full=False)

    assert bundle_of(buyer).exists()
    assert not Enrollment.objects.filter(
        user__thinkific_id=buyer.id, via_bundle=None, product__productable_type="Course"
    ).exists()


def test_many_buyers_of_one_bundle_cost_one_request(
    connected, sign_up, buyer, bought, bundle, happened, deliver, work, asked
):
    second = sign_up("c")
    connected.site.write("hold_bundle", bundle_id=bundle.productable_id, user_id=second.id, dates=DATES)
    asked()

    deliver(of(happened, "enrollment.created"))
    work()

    assert bundle_of(buyer).exists() and bundle_of(second).exists()
    assert asked() == 1


def test_progress_of_a_course_is_progress_of_its_bundle(connected, buyer, bought, happened, deliver, work):
    deliver(happened)
    work()
    happened.clear()

    for course in bundle_of(buyer).get().course_enrollments.all():
        connected.site.write("move_progress", enrollment_id=course.thinkific_id, percent=50)
    deliver(happened)
    work()

    assert float(bundle_of(buyer).get().percentage_completed) == 0.5
