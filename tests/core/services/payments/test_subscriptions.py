"""Renewals move the end of access; the end of a subscription takes the places back."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from core import moments
from core.models import Enrollment, Sale, Seat, StripeEvent
from tests.core.services.payments.test_refunds import enrolled, last, seat

pytestmark = pytest.mark.django_db
SUBSCRIPTION = {"payment_intent": None, "subscription": "sub_1", "mode": "subscription"}


def noon(days: int) -> datetime:
    return datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=days)


def invoice(days: int, reason: str = "subscription_cycle", *, new: bool = True) -> dict:
    """An invoice for a period that ends in so many days. `new`: as versions since 2025 write it."""
    owner = (
        {"parent": {"subscription_details": {"subscription": "sub_1"}}} if new else {"subscription": "sub_1"}
    )
    period = {"start": 1, "end": int(noon(days).timestamp())}
    return {
        "id": f"in_{days}",
        "object": "invoice",
        "billing_reason": reason,
        "lines": {"data": [{"period": {"start": 1, "end": 2}}, {"period": period}]},
    } | owner


def ends(row: Enrollment) -> datetime | None:
    return Enrollment.objects.get(pk=row.pk).expiry_date


def end_of(days: int) -> datetime:
    found = moments.end_of(timezone.localdate(noon(days)))
    assert found is not None
    return found


@pytest.mark.parametrize("new", [True, False])
def test_a_renewal_moves_the_end_to_a_day_after_the_period(sell, tell, new):
    sell(**SUBSCRIPTION)
    rows = enrolled(2)
    Enrollment.objects.filter(pk=rows[0].pk).update(expiry_date=noon(-3))
    bought = Enrollment.objects.get(pk=rows[1].pk)
    tell("invoice.paid", invoice(30, new=new))

    assert ends(rows[0]) == ends(bought) == end_of(31)
    assert last().status == "processed" and "2 enrollments last until" in last().outcome


def test_enrollments_that_the_seat_did_not_give_stay(sell, tell):
    sell(**SUBSCRIPTION)
    own = enrolled(1)[0]
    Enrollment.objects.filter(pk=own.pk).update(last_seat=None)
    tell("invoice.paid", invoice(30))

    assert ends(own) is None


def test_the_first_invoice_and_others_move_nothing(sell, tell):
    sell(**SUBSCRIPTION)
    row = enrolled(1)[0]
    tell("invoice.paid", invoice(30, "subscription_create"), "evt_a")
    tell("invoice.paid", invoice(60, "manual"), "evt_b")

    assert ends(row) is None
    assert last().status == "ignored"
    assert Sale.objects.get().paid_until == timezone.localdate(noon(31))


def test_an_older_invoice_that_comes_late_shortens_nothing(sell, tell):
    sell(**SUBSCRIPTION)
    row = enrolled(1)[0]
    tell("invoice.paid", invoice(60), "evt_a")
    tell("invoice.paid", invoice(30), "evt_b")

    assert ends(row) == end_of(61) and "already" in last().outcome


def test_an_invoice_without_a_period_is_told(sell, tell):
    sell(**SUBSCRIPTION)
    tell("invoice.paid", invoice(30) | {"lines": {"data": []}})

    assert last().status == "failed" and "period" in last().outcome


def test_the_end_takes_the_places_back_and_ends_access(sell, tell):
    sell(**SUBSCRIPTION)
    row = enrolled(1)[0]
    tell("customer.subscription.deleted", {"id": "sub_1"}, "evt_a")
    tell("customer.subscription.deleted", {"id": "sub_1"}, "evt_b")
    tell("invoice.paid", invoice(30), "evt_c")

    assert seat().max_seats == 0
    assert Enrollment.objects.get(pk=row.pk).status == "expired"
    assert StripeEvent.objects.get(event_id="evt_c").status == "ignored"


def test_access_lasts_as_long_as_it_was_paid_for(sell, tell):
    sell(**SUBSCRIPTION)
    early, late = enrolled(2)
    tell("invoice.paid", invoice(30))
    Enrollment.objects.filter(pk=early.pk).update(expiry_date=noon(5))
    tell("customer.subscription.deleted", {"id": "sub_1"}, "evt_end")

    assert (ends(early), ends(late)) == (noon(5), end_of(30))
    assert "ends on" in last().outcome


def test_access_stays_when_the_metadata_say_so(sell, tell):
    sell(**SUBSCRIPTION, metadata={"b2b_on_end": "keep_access"})
    row = enrolled(1)[0]
    tell("customer.subscription.deleted", {"id": "sub_1"})

    assert seat().max_seats == 0 and ends(row) is None


def test_access_stays_while_the_seat_has_places_of_another_purchase(sell, tell):
    sell(**SUBSCRIPTION)
    row = enrolled(1)[0]
    sell(key="cs_2", payment_intent="pi_2")
    tell("customer.subscription.deleted", {"id": "sub_1"}, "evt_end")

    assert ends(row) is None
    assert Sale.objects.last().places.get().seat.max_seats == 10


def test_subscriptions_of_others_are_ignored(sell, tell):
    sell(**SUBSCRIPTION)
    tell("customer.subscription.deleted", {"id": "sub_9"}, "evt_a")
    assert last().status == "ignored"
    tell("invoice.paid", {"id": "in_1", "billing_reason": "manual"}, "evt_b")
    assert last().status == "ignored" and seat().max_seats == 10


def test_a_renewal_shortens_nothing_of_another_purchase_on_the_same_seat(sell, tell):
    sell(**SUBSCRIPTION)
    of_the_other, longer, shorter = enrolled(3)
    Enrollment.objects.filter(pk=longer.pk).update(expiry_date=noon(300))
    Enrollment.objects.filter(pk=shorter.pk).update(expiry_date=noon(5))
    sell(key="cs_2", payment_intent="pi_2")
    tell("invoice.paid", invoice(30), "evt_a")

    assert (ends(of_the_other), ends(longer), ends(shorter)) == (None, noon(300), end_of(31))
    assert "1 enrollment lasts until" in last().outcome
    assert "2 enrollments with a later end stayed" in last().outcome


def test_a_renewal_shortens_nothing_on_an_unlimited_seat(sell, tell):
    sell(**SUBSCRIPTION)
    row = enrolled(1)[0]
    Seat.objects.update(unlimited=True, max_seats=None)
    tell("invoice.paid", invoice(30))

    assert ends(row) is None
