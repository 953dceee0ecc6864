"""Deliveries to real receivers on the loopback."""

import hashlib
import hmac
import json
import socket
import threading
import time
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from core import tasks
from core.models import Notice, WebhookDelivery, WebhookEndpoint
from core.processes import this_process
from core.services import webhooks
from core.services.webhooks import endpoints, outcomes, post, sending, switching
from core.services.webhooks.payloads import moment
from integrations.queue.tasks import send_webhooks
from tests.factories import WebhookDeliveryFactory
from tests.receivers import after, answering, endless, hanging_up, receiver, trickling

pytestmark = pytest.mark.django_db(transaction=True)
Status = WebhookDelivery.Status
DAY = timedelta(days=1)


def waiting(endpoint, count=1, **values) -> list[WebhookDelivery]:
    return [WebhookDeliveryFactory(endpoint=endpoint, payload={"n": n}, **values) for n in range(count)]


def again(delivery) -> WebhookDelivery:
    delivery.refresh_from_db()
    return delivery


def make_due() -> None:
    WebhookDelivery.objects.update(not_before=timezone.now())
    WebhookEndpoint.objects.update(paused_until=None)


@pytest.fixture
def short(monkeypatch):
    """Nobody waits for a second attempt."""
    monkeypatch.setattr(outcomes, "WAITS", (0.01, *outcomes.WAITS[1:]))


def test_a_receiver_can_verify_what_it_gets(shop, made):
    endpoint, secret = made(shop.url)
    [delivery] = waiting(endpoint)

    assert send_webhooks() == {"delivered": 1}

    [(path, headers, body)] = shop.received
    assert path == "/hook"
    assert Webhook(secret).verify(body, headers) == {
        "event": "enrollment.created",
        "id": delivery.event_id,
        "created_at": moment(delivery.created_at),
        "payload": {"n": 0},
    }
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", headers)
    assert headers["Content-Type"] == "application/json"
    assert "X-B2B-Signature" not in headers
    assert again(delivery).status == Status.DELIVERED
    assert (delivery.response_code, delivery.response_body, delivery.attempts) == (200, "ok", 1)
    assert delivery.request_headers["webhook-id"] == delivery.event_id


def test_the_compatibility_signature_is_made_with_the_api_key(shop, made, settings):
    settings.THINKIFIC_API_KEY = "the-key-of-the-site"
    endpoint, secret = made(shop.url, compatible=True)
    waiting(endpoint)

    send_webhooks()

    [(_, headers, body)] = shop.received
    digest = hmac.new(b"the-key-of-the-site", body, hashlib.sha256).hexdigest()
    assert headers["X-B2B-Signature"] == f"sha256={digest}"
    Webhook(secret).verify(body, headers)


def test_the_former_secret_signs_for_a_day(shop, made, alma):
    endpoint, former = made(shop.url)
    secret = endpoints.rotate_secret(endpoint, by=alma)
    waiting(endpoint)
    send_webhooks()
    endpoint.refresh_from_db()
    WebhookEndpoint.objects.update(former_until=timezone.now() - timedelta(seconds=1))
    waiting(endpoint)
    send_webhooks()

    (_, early, first), (_, late, second) = shop.received
    for one in (secret, former):
        Webhook(one).verify(first, early)
    Webhook(secret).verify(second, late)
    with pytest.raises(WebhookVerificationError):
        Webhook(former).verify(second, late)


def test_a_leaked_secret_stops_at_once(shop, made, alma):
    endpoint, former = made(shop.url)
    endpoints.rotate_secret(endpoint, by=alma, at_once=True)
    waiting(endpoint)

    send_webhooks()

    [(_, headers, body)] = shop.received
    with pytest.raises(WebhookVerificationError):
        Webhook(former).verify(body, headers)


def test_a_slow_endpoint_holds_up_only_itself(shop, made):
    with receiver(after(3)) as slow:
        sluggish, _ = made(slow.url)
        endpoint, _ = made(shop.url)
        waiting(sluggish, 2)
        waiting(endpoint, 15)
        began = time.monotonic()

        sending.send_due(stop=lambda: len(shop.received) == 15 or time.monotonic() - began > 20)

        assert len(shop.received) == 15
        assert len(slow.received) == 1


