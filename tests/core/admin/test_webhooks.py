"""The screens of endpoints and deliveries."""

import html
import re
import socket
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core import acting, moments
from core.admin.webhooks.deliveries import LARGE
from core.errors import NotInTheirName
from core.models import WebhookDelivery, WebhookEndpoint
from core.services.accounts import impersonation
from core.services.site import secrets
from core.services.webhooks import endpoints, switching
from integrations.queue.tasks import send_webhooks
from tests.dialogs import shown_by
from tests.factories import RoleFactory, UserFactory, WebhookDeliveryFactory
from tests.receivers import answering, receiver

pytestmark = pytest.mark.django_db
LIST = "/admin/core/webhookendpoint/"
DELIVERIES = "/admin/core/webhookdelivery/"
PUBLIC = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))]


@pytest.fixture(autouse=True)
def dns(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: PUBLIC)


@pytest.fixture
def browser(signed_in, alma):
    return signed_in(alma)


@pytest.fixture
def shop(alma) -> WebhookEndpoint:
    endpoint, _ = endpoints.create(
        url="https://shop.example/hooks", events=["user.created"], description="Shop", by=alma
    )
    return endpoint


def send(browser, url: str, form: dict):
    return browser.post(url, shown_by(browser, url) | form)


def page(endpoint: WebhookEndpoint) -> str:
    return f"{LIST}{endpoint.pk}/change/"


def words(response) -> str:
    return response.content.decode()


