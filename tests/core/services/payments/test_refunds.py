"""Refunds take places back, once; access stays unless the metadata say otherwise."""

import pytest

from core.models import Enrollment, Sale, Seat, StripeEvent
from core.services.payments import carry_out, inbox
from tests.core.services.payments.stripe import charge, event, send, session
from tests.factories import EnrollmentFactory, MembershipFactory, ProductFactory, StripeEventFactory

pytestmark = pytest.mark.django_db


def seat() -> Seat:
    return Sale.objects.get().places.get().seat


def last() -> StripeEvent:
    return StripeEvent.objects.order_by("-pk")[0]


def enrolled(count: int) -> list[Enrollment]:
    """Students of the buyer's team, enrolled through its seat."""
    sale, of = Sale.objects.get(), seat()
    return [
        EnrollmentFactory(
            user=MembershipFactory(team=sale.team).user, product=of.product, last_seat=of, expiry_date=None
        )
        for _ in range(count)
    ]


def test_a_refund_takes_all_places_back(sell, tell):
    sell()
    tell("charge.refunded", charge(100_000))

    assert seat().max_seats == 0
    assert (last().status, last().outcome) == ("processed", "10 places on Forklift Safety taken back.")
    assert Sale.objects.get().refunded == 100_000


@pytest.mark.parametrize(("back", "left"), [(4_000, 10), (10_000, 9), (35_000, 7), (99_999, 1)])
def test_a_partial_refund_takes_whole_places_that_it_paid_for(sell, tell, back, left):
    sell()
    tell("charge.refunded", charge(back))

    assert seat().max_seats == left


def test_refunds_add_up_and_each_counts_once(sell, tell):
    sell()
    tell("charge.refunded", charge(30_000), "evt_a")
    tell("charge.refunded", charge(50_000), "evt_b")
    tell("charge.refunded", charge(50_000), "evt_b")
    tell("charge.refunded", charge(30_000), "evt_c")  # older, and late

    assert seat().max_seats == 5
    assert Sale.objects.get().refunded == 50_000


def test_places_of_other_purchases_stay(sell, tell):
    sell()
    sell(key="cs_2", payment_intent="pi_2", metadata={"b2b_places": "5"})
    tell("charge.refunded", charge(100_000, payment_intent="pi_2"))

    assert Sale.objects.first().places.get().seat.max_seats == 10


def test_nobody_loses_access_and_the_seat_is_over(sell, tell):
    sell()
    rows = enrolled(3)
    tell("charge.refunded", charge(100_000))

    assert (seat().max_seats, seat().over) == (0, 3)
    assert "is over its maximum: 3 of 0 places used" in last().outcome
    assert all(Enrollment.objects.get(pk=row.pk).expiry_date is None for row in rows)


def test_access_ends_when_the_metadata_say_so(sell, tell):
    sell(metadata={"b2b_on_refund": "end_access"})
    rows = enrolled(2)
    tell("charge.refunded", charge(50_000), "evt_part")
    assert all(Enrollment.objects.get(pk=row.pk).expiry_date is None for row in rows)

    tell("charge.refunded", charge(100_000), "evt_all")
    assert {Enrollment.objects.get(pk=row.pk).status for row in rows} == {"expired"}


def test_access_does_not_end_while_the_seat_has_places_of_another_purchase(sell, tell):
    sell(metadata={"b2b_on_refund": "end_access"})
    rows = enrolled(1)
    sell(key="cs_2", payment_intent="pi_2")
    tell("charge.refunded", charge(100_000))

    assert Enrollment.objects.get(pk=rows[0].pk).expiry_date is None


def test_places_that_somebody_took_away_before_are_not_missed_twice(sell, tell):
    sell()
    Seat.objects.update(max_seats=4)
    tell("charge.refunded", charge(100_000))

    assert seat().max_seats == 0 and "4 places on" in last().outcome


def test_an_unlimited_seat_stays(sell, tell):
    sell()
    Seat.objects.update(unlimited=True)
    tell("charge.refunded", charge(100_000))

    assert seat().max_seats == 10 and "unlimited" in last().outcome


def test_a_seat_that_is_gone_is_told(sell, tell):
    sell()
    sale = Sale.objects.get()
    sale.places.update(seat=None)
    tell("charge.refunded", charge(100_000))

    assert last().status == "processed" and "the seat is gone" in last().outcome


def test_a_refund_of_something_else_is_ignored(sell, tell):
    sell()
    tell("charge.refunded", charge(100_000, payment_intent="pi_other"))
    assert last().status == "ignored"
    tell("charge.refunded", charge(100_000, payment_intent=None), "evt_none")
    assert last().status == "ignored" and seat().max_seats == 10


def test_a_refund_that_came_before_its_sale_is_not_forgotten(tell, sell):
    tell("charge.refunded", charge(100_000))
    assert last().status == "ignored"
    sell()

    assert seat().max_seats == 0
    assert StripeEvent.objects.get(topic="charge.refunded").status == "processed"


def test_a_refund_that_a_person_set_aside_stays_set_aside(tell, sell, on, metadata, alma):
    sell()
    StripeEventFactory(topic="charge.refunded", about="pi_1", status="failed", outcome="The seat was locked.")
    inbox.set_aside(last(), by=alma)
    refund = last()
    send(event("checkout.session.async_payment_succeeded", session(metadata), "evt_again"))
    carry_out.carry_out_due()

    refund.refresh_from_db()
    assert refund.status == "ignored" and refund.outcome.startswith("Set aside by Alma Admin.")
    assert seat().max_seats == 10


def test_a_sale_that_failed_first_and_was_refunded_leaves_nothing(tell, on, metadata):
    send(event("checkout.session.completed", session(metadata | {"b2b_products": "99"}), "evt_sale"))
    carry_out.carry_out_due()
    tell("charge.refunded", charge(100_000))
    ProductFactory(productable_id=99)
    inbox.retry(StripeEvent.objects.get(event_id="evt_sale"))
    carry_out.carry_out_due()

    assert seat().max_seats == 0