def test_few_deliveries_keep_their_order(shop, made):
    endpoint, _ = made(shop.url)
    waiting(endpoint, 12)
    shop.respond = after(0.01)

    send_webhooks()

    assert [json.loads(body)["payload"]["n"] for body in shop.bodies] == list(range(12))
    assert shop.most_under_way == 1


def test_many_deliveries_go_side_by_side(shop, made):
    endpoint, _ = made(shop.url)
    waiting(endpoint, 60)
    shop.respond = after(0.05)

    assert send_webhooks() == {"delivered": 60}

    assert shop.most_under_way == sending.SIDE_BY_SIDE
    assert len({json.loads(body)["payload"]["n"] for body in shop.bodies}) == 60


def test_a_failed_delivery_is_sent_again_with_the_same_id_and_body(shop, made, short):
    endpoint, _ = made(shop.url)
    [delivery] = waiting(endpoint)
    shop.respond = answering(500, b"no")

    assert sending.send_due(seconds=2)["retried"]
    assert again(delivery).error == "Answered 500 Internal Server Error."
    shop.respond = answering(204, b"")
    make_due()
    assert send_webhooks() == {"delivered": 1}

    assert len(set(shop.bodies)) == 1
    assert {headers["webhook-id"] for _, headers, _ in shop.received} == {delivery.event_id}
    assert again(delivery).attempts >= 2
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since) == (0, None)


def test_attempts_are_spread_over_a_day():
    assert timedelta(hours=23) < timedelta(seconds=sum(outcomes.WAITS)) < timedelta(hours=24)


def test_after_the_last_attempt_a_delivery_has_failed(shop, made):
    endpoint, _ = made(shop.url)
    [delivery] = waiting(endpoint, attempts=len(outcomes.WAITS))
    shop.respond = answering(400)

    assert send_webhooks() == {"failed": 1}

    assert again(delivery).status == Status.FAILED
    assert not WebhookDelivery.objects.due().exists()


def test_a_worker_that_stood_still_for_days_still_tries(shop, made):
    endpoint, _ = made(shop.url)
    [delivery] = waiting(endpoint, created_at=timezone.now() - 5 * DAY)
    shop.respond = answering(400)
    sending.send_due(seconds=0.5)

    assert again(delivery).status == Status.PENDING


@pytest.mark.parametrize(
    ("respond", "said"),
    [
        (answering(301, Location="http://127.0.0.1:9/else"), "it redirects to http://127.0.0.1:9/else"),
        (answering(308), "Answered 308: it redirects."),
        (answering(404), "Answered 404 Not Found."),
        (hanging_up, "The connection was closed before an answer came."),
        (lambda handler: handler.wfile.write(b"SSH-2.0-x\r\n\r\n"), "The answer is not HTTP"),
    ],
    ids=["redirect", "redirect to nowhere", "missing", "hangs up", "another protocol"],
)
def test_what_is_no_success_says_why(shop, made, respond, said):
    endpoint, _ = made(shop.url)
    [delivery] = waiting(endpoint, attempts=len(outcomes.WAITS))
    shop.respond = respond

    send_webhooks()

    assert again(delivery).status == Status.FAILED
    assert said in delivery.error
    assert len(shop.received) == 1


def test_nobody_listens(made, shop):
    endpoint, _ = made(shop.url)
    [delivery] = waiting(endpoint, attempts=len(outcomes.WAITS))
    shop.close()

    send_webhooks()

    assert again(delivery).error == "The connection was refused."


@pytest.mark.parametrize("respond", [after(5), trickling], ids=["silent", "trickling"])
def test_an_answer_has_a_deadline(shop, monkeypatch, respond):
    shop.respond = respond
    began = time.monotonic()

    answer = post.post(shop.url, b"{}", {}, seconds=0.7)

    assert time.monotonic() - began < 2
    assert answer.problem == "No complete answer within 0.7 seconds."


