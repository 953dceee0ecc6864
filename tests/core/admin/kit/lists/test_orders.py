"""The first order of each list, and that its header shows it."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from core.models import Seat, User
from tests.factories import (
    CertificateFactory,
    EnrollmentFactory,
    MembershipFactory,
    QuizResultFactory,
    SeatFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def listed(alma, signed_in):
    """`listed("core_seat")` returns the rows of the first page, and the page."""

    def look(name, query=""):
        response = signed_in(alma).get(reverse(f"admin:{name}_changelist") + query)
        return list(response.context["cl"].result_list), response.content.decode()

    return look


def day(number):
    return datetime(2026, 3, number, tzinfo=UTC)


def test_results_and_certificates_begin_with_the_newest(listed):
    result = {number: QuizResultFactory(completed_at=day(number)) for number in (2, 9, 5)}
    undated = QuizResultFactory(completed_at=None)
    certificate = {number: CertificateFactory(issued_at=day(number)) for number in (2, 9, 5)}

    results, page = listed("core_quizresult")
    assert results == [result[9], result[5], result[2], undated]
    assert "sorted descending" in page
    certificates, page = listed("core_certificate")
    assert certificates == [certificate[9], certificate[5], certificate[2]]
    assert "sorted descending" in page


def test_seats_begin_with_those_over_and_full(listed):
    def seat(used, places, *, unlimited=False):
        made = SeatFactory(max_seats=places, unlimited=unlimited)
        Seat.objects.filter(pk=made.pk).update(used_count=used)
        return made

    empty, half, full = seat(0, 10), seat(5, 10), seat(10, 10)
    unlimited, over, none = seat(900, None, unlimited=True), seat(12, 10), seat(3, 0)

    rows, page = listed("core_seat")

    assert rows[:4] == [none, over, full, half]
    assert set(rows[4:]) == {empty, unlimited}
    assert "sorted descending" in page


def test_a_list_in_the_order_of_arrival_says_so(listed):
    EnrollmentFactory.create_batch(2)

    assert "enrollments, newest first" in listed("core_enrollment")[1]
    assert "newest first" not in listed("core_enrollment", "?o=-4")[1]


def test_in_no_team_are_exactly_those_whom_the_first_page_counts(listed, alma, root):
    lonely = UserFactory()
    MembershipFactory()
    UserFactory(is_active=False)
    UserFactory(removed_at=day(1), thinkific_id=7)

    rows, _ = listed("core_user", "?assigned=no")

    assert rows == [lonely] == list(User.objects.unassigned())
