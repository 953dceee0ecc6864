import json
from io import BytesIO

import pytest
from django.db import OperationalError, connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from integrations.models import InboundEvent
from integrations.thinkific.webhooks import inbox
from integrations.thinkific.webhooks.view import receive
from tests.integrations.thinkific.webhooks.conftest import ADDRESS, envelope, signature

EVENT = envelope("user.signin", {"id": 7})


def failing(table: str):
    """Makes the database refuse inserts into a table."""

    def refuse(execute, sql, params, many, context):
        if sql.startswith(f'INSERT INTO "{table}"'):
            raise OperationalError("database is locked")
        return execute(sql, params, many, context)

    return connection.execute_wrapper(refuse)


def test_a_signed_event_is_stored_as_it_came(post):
    event = envelope(
        "quiz.attempted", {"id": 1, "quiz": {"name": "Größe"}}, created_at="2026-03-10T10:00:00Z"
    )

    response = post(event)

    assert (response.status_code, response.content) == (204, b"")
    stored = InboundEvent.objects.get()
    assert (stored.topic, stored.event_id) == ("quiz.attempted", "event-1")
    assert stored.payload == event["payload"]
    assert stored.occurred_at.isoformat() == "2026-03-10T10:00:00+00:00"
    assert stored.status == InboundEvent.Status.RECEIVED


@pytest.mark.parametrize("setting", ["THINKIFIC_API_KEY", "THINKIFIC_ACCESS_TOKEN"])
def test_the_key_and_the_token_sign_too(post, settings, setting):
    setattr(settings, setting, "another-secret")
    body = json.dumps(EVENT).encode()

    assert post(body, signed=signature(body, "another-secret")).status_code == 204


@pytest.mark.parametrize(
    "signed",
    [
        False,
        "0" * 64,
        "é",
        signature(json.dumps(EVENT).encode(), "somebody else's key"),
        signature(b"another body"),
        signature(json.dumps(EVENT).encode(), ""),
    ],
    ids=["missing", "zeros", "no hex", "other key", "other body", "empty key"],
)
def test_what_is_not_signed_by_us_is_refused_and_not_stored(post, settings, signed):
    settings.THINKIFIC_WEBHOOK_SECRETS = [*settings.THINKIFIC_WEBHOOK_SECRETS, ""]

    assert post(EVENT, signed=signed).status_code == 401

    assert not InboundEvent.objects.exists()


def test_without_any_secret_nobody_is_believed(post, settings):
    settings.THINKIFIC_WEBHOOK_SECRETS = []
    body = json.dumps(EVENT).encode()

    assert post(body, signed=signature(body, "")).status_code == 401


def test_the_raw_body_is_what_counts(post):
    spaced = json.dumps(EVENT, indent=3).encode()

    assert post(spaced, signed=signature(json.dumps(EVENT).encode())).status_code == 401
    assert post(spaced).status_code == 204


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head"])
def test_only_post_is_answered(db, method):
    assert getattr(Client(), method)(ADDRESS).status_code == 405


def test_the_address_works_without_its_last_slash(secret, db):
    body = json.dumps(EVENT).encode()
    response = Client().post(
        ADDRESS.rstrip("/"),
        body,
        content_type="application/json",
        headers={"X-Thinkific-Hmac-Sha256": signature(body)},
    )

    assert response.status_code == 204


def test_a_browser_without_a_csrf_token_is_no_matter(secret, db):
    body = json.dumps(EVENT).encode()
    response = Client(enforce_csrf_checks=True).post(
        ADDRESS, body, content_type="application/json", headers={"X-Thinkific-Hmac-Sha256": signature(body)}
    )

    assert response.status_code == 204


def test_a_body_of_five_megabytes_is_refused(post):
    body = json.dumps(envelope("user.signin", {"id": 7, "bio": "x" * 5_000_000})).encode()

    assert post(body).status_code == 413

    assert not InboundEvent.objects.exists()


class Unread:
    def read(self, *_):
        raise AssertionError("the body was read")


@pytest.mark.parametrize(("signed", "status"), [("", 401), ("0" * 64, 413)])
def test_a_body_that_is_refused_anyway_is_not_read(signed, status):
    request = RequestFactory().post(ADDRESS, b"", content_type="application/json")
    request.META["CONTENT_LENGTH"] = str(2**30)
    if signed:
        request.META["HTTP_X_THINKIFIC_HMAC_SHA256"] = signed
    request._stream = Unread()

    assert receive(request).status_code == status