def test_who_is_late_when_the_connection_stands_sends_nothing(shop, monkeypatch):
    """Nobody could cut off a connection that did not stand yet."""
    connect = socket.socket.connect

    def slowly(self, place):
        connect(self, place)
        time.sleep(0.5)

    monkeypatch.setattr(socket.socket, "connect", slowly)
    answer = post.post(shop.url, b"{}", {}, seconds=0.2)

    assert answer.problem == "No complete answer within 0.2 seconds."
    assert shop.received == []


def test_of_a_huge_answer_only_the_beginning_is_read(shop):
    shop.respond = endless
    began = time.monotonic()

    answer = post.post(shop.url, b"{}", {})

    assert time.monotonic() - began < 3
    assert answer.body == "x" * post.KEPT_BYTES
    assert answer.problem == ""


def test_cookies_and_nul_characters_of_an_answer_are_not_kept(shop, made):
    endpoint, _ = made(shop.url)
    [delivery] = waiting(endpoint)
    shop.respond = answering(200, b"a\x00b\xff", Set_Cookie="session=secret", X_Request_Id="7")

    send_webhooks()

    assert again(delivery).response_headers["X-Request-Id"] == "7"
    assert "secret" not in json.dumps(delivery.response_headers)
    assert delivery.response_body == "a\ufffdb\ufffd"


def test_a_dead_endpoint_is_tried_with_one_delivery_at_a_time(shop, made):
    endpoint, _ = made(shop.url)
    waiting(endpoint, 30)
    shop.respond = answering(503)
    sending.send_due(seconds=0.3)
    before = len(shop.received)
    make_due()

    sending.send_due(seconds=0.3)

    assert before <= sending.SIDE_BY_SIDE
    assert len(shop.received) == before + 1
    assert WebhookDelivery.objects.filter(attempts=0).count() >= 30 - before - 1


def test_retry_after_is_honoured(shop, made):
    endpoint, _ = made(shop.url)
    waiting(endpoint)
    shop.respond = answering(429, Retry_After="600")

    sending.send_due(seconds=0.3)

    endpoint.refresh_from_db()
    assert endpoint.paused_until > timezone.now() + timedelta(seconds=500)


def test_an_endpoint_that_fails_for_days_is_switched_off_and_its_owner_told(shop, made, alma):
    endpoint, _ = made(shop.url, description="Shop")
    [_, other] = waiting(endpoint, 2)
    WebhookEndpoint.objects.update(failures=20, failing_since=timezone.now() - 3 * DAY)
    shop.respond = answering(500)

    sending.send_due(seconds=0.3)

    endpoint.refresh_from_db()
    assert not endpoint.active
    assert endpoint.switched_off_why == (
        "No delivery has reached it for 3 days. Answered 500 Internal Server Error."
    )
    assert again(other).status == Status.FAILED
    assert other.error == switching.NOT_SENT
    notice = Notice.objects.get(user=alma)
    assert notice.text.startswith("The webhook Shop was switched off.")
    assert endpoint.history.first().history_change_reason == "switched off"
    tasks.send_webhook_alert(endpoint.pk, alma.pk)
    [sent] = mail.outbox
    assert sent.to == [alma.email]
    assert "Shop was switched off" in sent.subject
    assert shop.url in sent.body
    shop.respond = answering(200)
    assert send_webhooks() == {}


def test_the_owner_who_left_is_replaced_by_those_who_may_manage_webhooks(shop, made, alma, root):
    endpoint, _ = made(shop.url)
    alma.is_active = False
    alma.save()
    endpoint.refresh_from_db()

    assert switching.told(endpoint) == [root]


def test_gone_switches_off_at_once(shop, made, alma):
    endpoint, _ = made(shop.url)
    [delivery] = waiting(endpoint)
    shop.respond = answering(410)

    assert send_webhooks() == {"failed": 1}

    endpoint.refresh_from_db()
    assert not endpoint.active
    assert (endpoint.failures, endpoint.failing_since is None) == (1, False)
    assert again(delivery).status == Status.FAILED
    assert switching.switch(endpoint, on=True, by=alma).failures == 0