def test_an_endpoint_is_added_and_its_secret_shown_once(browser):
    answer = send(
        browser, f"{LIST}do/add/", {"url": "https://shop.example/hooks", "events": ["user.created"]}
    )

    endpoint = WebhookEndpoint.objects.get()
    assert answer.url == page(endpoint)
    assert "whsec_" not in str(dict(browser.session))  # encrypted there
    assert "shown_once" in browser.session
    first, second = words(browser.get(page(endpoint))), words(browser.get(page(endpoint)))
    shown = re.search(r'value="(whsec_[^"]+)"', first)
    assert shown and shown[1] == secrets.decrypt(endpoint.encrypted)
    assert shown[1] not in second
    assert shown[1] not in words(browser.get(f"{LIST}{endpoint.pk}/history/"))
    assert shown[1] not in words(browser.get(LIST))
    assert endpoint.encrypted not in words(browser.get(page(endpoint)))
    assert str(endpoint.history.values()).count(endpoint.encrypted) == 0


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"url": "https://shop.example/"}, "Choose at least one event."),
        ({"url": "", "events": ["*"]}, "Enter the address"),
        ({"url": "http://shop.example/", "events": ["*"]}, "has to begin with https"),
        ({"url": "https://a:b@shop.example/", "events": ["*"]}, "user name or password"),
        ({"url": "https://shop.example/", "events": ["*"], "compatible": "on"}, "no Thinkific API key"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(browser, sent, said):
    answer = browser.post(f"{LIST}do/add/", sent)

    assert said in words(answer)
    assert not WebhookEndpoint.objects.exists()


def test_an_endpoint_is_edited_and_the_history_says_what(browser, shop):
    send(
        browser,
        f"{LIST}{shop.pk}/do/edit/",
        {"url": shop.url, "description": "Our shop", "events": ["user.created", "seat.exhausted"]},
    )

    shop.refresh_from_db()
    assert (shop.description, shop.events) == ("Our shop", ["user.created", "seat.exhausted"])
    assert "Our shop" in words(browser.get(f"{LIST}{shop.pk}/history/"))


def test_all_events_together_are_a_star(browser, shop):
    send(browser, f"{LIST}{shop.pk}/do/edit/", {"url": shop.url, "events": ["*", "user.created"]})

    shop.refresh_from_db()
    assert shop.events == ["*"]


def test_the_choice_in_the_row_switches_it(browser, shop):
    answer = browser.post(
        f"{LIST}{shop.pk}/do/switch/",
        {"active": "False", "initial-active": "True"},
        headers={"Accept": "application/json"},
    )

    assert answer.json() == {"said": "Shop is switched off."}
    shop.refresh_from_db()
    assert not shop.active
    stale = browser.post(
        f"{LIST}{shop.pk}/do/switch/",
        {"active": "False", "initial-active": "True"},
        headers={"Accept": "application/json"},
    )
    assert stale.status_code in {200, 409}
    send(browser, f"{LIST}{shop.pk}/do/switch-on/", {})
    shop.refresh_from_db()
    assert shop.active


def test_the_secret_is_rotated_and_shown_once(browser, shop):
    before = shop.encrypted
    send(browser, f"{LIST}{shop.pk}/do/rotate/", {})

    shop.refresh_from_db()
    assert shop.former_encrypted == before
    assert secrets.decrypt(shop.encrypted) in words(browser.get(page(shop)))
    assert "The former secret signs too for about 24 hours more." in words(browser.get(page(shop)))


def test_deleting_takes_the_log_along_and_keeps_the_history(browser, shop):
    WebhookDeliveryFactory(endpoint=shop)
    assert "The log of 1 delivery is deleted too." in words(browser.get(f"{LIST}{shop.pk}/do/delete/"))

    send(browser, f"{LIST}{shop.pk}/do/delete/", {})

    assert not WebhookEndpoint.objects.exists()
    assert not WebhookDelivery.objects.exists()
    assert "This was deleted" in words(browser.get(f"{LIST}{shop.pk}/history/"))


def test_the_list_shows_how_each_is_doing(browser, shop):
    WebhookEndpoint.objects.update(
        failures=3, events=["user.created", "seat.updated", "team.created", "quiz.attempted"]
    )

    shown = words(browser.get(LIST))

    for said in (
        "https://shop.example/hooks",
        "Shop",
        "User Created, Seat Updated",
        "and 1 more",
        "3 in a row",
    ):
        assert said in shown


def test_the_list_is_a_form_and_holds_no_other(browser, shop):
    """A browser drops the first form within a form, so that its choice would save nothing."""
    page = words(browser.get(LIST))
    table = page[page.index('id="result_list"') : page.index("</table>")]
    assert f'data-in-place="{shop.pk}"' in table
    assert "<form" not in table


def text(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", "", words(response)).split())


def test_a_paused_endpoint_says_until_when(browser, shop, alma):
    until = timezone.now() + timedelta(minutes=4)
    WebhookEndpoint.objects.update(failures=3, failing_since=timezone.now(), paused_until=until)
    waiting = WebhookDeliveryFactory(endpoint=shop)
    test = endpoints.send_test(shop, "user.created", by=alma)

    def page(of) -> str:
        return text(browser.get(f"{DELIVERIES}{of.pk}/change/"))

    paused = f"Paused until {moments.day(until)} {moments.hour(until)}: it did not answer."
    assert f"Paused until {moments.hour(until)}" in words(browser.get(LIST))
    assert paused in text(browser.get(f"{LIST}{shop.pk}/change/"))
    assert paused in page(waiting)
    assert "Within seconds, when its turn comes." in page(test)
    WebhookEndpoint.objects.update(paused_until=None)
    assert "Within seconds, when its turn comes." in page(waiting)
    WebhookDelivery.objects.update(status="failed")
    WebhookEndpoint.objects.update(paused_until=until)
    answer = send(browser, f"{DELIVERIES}{waiting.pk}/do/redeliver/", {})
    assert "is paused" in words(browser.get(answer.url))


def test_one_that_was_switched_off_says_how_often_it_failed(browser, shop):
    page = f"{LIST}{shop.pk}/change/"
    assert "None since the last success, or since it was switched on." in words(browser.get(page))
    WebhookEndpoint.objects.update(failures=1, failing_since=timezone.now())
    switching.switch(shop, on=False, why="It answered 410 Gone.")
    assert "1 in a row since" in text(browser.get(page))


def test_what_was_sent_and_answered_is_shown_and_sent_again(browser, alma, settings, monkeypatch):
    monkeypatch.undo()
    settings.WEBHOOKS_ALLOW_LOOPBACK = True
    with receiver(answering(500, b"<script>alert(1)</script>", X_Trace="t-1")) as one:
        endpoint, _ = endpoints.create(url=one.url, events=["*"], by=alma)
        answer = send(browser, f"{LIST}{endpoint.pk}/do/test/", {"event": "quiz.attempted"})
        delivery = WebhookDelivery.objects.get()
        assert answer.url == f"{DELIVERIES}{delivery.pk}/change/"
        WebhookDelivery.objects.update(attempts=9)
        send_webhooks()
        shown = words(browser.get(answer.url))
        for said in (
            "Quiz Attempted",
            "webhook-signature",
            "Final check",
            "X-Trace: t-1",
            "Answered 500",
            "Test",
        ):
            assert said in shown
        assert "&lt;script&gt;alert(1)" in shown
        assert html.escape(one.bodies[0].decode()) in shown
        one.respond = answering(200)
        send(browser, f"{DELIVERIES}{delivery.pk}/do/redeliver/", {})
        browser.post(
            DELIVERIES,
            {"action": "redeliver_selected", "_selected_action": [delivery.pk], "started": "1", "index": "0"},
        )
        send_webhooks()
    assert [row.status for row in WebhookDelivery.objects.order_by("pk")] == [
        "failed",
        "delivered",
        "delivered",
    ]
    assert len(set(WebhookDelivery.objects.values_list("event_id", flat=True))) == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=failed", 1),
        ("event=user.created", 1),
        ("period=hour", 2),
        ("endpoint=0", 0),
        ("q=event-x", 1),
    ],
)
def test_deliveries_are_found(browser, shop, query, found):
    WebhookDeliveryFactory(endpoint=shop, event="user.created", event_id="event-x")
    WebhookDeliveryFactory(endpoint=shop, event="seat.updated", status="failed", error="Answered 500.")

    answer = browser.get(f"{DELIVERIES}?{query}")

    assert "&lt;a" not in words(answer)

    assert len(answer.context["cl"].result_list) == found


