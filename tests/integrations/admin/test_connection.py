import threading
import time
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone
from django_q.models import OrmQ

from integrations import event_wake_ups
from integrations.models import ConnectionState, InboundEvent, WebTurn
from integrations.thinkific.webhooks import process
from tests.integrations.thinkific.sockets import dripping_headers, serve

TEST = "/admin/connection/test/"


def press(browser) -> str:
    return browser.post(TEST, follow=True).content.decode()


@pytest.mark.django_db(transaction=True)
def test_it_says_what_works(signed_in, root, connected):
    page = press(signed_in(root))

    assert "REST, GraphQL and webhooks all answer" in page
    assert dict(ConnectionState.objects.values_list("surface", "ok")) == {
        "REST": True,
        "GraphQL": True,
        "webhooks": True,
    }


@pytest.mark.django_db(transaction=True)
def test_without_a_token_it_says_what_its_absence_costs(signed_in, root, connected, settings):
    settings.THINKIFIC_ACCESS_TOKEN = ""

    page = press(signed_in(root))

    assert "REST and webhooks work. GraphQL does not work. Details below." in page
    state = ConnectionState.objects.get(surface="GraphQL")
    assert not state.ok
    assert "certificates" in state.detail
    assert ConnectionState.objects.get(surface="REST").ok


@pytest.mark.django_db(transaction=True)
def test_a_wrong_key_is_stated_at_the_top_of_the_first_page(signed_in, root, connected, settings):
    settings.THINKIFIC_API_KEY = "wrong-key-wrong-key-wrong-key-wr"

    page = press(signed_in(root))

    assert "Thinkific refuses the API key" in page
    assert "wrong-key" not in page
    assert "Until it works nothing can be pulled or pushed." in page


@pytest.mark.django_db(transaction=True)
def test_a_site_that_is_not_reached_is_not_called_a_wrong_key(signed_in, root, connected, settings):
    settings.THINKIFIC_API_URL = "http://127.0.0.1:9"

    page = press(signed_in(root))

    assert "Thinkific does not answer" in page
    assert "Thinkific refuses the API key" not in page


@pytest.mark.django_db(transaction=True)
def test_a_key_that_works_again_lets_go_on_what_waited(signed_in, root, connected, settings):
    key = settings.THINKIFIC_API_KEY
    settings.THINKIFIC_API_KEY = "wrong-key-wrong-key-wrong-key-wr"
    waits = InboundEvent.objects.create(event_id="1", topic="user.updated", payload={"id": 90001})
    press(signed_in(root))
    assert process.process(seconds=5, gather=0) == {"received": 1}
    OrmQ.objects.all().delete()

    settings.THINKIFIC_API_KEY = key
    press(signed_in(root))

    waits.refresh_from_db()
    assert waits.not_before <= timezone.now()
    assert {task.func() for task in OrmQ.objects.all()} == {settings.OUTBOX_DRAIN_TASK, event_wake_ups.TASK}
    assert process.process(seconds=5, gather=0) == {"processed": 1}
    OrmQ.objects.all().delete()
    press(signed_in(root))  # it has worked all the time
    assert not OrmQ.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_site_that_does_not_answer_is_no_error_page(signed_in, root, connected, settings):
    settings.THINKIFIC_API_URL = "http://127.0.0.1:9"

    page = press(signed_in(root))

    assert "Nothing answers with these credentials" in page
    assert not ConnectionState.objects.filter(ok=True).exists()


@pytest.mark.django_db(transaction=True)
def test_a_slow_site_blocks_at_most_two_requests_for_a_short_time(signed_in, root, settings, monkeypatch):
    monkeypatch.setattr("integrations.thinkific.connection.ALL_WITHIN", 3.0)
    monkeypatch.setattr("integrations.thinkific.connection.EACH_WITHIN", 2.0)
    pages: list[tuple[float, str]] = []
    browsers = [signed_in(root) for _ in range(4)]

    def press_one(browser) -> None:
        began = time.monotonic()
        try:
            pages.append((0.0, press(browser)))
        finally:
            pages[-1] = (time.monotonic() - began, pages[-1][1])
            connections.close_all()

    with serve(dripping_headers) as url:
        settings.THINKIFIC_SUBDOMAIN, settings.THINKIFIC_API_KEY = "acme", "k" * 32
        settings.THINKIFIC_ACCESS_TOKEN, settings.THINKIFIC_API_URL = "t" * 40, url
        threads = [threading.Thread(target=press_one, args=[browser]) for browser in browsers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    assert len(pages) == 4
    told = [page for _, page in pages if "A test is under way already" in page]
    assert len(told) == 2
    assert "Thinkific&#x27;s answer was not complete after" in str([page for _, page in pages])
    assert max(seconds for seconds, _ in pages) < 20
    assert not WebTurn.objects.filter(until__gt=timezone.now()).exists()


@pytest.mark.django_db(transaction=True)
def test_a_slot_that_was_not_given_back_becomes_free(signed_in, root, connected):
    later, before = timezone.now() + timedelta(seconds=40), timezone.now() - timedelta(seconds=1)
    WebTurn.objects.create(slot=1, holder="one that was killed", until=before)
    WebTurn.objects.create(slot=2, holder="another", until=later)

    assert "REST, GraphQL and webhooks all answer" in press(signed_in(root))

    WebTurn.objects.filter(slot=1).update(until=later)
    assert "A test is under way already" in press(signed_in(root))


def test_without_credentials_it_says_what_is_missing(signed_in, root):
    page = press(signed_in(root))

    assert "There is no API key" in page


@pytest.mark.parametrize("person", ["mara", "ana"])
def test_it_is_not_for_people_of_a_team(person, request, signed_in):
    assert signed_in(request.getfixturevalue(person)).post(TEST).status_code == 403
    assert not ConnectionState.objects.exists()


def test_it_goes_by_post_only(signed_in, root):
    assert signed_in(root).get(TEST).status_code == 405