def test_what_a_dead_process_had_is_sent_again_with_its_id(shop, made):
    endpoint, _ = made(shop.url)
    host = this_process().partition(":")[0]
    [delivery] = waiting(
        endpoint,
        attempts=1,
        claimed_by=f"{host}:4194999#gone",
        claimed_until=timezone.now() + timedelta(seconds=50),
    )

    assert send_webhooks() == {"delivered": 1}

    assert again(delivery).crashes == 1
    assert json.loads(shop.bodies[0])["id"] == delivery.event_id


def test_an_endpoint_that_another_process_sends_to_is_left_to_it(shop, made):
    endpoint, _ = made(shop.url)
    waiting(endpoint, claimed_by=f"{this_process()}#x", claimed_until=timezone.now() + timedelta(seconds=50))
    waiting(endpoint)

    assert send_webhooks() == {}

    assert shop.received == []


def test_nothing_goes_to_an_endpoint_that_is_off(shop, made, alma):
    endpoint, _ = made(shop.url)
    [delivery] = waiting(endpoint)
    switching.switch(endpoint, on=False, by=alma)

    assert send_webhooks() == {}
    assert again(delivery).error == switching.NOT_SENT
    assert again(delivery).status == Status.FAILED


def held(endpoint) -> WebhookDelivery:
    """A delivery that a living process is sending."""
    until = timezone.now() + timedelta(seconds=50)
    [delivery] = waiting(endpoint, claimed_by=f"{this_process()}#x", claimed_until=until, attempts=1)
    return delivery


def test_switching_off_leaves_what_is_being_sent_to_its_sender(shop, made, alma):
    endpoint, _ = made(shop.url)
    arrived, refused = held(endpoint), held(endpoint)
    switching.switch(endpoint, on=False, by=alma)

    assert outcomes.store(arrived, post.Answer(status=200), {}) == "delivered"
    assert outcomes.store(refused, post.Answer(status=500, problem="Answered 500."), {}) == "failed"
    assert again(arrived).status == Status.DELIVERED
    assert (again(refused).status, refused.error) == (Status.FAILED, "Answered 500.")


def test_an_outcome_is_stored_with_the_endpoint_locked_first(shop, made):
    """As switching off does: in the other order both could wait for each other."""
    delivery = held(made(shop.url)[0])
    with CaptureQueriesContext(connection) as queries:
        outcomes.store(delivery, post.Answer(status=200), {})

    first = next(one["sql"] for one in queries if one["sql"].startswith(("SELECT", "UPDATE")))
    assert 'FROM "core_webhookendpoint"' in first
    if connection.vendor == "postgresql":
        assert first.endswith("FOR NO KEY UPDATE")


def test_after_gone_nothing_more_is_sent(shop, made):
    endpoint, _ = made(shop.url)
    waiting(endpoint, 3)
    shop.respond = answering(410)

    send_webhooks()
    sending.sweep()

    assert len(shop.received) == 1
    assert [row.error for row in endpoint.deliveries.order_by("pk")][1:] == [switching.NOT_SENT] * 2


def test_a_secret_that_cannot_be_read_says_so(shop, made, settings):
    endpoint, _ = made(shop.url)
    [delivery] = waiting(endpoint)
    settings.SECRET_KEY = "another-" * 10

    sending.send_due(seconds=0.3)

    assert again(delivery).error == sending.UNREADABLE
    assert shop.received == []


def test_the_present_secret_key_encrypts_secrets_again(shop, made, settings):
    from core.services.site import secrets

    endpoint, secret = made(shop.url)
    former = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another-" * 10, [former]
    assert secrets.encrypt_again() == 1
    settings.SECRET_KEY_FALLBACKS = []
    endpoint.refresh_from_db()

    assert secrets.decrypt(endpoint.encrypted) == secret


