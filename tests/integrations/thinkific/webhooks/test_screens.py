import pytest
from django.core.management import call_command
from django.utils import timezone

from integrations import health
from integrations.models import InboundEvent, WebhookSubscription
from integrations.thinkific.webhooks.topics import SUBSCRIBED
from tests.factories import RoleFactory, UserFactory

LIST = "/admin/integrations/inboundevent/"
PAGE = f"{LIST}subscriptions/"
OURS = "https://dashboard.example.org/webhooks/thinkific/"
Status = InboundEvent.Status


@pytest.fixture
def failed(db):
    return InboundEvent.objects.create(
        event_id="e1", topic="user.updated", payload={"id": 1}, status=Status.FAILED, outcome="No such luck."
    )


@pytest.fixture
def reader(db):
    return UserFactory(global_role=RoleFactory(is_global=True, permissions=["settings.view"]))


def text(response) -> str:
    return response.content.decode()


@pytest.mark.parametrize("person", ["mara", "owen", "ana", "reader"])
def test_who_may_not_manage_the_sync_gets_nothing_of_it(request, person, signed_in, connected, failed):
    browser = signed_in(request.getfixturevalue(person))
    browser.raise_request_exception = False

    assert browser.get(PAGE).status_code == 403
    for action in ("register", "remove", "look"):
        assert browser.post(f"{PAGE}{action}/", {"address": OURS}).status_code == 403
    assert browser.post(f"{LIST}{failed.pk}/reprocess/").status_code in (403, 404)
    assert browser.post(f"{LIST}reprocess_failed/").status_code in (403, 404)
    failed.refresh_from_db()
    assert failed.status == Status.FAILED
    assert not connected.site.subscriptions


@pytest.mark.parametrize("action", ["register", "remove", "look"])
def test_nothing_changes_by_get(signed_in, root, connected, action):
    assert signed_in(root).get(f"{PAGE}{action}/").status_code == 405


def test_the_page_asks_thinkific_nothing(signed_in, root, connected, asked):
    page = text(signed_in(root).get(PAGE))

    assert "0 of 16 subscribed" in page
    assert "http://testserver/webhooks/thinkific/" in page
    assert asked() == 0


def test_registering_and_removing_by_the_buttons(signed_in, alma, connected):
    browser = signed_in(alma)

    page = text(browser.post(f"{PAGE}register/", {"address": OURS}, follow=True))
    assert "16 subscriptions created, 0 existed already, 0 removed." in page
    assert "16 of 16 subscribed" in page
    assert len(connected.site.subscriptions) == len(SUBSCRIBED)

    page = text(browser.post(f"{PAGE}remove/", follow=True))
    assert "16 subscriptions removed" in page
    assert not connected.site.subscriptions


@pytest.mark.parametrize(
    ("address", "words"),
    [("http://dashboard.example.org/x", "https addresses only"), ("", "ends in /webhooks/thinkific/")],
)
def test_a_bad_address_is_answered_beside_the_field(signed_in, root, connected, address, words):
    page = text(signed_in(root).post(f"{PAGE}register/", {"address": address}))

    assert words in page
    assert "data-open" in page
    assert not connected.site.subscriptions


def test_looking_shows_what_others_have_too(signed_in, root, connected):
    connected.site.write("subscribe", topic="lead.created", target_url="https://crm.example.org/<b>")

    page = text(signed_in(root).post(f"{PAGE}look/"))

    assert "somebody else" in page
    assert "https://crm.example.org/&lt;b&gt;" in page


def test_the_page_tells_when_each_topic_was_last_heard_of(signed_in, root, failed):
    page = text(signed_in(root).get(PAGE))

    assert page.count("none yet") == len(SUBSCRIBED) - 1


def test_a_stale_page_does_not_move_the_subscriptions_back(signed_in, root, connected):
    """The page is opened before another person registers a newer address, and sent without a change."""
    browser, newer = signed_in(root), "https://newer.example.org/webhooks/thinkific/"
    browser.post(f"{PAGE}register/", {"address": OURS})
    browser.post(f"{PAGE}register/", {"address": newer})

    browser.post(f"{PAGE}register/", {"address": OURS, "initial-address": OURS})
    assert set(WebhookSubscription.objects.values_list("target_url", flat=True)) == {newer}

    mine = {"address": "https://mine.example.org/webhooks/thinkific/", "initial-address": OURS}
    page = text(browser.post(f"{PAGE}register/", mine))
    assert f"“{newer}” now" in page
    assert set(WebhookSubscription.objects.values_list("target_url", flat=True)) == {newer}


def test_without_a_site_nothing_can_be_registered(signed_in, root):
    page = text(signed_in(root).get(PAGE))

    assert "No Thinkific site is connected" in page
    assert 'data-dialog="register"' not in page


def test_an_event_shows_its_payload_and_outcome(signed_in, root, failed):
    page = text(signed_in(root).get(f"{LIST}{failed.pk}/change/"))

    assert "No such luck." in page
    assert "Reprocess" in page


def test_reprocessing_asks_first(signed_in, root, failed):
    answer = text(signed_in(root).get(f"{LIST}{failed.pk}/reprocess/"))

    assert "Process this event again?" in answer
    failed.refresh_from_db()
    assert failed.status == Status.FAILED


def test_reprocessing_one_and_all_that_failed(signed_in, root, failed):
    browser = signed_in(root)
    other = InboundEvent.objects.create(event_id="e2", topic="user.updated", status=Status.FAILED)
    done = InboundEvent.objects.create(event_id="e3", topic="user.updated", status=Status.PROCESSED)

    browser.post(f"{LIST}{failed.pk}/reprocess/", {"_form_submitted": "1"})
    failed.refresh_from_db()
    assert (failed.status, failed.outcome) == (Status.RECEIVED, "")
    assert InboundEvent.objects.get(pk=other.pk).status == Status.FAILED

    browser.post(f"{LIST}reprocess_failed/", {"_form_submitted": "1"})
    assert InboundEvent.objects.get(pk=other.pk).status == Status.RECEIVED
    assert InboundEvent.objects.get(pk=done.pk).status == Status.PROCESSED


def test_the_list_leads_to_the_subscriptions(signed_in, root):
    page = text(signed_in(root).get(LIST))

    assert f'href="{PAGE}"' in page
    assert "0 of 16 topics subscribed" in page


# --- health ------------------------------------------------------------------------------------------------


def test_silence_is_no_fault_but_says_what_it_costs(db):
    state = health.webhooks()

    assert state.ok
    assert "with scheduled syncs, minutes later" in state.detail


def test_health_tells_when_each_topic_was_last_heard_of(failed):
    WebhookSubscription.objects.create(subscription_id="1", topic="user.updated", target_url=OURS)

    state = health.webhooks()

    assert state.ok
    assert state.detail.startswith("1 subscriptions. Last events: user.updated")


def test_events_that_nobody_works_on_are_a_fault(failed):
    InboundEvent.objects.update(status=Status.RECEIVED, not_before=timezone.now().replace(year=2020))

    state = health.webhooks()

    assert not state.ok
    assert state.detail.startswith("1 events wait")


def test_check_health_includes_the_webhooks(db, capsys):
    with pytest.raises(Exception, match="These checks failed"):
        call_command("check_health")

    assert "webhooks: Nothing is subscribed" in capsys.readouterr().out
