"""POST /webhooks/stripe: what it takes in, and that it does nothing else."""

import json
import logging
import threading
import time

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django_q.models import OrmQ

from core.models import Sale, SiteSettings, StoredSecret, StripeEvent, User
from core.services.payments import carry_out, signatures
from core.services.site import secrets
from tests.core.services.payments.stripe import ADDRESS, SECRET, event, send, session, signed

pytestmark = pytest.mark.django_db
SOLD = event("checkout.session.completed", session({"b2b_products": "1"}))


def test_it_does_not_exist_without_a_secret(settings):
    settings.STRIPE_WEBHOOK_SECRET = []

    assert send(SOLD).status_code == 404
    assert Client().get(ADDRESS).status_code == 404
    assert not StripeEvent.objects.exists()


@pytest.mark.parametrize("stored", [SECRET, f"whsec_former,{SECRET}", f"whsec_former, {SECRET}"])
def test_a_secret_of_settings_switches_it_on(settings, stored):
    settings.STRIPE_WEBHOOK_SECRET = []
    secrets.store(StoredSecret.Name.STRIPE, stored)

    assert send(SOLD).status_code == 200


def test_an_event_is_stored_and_a_worker_woken_and_nothing_else_is_done(on, course):
    before = OrmQ.objects.count()
    answer = send(SOLD)

    assert answer.status_code == 200
    stored = StripeEvent.objects.get()
    assert (stored.event_id, stored.status, stored.about) == ("evt_1", "received", "pi_1")
    assert not Sale.objects.exists() and not User.objects.of_address("bea@buyer.example").exists()
    assert OrmQ.objects.count() == before  # woken after the commit of this test's transaction


@pytest.mark.parametrize(
    "sent",
    [
        {"secret": "whsec_another"},
        {"header": ""},
        {"header": "t=1,v1=abc"},
        {"header": "rubbish"},
        {"header": "t=1,v1=é"},
        {"at": time.time() - 3600},
    ],
    ids=["another secret", "none", "short", "rubbish", "no ASCII", "old"],
)
def test_wrong_and_old_signatures_are_refused(on, sent):
    assert send(SOLD, **sent).status_code == 400
    assert not StripeEvent.objects.exists()


def test_another_body_under_the_signature_is_refused(on):
    body = json.dumps(SOLD)
    header = signed(body)

    assert send(body.replace("paid", "payd"), header=header).status_code == 400


def test_of_two_secrets_each_counts(on, settings):
    settings.STRIPE_WEBHOOK_SECRET = ["whsec_former", SECRET]

    assert send(SOLD).status_code == 200
    assert send(event("charge.refunded", {}, "evt_2"), secret="whsec_former").status_code == 200


@pytest.mark.parametrize("body", ["no json", "[]", "1", "{}", json.dumps(SOLD | {"data": 7}), "[" * 90_000])
def test_signed_rubbish_is_refused(on, body):
    assert send(body).status_code == 400


def test_a_large_body_is_refused(on):
    assert send(json.dumps(SOLD | {"more": "x" * 1_100_000})).status_code == 413


def test_only_post(on):
    answer = Client().get(ADDRESS)

    assert (answer.status_code, answer["Allow"]) == (405, "POST")


def test_text_that_no_database_stores_is_cleaned(on):
    send(event("checkout.session.completed", session({"b2b_products": "1"}) | {"note": "a\0b\ud800"}))

    assert StripeEvent.objects.get().payload["data"]["object"]["note"] == "ab?"


def test_other_events_are_answered_and_not_kept(on):
    assert send(event("customer.created", {"id": "cus_1"})).status_code == 200
    assert not StripeEvent.objects.exists()


def test_an_event_that_comes_again_is_stored_once(on):
    for _ in range(3):
        assert send(SOLD).status_code == 200

    assert StripeEvent.objects.count() == 1


def test_the_secret_is_in_no_log_no_answer_and_no_row(on, caplog):
    caplog.set_level(logging.DEBUG)

    def full(execute, sql, params, many, context):
        if 'INTO "core_stripeevent"' in sql:
            raise OperationalError("database or disk is full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(full):
        answers = [send(SOLD)]
    answers += [send(SOLD), send(SOLD, header="t=1,v1=abc"), send("rubbish")]
    carry_out.carry_out_due()

    assert [answer.status_code for answer in answers] == [503, 200, 400, 400]
    written = str([record.__dict__ for record in caplog.records])
    assert "A Stripe event could not be stored" in written
    said = [written, caplog.text, *(answer.content.decode() for answer in answers)]
    said += [str(values) for values in StripeEvent.objects.values()]
    assert signatures.secrets() == [SECRET]
    assert not [text for text in said if SECRET in text]


@pytest.mark.django_db(transaction=True)
def test_twenty_duplicates_at_the_same_time_have_one_effect(on, course, metadata):
    payload = event("checkout.session.completed", session(metadata))
    codes: list[int] = []

    def deliver() -> None:
        try:
            codes.append(send(payload).status_code)
            carry_out.carry_out_due(seconds=5)
        finally:
            connection.close()

    threads = [threading.Thread(target=deliver) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    carry_out.carry_out_due()

    assert set(codes) <= {200, 503} and 200 in codes
    assert StripeEvent.objects.get().status == "processed"
    assert Sale.objects.get().places.get().seat.max_seats == 10
    assert SiteSettings.load().payments_account is not None