def test_the_list_of_deliveries_reads_no_large_columns(browser, shop):
    counts = []
    for _ in range(2):
        for status in ("pending", "failed", "delivered"):
            WebhookDeliveryFactory(endpoint=shop, status=status, error="Answered 500.", response_code=500)
        with CaptureQueriesContext(connection) as queries:
            shown = browser.get(DELIVERIES).context["cl"].result_list
        counts.append(len(queries))
        assert all(set(LARGE) <= row.get_deferred_fields() for row in shown)

    assert counts[0] == counts[1]


@pytest.mark.parametrize("code", ["webhooks.manage", "tokens.manage"])
def test_the_right_decides(signed_in, shop, code):
    role = RoleFactory(is_global=True, permissions=[code])
    browser = signed_in(UserFactory(global_role=role, is_staff=True))
    may = code == "webhooks.manage"

    assert (browser.get(LIST).status_code == 200) is may
    assert (browser.get(DELIVERIES).status_code == 200) is may
    assert (browser.get(f"{LIST}{shop.pk}/do/rotate/").status_code == 200) is may
    before = shop.encrypted
    browser.post(f"{LIST}{shop.pk}/do/rotate/", {})
    shop.refresh_from_db()
    assert (shop.encrypted != before) is may


def test_no_role_in_a_team_gives_it(signed_in, mara, owen, shop):
    for person in (mara, owen):
        browser = signed_in(person)
        for url in (LIST, DELIVERIES, page(shop), f"{LIST}do/add/"):
            assert browser.get(url).status_code in {302, 403, 404}


def test_nothing_secret_is_reached_in_somebody_elses_name(alma, root, shop):
    session = impersonation.begin(
        impersonator=root, impersonated=alma, reason="Looking at webhooks", address="192.0.2.7"
    )
    with acting.begun(acting.Acting(session.pk, root.pk, "Root", "Alma")):
        for refused in (
            lambda: endpoints.create(url="https://x.example/", events=["*"], by=alma),
            lambda: endpoints.rotate_secret(shop, by=alma),
            lambda: endpoints.update(shop, url="https://evil.example/", by=alma),
            lambda: endpoints.delete(shop, by=alma),
        ):
            with pytest.raises(NotInTheirName):
                refused()


def test_the_screens_are_a_tab_beside_the_tokens(signed_in, alma, browser):
    endpoints_url = f'href="{reverse("admin:core_webhookendpoint_changelist")}"'
    assert endpoints_url in words(browser.get(reverse("admin:core_apitoken_changelist")))
    assert endpoints_url not in words(browser.get("/admin/"))  # the entry API leads to the tokens
    role = RoleFactory(is_global=True, permissions=["webhooks.manage"])
    only = signed_in(UserFactory(global_role=role, is_staff=True))
    assert endpoints_url in words(only.get("/admin/"))
    assert DELIVERIES in words(browser.get(LIST))
