"""Events of Stripe carried out by real workers, which are killed in the middle."""

import os
import signal
import sys
from contextlib import suppress

import pytest

from core.models import Sale, SeatAssignment, SiteSettings, StripeEvent
from core.services.payments import inbox
from tests.core.services.payments.stripe import SECRET, charge, event, send, session
from tests.factories import ProductFactory
from tests.integrations.queue.conftest import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
    pytest.mark.django_db(transaction=True),
]
COUNT = 40
SOLD = {"b2b_products": "1379051", "b2b_places": "10"}


@pytest.fixture
def on(settings, alma):
    settings.STRIPE_WEBHOOK_SECRET = [SECRET]
    site = SiteSettings.load()
    site.payments_account = alma
    site.save()
    ProductFactory(productable_id=1379051)


def sell(number: int) -> None:
    thing = session(
        SOLD | {"b2b_email": f"buyer{number}@buyer.example"}, f"cs_{number}", payment_intent=f"pi_{number}"
    )
    sold = event("checkout.session.completed", thing, f"evt_{number}")
    back = event("charge.refunded", charge(20_000, payment_intent=f"pi_{number}"), f"evt_back_{number}")
    for payload in (sold, back, sold):  # Stripe repeats events
        assert send(payload).status_code == 200


def processed() -> int:
    return StripeEvent.objects.filter(status="processed").count()


def test_a_worker_carries_out_what_came(start_worker, on):
    worker = start_worker("--workers", "2")
    worker.wait_until_working()
    sell(1)

    wait_until(lambda: processed() == 2, what="the sale and its refund")
    assert Sale.objects.get().places.get().seat.max_seats == 8


def test_kills_lose_nothing_and_double_nothing(start_worker, on):
    for number in range(COUNT):
        sell(number)
    worker = start_worker("--workers", "2")
    kills = 0
    while processed() < 2 * COUNT and kills < 6:
        before = processed()
        wait_until(lambda before=before: processed() >= min(before + 9, 2 * COUNT), seconds=90, what="more")
        if group := worker.group():
            with suppress(ProcessLookupError):  # its supervisor has just replaced it
                os.killpg(group, signal.SIGKILL)
                kills += 1
    wait_until(lambda: processed() == 2 * COUNT, seconds=120, what="all events")

    assert kills > 2
    assert Sale.objects.count() == COUNT
    assert set(SeatAssignment.objects.values_list("seat__max_seats", flat=True)) == {8}
    assert SeatAssignment.objects.count() == COUNT


def test_an_event_that_a_dead_process_had_is_taken_over(on):
    sell(1)
    dead = inbox.claim()
    assert dead is not None and inbox.claim() is None
    host = dead.claimed_by.partition(":")[0]
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    StripeEvent.objects.filter(pk=dead.pk).update(claimed_by=f"{host}:{child}#x")

    assert inbox.free_abandoned() == 1
    again = inbox.claim()
    assert again is not None and (again.pk, again.crashes) == (dead.pk, 1)
