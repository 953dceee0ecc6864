"""Paid sessions become people, teams and places; what does not fit is told to a person."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import OperationalError, connection
from django.utils import timezone

from core.models import Notice, Role, Sale, SiteSettings, StripeEvent, Team, User
from core.services.payments import carry_out, inbox
from core.tasks import send_payment_alert
from tests.core.services.payments.stripe import event, send, session
from tests.factories import MembershipFactory, ProductFactory, UserFactory

pytestmark = pytest.mark.django_db


def outcome() -> tuple[str, str]:
    last = StripeEvent.objects.order_by("-pk").first()
    assert last is not None
    return last.status, last.outcome


def test_a_paid_session_provisions(sell, course, alma):
    sell(metadata={"b2b_team_name": "Buyer Ltd"})

    sale = Sale.objects.get()
    assert (str(sale.buyer), str(sale.team)) == ("Bea Buyer", "Buyer Ltd")
    assert (sale.amount, sale.currency, sale.payment) == (100_000, "eur", "pi_1")
    seat = sale.places.get().seat
    assert (seat.product, seat.max_seats, seat.expiry_days) == (course, 10, 365)
    assert sale.team.owner == sale.buyer
    assert outcome() == ("processed", "Buyer Ltd got 10 places on Forklift Safety.")
    assert seat.history.first().history_user == alma


def test_two_buyers_whose_teams_are_called_alike(sell):
    """A Payment Link has the same metadata for everybody."""
    sell(metadata={"b2b_team_name": "Buyer Ltd"})
    other = {"email": "cem@buyer.example", "name": "Cem Buyer"}
    sell(key="cs_2", payment_intent="pi_2", metadata={"b2b_team_name": "Buyer Ltd"}, customer_details=other)

    assert outcome() == ("processed", "Buyer Ltd 2 got 10 places on Forklift Safety.")
    assert [str(sale.team) for sale in Sale.objects.order_by("pk")] == ["Buyer Ltd", "Buyer Ltd 2"]


def test_the_same_session_in_two_events_is_sold_once(sell, metadata, course):
    sell()
    send(event("checkout.session.async_payment_succeeded", session(metadata), "evt_again"))
    carry_out.carry_out_due()

    assert Sale.objects.get().places.get().seat.max_seats == 10
    assert outcome() == ("processed", "This checkout was carried out already.")


def test_the_next_purchase_adds_to_the_same_seat(sell):
    sell()
    sell(key="cs_2", payment_intent="pi_2", metadata={"b2b_places": "5"})

    assert {sale.places.get().seat.max_seats for sale in Sale.objects.all()} == {15}
    assert Team.objects.count() == 1


def test_several_products_with_their_own_places_and_the_buyer_enrolled(sell):
    ProductFactory(name="Crane", productable_id=7)
    sell(metadata={"b2b_products": "1379051, 7", "b2b_places": "3 4", "b2b_enroll_buyer": "yes"})

    rows = Sale.objects.get().places.order_by("pk")
    assert [(str(row.product), row.sold) for row in rows] == [("Forklift Safety", 3), ("Crane", 4)]
    assert Sale.objects.get().buyer.enrollments.count() == 2


def test_a_session_that_is_not_paid_waits_for_its_payment(sell, metadata, tell):
    sell(payment_status="unpaid")
    assert outcome()[0] == "ignored" and not Sale.objects.exists()

    tell("checkout.session.async_payment_succeeded", session(metadata))
    assert Sale.objects.count() == 1


def test_a_trial_has_nothing_to_pay(sell):
    sell(payment_status="no_payment_required", amount_total=0)

    assert Sale.objects.count() == 1


def test_a_session_that_only_stores_a_card_sells_nothing(sell):
    sell(mode="setup", payment_status="no_payment_required")

    assert outcome()[0] == "ignored" and not Sale.objects.exists()


@pytest.mark.parametrize("others", [{}, None, {"order": "7"}])
def test_sessions_of_others_are_kept_as_ignored(tell, others):
    tell("checkout.session.completed", session(others))

    assert outcome() == ("ignored", "This checkout has no metadata for the dashboard.")
    assert not Notice.objects.exists()


WRONG = {
    "no product": ({"b2b_products": ""}, "b2b_products is missing"),
    "words": ({"b2b_products": "forklift"}, "b2b_products is “forklift”"),
    "unknown": ({"b2b_products": "99"}, "no course or bundle with the productable id 99"),
    "no places": ({"b2b_places": "0"}, "b2b_places is “0”"),
    "too many": ({"b2b_places": "99999999999"}, "b2b_places is"),
    "two for one": ({"b2b_places": "1,2"}, "b2b_places is “1,2”"),
    "twice": ({"b2b_products": "1379051,1379051"}, "twice"),
    "days": ({"b2b_days": "-1"}, "b2b_days is “-1”"),
    "a typing error": ({"b2b_place": "10"}, "b2b_place, which is no key"),
    "strategy": ({"b2b_team_strategy": "any"}, "b2b_team_strategy is “any”"),
    "no id": ({"b2b_team_strategy": "specific"}, "b2b_team_id"),
    "no such team": ({"b2b_team_strategy": "specific", "b2b_team_id": "999"}, "or Alma Admin may not see"),
    "a long name": ({"b2b_team_name": "x" * 500}, "b2b_team_name"),
    "type": ({"b2b_product_type": "Book"}, "b2b_product_type is “Book”"),
    "refund": ({"b2b_on_refund": "maybe"}, "b2b_on_refund is “maybe”"),
    "address": ({"b2b_email": "nobody"}, "nobody"),
}


@pytest.mark.parametrize(("wrong", "said"), WRONG.values(), ids=WRONG)
def test_wrong_metadata_fail_with_words_and_write_nothing(sell, alma, wrong, said):
    sell(metadata=wrong)

    assert outcome()[0] == "failed" and said in outcome()[1]
    assert not Sale.objects.exists() and not Team.objects.exists()
    assert not User.objects.of_address("bea@buyer.example").exists()
    notice = Notice.objects.get(user=alma)
    assert said in notice.text and notice.level == "error"


def test_the_mail_about_a_failure_names_it(sell, alma):
    sell(metadata={"b2b_products": "99"})
    failed = StripeEvent.objects.get()

    assert send_payment_alert(failed.pk, alma.pk) == ""
    assert "productable id 99" in mail.outbox[0].body
    assert f"/core/stripeevent/{failed.pk}/change/" in mail.outbox[0].body


def test_what_was_corrected_is_retried(sell):
    sell(metadata={"b2b_products": "99"})
    ProductFactory(productable_id=99)
    inbox.retry(StripeEvent.objects.get())
    carry_out.carry_out_due()

    assert outcome()[0] == "processed" and Sale.objects.count() == 1


def test_of_two_events_of_a_sale_that_failed_one_is_retried(sell, metadata, tell):
    thing = session(metadata | {"b2b_products": "99"})
    sell(metadata={"b2b_products": "99"})
    tell("checkout.session.async_payment_succeeded", thing, "evt_arrived")
    tell("checkout.session.completed", session(metadata | {"b2b_products": "98"}, key="cs_2"), "evt_other")
    first, sibling, other = StripeEvent.objects.order_by("pk")
    ProductFactory(productable_id=99)
    inbox.retry(first)
    carry_out.carry_out_due()

    sibling.refresh_from_db()
    other.refresh_from_db()
    assert (sibling.status, sibling.outcome, sibling.sale) == ("processed", inbox.SETTLED, Sale.objects.get())
    assert other.status == "failed"


def test_without_an_account_nothing_is_carried_out(sell):
    SiteSettings.objects.update(payments_account=None)
    sell()

    assert outcome() == (
        "failed",
        "Settings name nobody who carries out payments. Choose an account there, then retry.",
    )


def test_an_account_that_lacks_rights_is_named(sell, alma):
    alma.global_role = Role.objects.create(name="Few", is_global=True, permissions=["users.view"])
    alma.save()
    sell()

    assert "Alma Admin, who carries out payments, lacks rights" in outcome()[1]


def test_the_name_of_a_known_person_stays(sell, acme):
    person = UserFactory(first_name="Bea", last_name="Known", email="bea@buyer.example")
    MembershipFactory(team=acme, user=person)
    sell()

    person.refresh_from_db()
    assert str(person) == "Bea Known" and Sale.objects.get().buyer == person


def test_an_account_that_is_switched_off_is_told_to_a_person(sell):
    UserFactory(email="bea@buyer.example", is_active=False)
    sell()

    assert outcome()[0] == "failed" and "switched off" in outcome()[1]


def test_a_session_without_an_address_is_told(sell):
    sell(customer_details=None)

    assert "no e-mail address" in outcome()[1]


def test_an_error_of_ours_is_tried_again_and_then_told(on, metadata, alma):
    send(event("checkout.session.completed", session(metadata)))
    StripeEvent.objects.update(payload={})  # as no event is that was stored
    for attempt in range(1, 6):
        carry_out.carry_out_due()
        assert StripeEvent.objects.get().attempts == attempt
        assert StripeEvent.objects.get().status == ("received" if attempt < 5 else "failed")
        assert "(KeyError)" in StripeEvent.objects.get().outcome
        StripeEvent.objects.update(not_before=timezone.now())

    assert outcome() == ("failed", carry_out.UNEXPECTED.format("KeyError"))
    assert Notice.objects.filter(user=alma).count() == 1


def gone(execute, sql, params, many, context):
    """The database goes away when a sale is stored."""
    if 'INTO "core_sale"' in sql:
        raise OperationalError("server closed the connection unexpectedly")
    return execute(sql, params, many, context)


def test_an_unavailable_database_is_no_try(on, metadata, alma):
    send(event("checkout.session.completed", session(metadata)))
    with connection.execute_wrapper(gone):
        for _ in range(carry_out.TRIES + 1):
            assert carry_out.carry_out_due()["retried"] == 1
            waits = StripeEvent.objects.get()
            assert (waits.status, waits.attempts) == ("received", 0)
            assert waits.not_before > timezone.now() and "OperationalError" in waits.outcome
            StripeEvent.objects.update(not_before=timezone.now())
    carry_out.carry_out_due()

    assert outcome()[0] == "processed" and Sale.objects.count() == 1
    assert not Notice.objects.exists()


def test_a_database_that_fails_one_event_for_a_day_is_told(on, metadata, alma):
    send(event("checkout.session.completed", session(metadata)))
    StripeEvent.objects.update(received_at=timezone.now() - timedelta(days=2), attempts=carry_out.TRIES - 1)
    with connection.execute_wrapper(gone):
        carry_out.carry_out_due()

    assert outcome() == ("failed", carry_out.UNEXPECTED.format("OperationalError"))


def test_who_has_lost_the_claim_writes_nothing(on, metadata, monkeypatch):
    send(event("checkout.session.completed", session(metadata)))
    claimed = inbox.claim()
    StripeEvent.objects.update(claimed_by="another:1#x")

    assert carry_out._carry_out(claimed) == "lost"
    assert not Sale.objects.exists() and not connection.needs_rollback


def test_while_one_is_carried_out_no_other_is_claimed(on, metadata):
    for key in ("evt_1", "evt_2"):
        send(event("checkout.session.completed", session(metadata), key))

    assert inbox.claim() is not None
    assert inbox.claim() is None