def in_chunks(body, **more):
    """Returns the request as a server passes it on after it has read a chunked body."""
    request = RequestFactory().post(
        ADDRESS,
        content_type="application/json",
        headers={"X-Thinkific-Hmac-Sha256": signature(body)},
        **{"wsgi.input_terminated": True, **more},
    )
    request.META["CONTENT_LENGTH"], request.META["wsgi.input"] = "", BytesIO(body)
    return request


def test_an_event_that_comes_in_chunks_is_stored(secret, db):
    assert receive(in_chunks(json.dumps(EVENT).encode())).status_code == 204

    assert InboundEvent.objects.get().payload == EVENT["payload"]


def test_chunks_without_end_are_not_read_to_theirs(secret, db):
    request = in_chunks(b" " * 5_000_000)

    assert receive(request).status_code == 413

    assert request.META["wsgi.input"].tell() <= 1024 * 1024 + 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"topic=user.signin",
        b'{"id": "1", "resource": "user"',
        b"<html></html>",
        b"[]",
        b'"user.signin"',
        b"17",
        b"null",
        b"[" * 100_000,
        b'{"payload": ' + b"[" * 90 + b"]" * 90 + b"}",
        b'{"id": ' + b"9" * 5000 + b"}",
    ],
    ids=["empty", "form", "cut off", "html", "list", "text", "number", "null", "deep", "nested", "digits"],
)
def test_what_is_no_event_is_refused_although_it_is_signed(post, body):
    assert post(body).status_code == 400

    assert not InboundEvent.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b'{"resource": "user", "action": "signin", "payload": {"name": "a\\u0000b", "\\ud800": "\\udfff"}}',
        b'{"resource": "user", "action": "signin", "payload": {"n": NaN, "m": 1e999, "i": -Infinity}}',
        b'{"resource": "user", "action": "signin", "created_at": "soon", "timestamp": 1e300, "payload": 5}',
        b'{"resource": "user", "action": "signin", "created_at": "0001-01-01T00:00:00+14:00", "id": ["x"]}',
        b'{"resource": "user", "action": "signin", "payload": {"name": "\xff\xfe"}}',
        b'{"resource": "' + b"r" * 500 + b'", "action": "signin", "id": "' + b"i" * 500 + b'"}',
        b'{"resource": {"a": 1}, "action": 5}',
        b"{}",
    ],
)
def test_odd_events_are_stored_all_the_same(post, body):
    assert post(body).status_code == 204

    stored = InboundEvent.objects.get()
    assert len(stored.topic) <= 100
    assert stored.event_id.startswith("sha256:")


def test_ten_times_the_same_event_is_one_event(post):
    assert {post(EVENT).status_code for _ in range(10)} == {204}

    assert InboundEvent.objects.count() == 1


def test_a_repetition_does_not_wake_an_event_that_is_over(post):
    post(EVENT)
    InboundEvent.objects.update(status=InboundEvent.Status.PROCESSED, outcome="Stored.")

    post(EVENT)

    assert InboundEvent.objects.get().outcome == "Stored."


def test_an_event_without_an_id_is_known_by_its_body(post):
    first = {**EVENT, "id": None}

    for event in (first, first, {**first, "tenant_id": "55502"}):
        assert post(event).status_code == 204

    assert InboundEvent.objects.count() == 2


def test_taking_an_event_in_is_one_insert_and_one_look(post, credentials):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        post(EVENT)

    told = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert [sql.split(" ", 1)[0] for sql in told] == ["INSERT", "SELECT"]
    assert all('"integrations_inboundevent"' in sql for sql in told)


def test_what_could_not_be_stored_is_not_acknowledged(post):
    with failing("integrations_inboundevent"):
        response = post(EVENT)

    assert (response.status_code, response["Retry-After"]) == (503, "60")
    assert not InboundEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_is_stored_is_acknowledged_even_if_the_queue_could_not_be_woken(post):
    with failing("django_q_ormq"):
        assert post(EVENT).status_code == 204

    assert InboundEvent.objects.exists()
    assert not OrmQ.objects.exists()
    assert inbox.sweep()
    assert OrmQ.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_storm_wakes_the_queue_once(post):
    for number in range(100):
        assert post({**EVENT, "id": str(number)}).status_code == 204

    assert InboundEvent.objects.count() == 100
    assert OrmQ.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_first_event_after_a_pause_wakes_the_queue_again(post):
    post(EVENT)
    InboundEvent.objects.update(status=InboundEvent.Status.PROCESSED)

    post({**EVENT, "id": "2"})

    assert OrmQ.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_nothing_is_swept_when_nothing_waits(post):
    post(EVENT)
    InboundEvent.objects.update(status=InboundEvent.Status.PROCESSED)
    OrmQ.objects.all().delete()

    assert not inbox.sweep()
    assert not OrmQ.objects.exists()