def test_redelivery_has_the_id_and_the_time_of_the_event(shop, made, alma):
    endpoint, _ = made(shop.url)
    [delivery] = waiting(endpoint, status=Status.FAILED, created_at=timezone.now() - DAY)

    [copy] = endpoints.redeliver([delivery], by=alma)
    send_webhooks()

    assert json.loads(shop.bodies[0])["id"] == delivery.event_id
    assert json.loads(shop.bodies[0])["created_at"] == moment(delivery.created_at)
    assert again(copy).status == Status.DELIVERED
    assert copy.asked_by == alma
    assert again(delivery).status == Status.FAILED


def test_a_test_delivery_is_told_from_others_by_its_id(shop, made, alma):
    endpoint, _ = made(shop.url, events=["user.created"])

    endpoints.send_test(endpoint, "quiz.attempted", by=alma)
    send_webhooks()

    body = json.loads(shop.bodies[0])
    assert body["event"] == "quiz.attempted"
    assert body["id"].startswith("test_")
    assert body["payload"]["quiz"]["name"] == "Final check"


def test_a_test_is_sent_at_once_whatever_waits_for_a_paused_endpoint(shop, made, alma):
    endpoint, _ = made(shop.url)
    old = waiting(endpoint, 3)
    shop.respond = answering(503)
    sending.send_due(seconds=0.3)
    make_due()
    WebhookEndpoint.objects.update(paused_until=timezone.now() + timedelta(minutes=5))

    test = endpoints.send_test(endpoint, "user.created", by=alma)
    sending.send_due(seconds=0.3)

    assert (again(test).response_code, test.attempts, test.status) == (503, 1, Status.PENDING)
    assert test.not_before > timezone.now()
    assert len(shop.received) == 2  # the other is the first of what waits, from before the pause
    shop.respond = answering(200)
    endpoints.send_test(endpoint, "user.created", by=alma)
    sending.send_due(seconds=5)
    assert {again(delivery).status for delivery in old} == {Status.DELIVERED}


def test_a_test_goes_before_what_is_claimed_already(shop, made, alma):
    endpoint, _ = made(shop.url)
    waiting(endpoint, 5)
    tests = []

    def ask(*args) -> None:
        if not tests:
            tests.append(endpoints.send_test(endpoint, "user.created", by=alma))

    sending.send_due(beat=ask)

    assert [json.loads(body)["id"] for body in shop.bodies].index(tests[0].event_id) < 3


def test_a_commit_wakes_the_sending_once(shop, made, monkeypatch, acme):
    from django_q.models import OrmQ

    made(shop.url, events=["team.created"])
    OrmQ.objects.all().delete()
    with transaction.atomic():
        webhooks.emit("team.created", [acme])
        webhooks.emit("team.created", [acme])

    assert OrmQ.objects.count() == 1
    assert OrmQ.objects.get().task["func"] == "integrations.queue.tasks.send_webhooks"


def test_what_was_told_at_the_moment_of_switching_off_has_failed(shop, made, alma):
    endpoint, _ = made(shop.url)
    switching.switch(endpoint, on=False, by=alma)
    [late] = waiting(endpoint)

    sending.sweep()

    assert again(late).error == switching.NOT_SENT


def test_an_endpoint_that_is_deleted_while_something_is_told_breaks_nothing(shop, made, alma, acme):
    """The one who deletes waits for the other's commit, and not the other way round."""
    endpoint, _ = made(shop.url)
    deleting = threading.Thread(target=lambda: (endpoints.delete(endpoint, by=alma), connection.close()))
    with transaction.atomic():
        assert webhooks.emit("team.created", [acme]) == 1
        deleting.start()
        deleting.join(0.5)
    deleting.join(30)

    assert not deleting.is_alive()
    assert not WebhookDelivery.objects.exists()


def test_what_waited_behind_a_dead_endpoint_for_a_day_has_failed(shop, made):
    endpoint, _ = made(shop.url)
    [old] = waiting(endpoint, created_at=timezone.now() - 2 * DAY)
    [young] = waiting(endpoint)
    WebhookEndpoint.objects.update(failures=20, failing_since=timezone.now() - 2 * DAY)

    sending.sweep()

    assert again(old).status == Status.FAILED
    assert again(young).status == Status.PENDING
