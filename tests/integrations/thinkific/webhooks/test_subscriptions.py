import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from integrations.models import WebhookSubscription
from integrations.thinkific.sandbox.web.faults import Fault
from integrations.thinkific.webhooks import subscriptions
from integrations.thinkific.webhooks.topics import SUBSCRIBED

OURS = "https://dashboard.example.org/webhooks/thinkific/"
THEIRS = "https://somebody.example.org/webhooks/thinkific/"


@pytest.fixture
def run(connected, db):
    def call(*arguments) -> dict:
        out = StringIO()
        call_command("thinkific_webhooks", *arguments, "--json", stdout=out)
        return json.loads(out.getvalue())

    return call


def at_thinkific(connected, url=None):
    rows = connected.site.subscriptions.values()
    return sorted(row["topic"] for row in rows if url in (None, row["target_url"]))


def test_registering_subscribes_every_topic_once(run, connected):
    done = run("register", "--url", OURS)

    assert sorted(done["created"]) == sorted(SUBSCRIBED)
    assert at_thinkific(connected, OURS) == sorted(SUBSCRIBED)


def test_registering_again_changes_nothing(run, connected):
    run("register", "--url", OURS)
    before = dict(connected.site.subscriptions)

    done = run("register", "--url", OURS)

    assert (done["created"], done["removed"], len(done["kept"])) == ([], [], len(SUBSCRIBED))
    assert connected.site.subscriptions == before


def test_what_is_missing_is_made_and_what_is_double_is_removed(run, connected):
    run("register", "--url", OURS)
    first = next(iter(connected.site.subscriptions))
    topic = connected.site.subscriptions[first]["topic"]
    connected.site.write("unsubscribe", webhook_id=first)
    connected.site.write("subscribe", topic="user.signin", target_url=OURS)
    connected.site.write("subscribe", topic="lead.created", target_url=OURS)

    done = run("register", "--url", OURS)

    assert done["created"] == [topic]
    assert sorted(done["removed"]) == ["lead.created", "user.signin"]
    assert at_thinkific(connected) == sorted(SUBSCRIBED)


def test_a_new_address_replaces_the_old_one_and_spares_those_of_others(run, connected):
    connected.webhooks.subscribe_all(THEIRS)
    theirs = at_thinkific(connected, THEIRS)
    run("register", "--url", "https://old.example.org/webhooks/thinkific/")

    run("register", "--url", OURS)

    assert at_thinkific(connected, OURS) == sorted(SUBSCRIBED)
    assert at_thinkific(connected, THEIRS) == theirs
    assert len(connected.site.subscriptions) == len(SUBSCRIBED) + len(theirs)


def test_more_subscriptions_than_one_page_are_all_seen(run, connected):
    for number in range(60):
        connected.site.write("subscribe", topic="user.signin", target_url=f"https://h{number}.example.org/x")
    run("register", "--url", OURS)

    assert run("register", "--url", OURS)["created"] == []
    assert len(run("list")["subscriptions"]) == 60 + len(SUBSCRIBED)


def test_a_topic_that_thinkific_does_not_know_is_told_and_is_no_failure(run, connected, monkeypatch):
    monkeypatch.setattr(subscriptions, "SUBSCRIBED", ("user.signin", "user.teleported"))

    done = run("register", "--url", OURS)

    assert done["created"] == ["user.signin"]
    assert done["rejected"] == [{"topic": "user.teleported", "message": "topic: invalid format"}]


def test_removing_leaves_those_of_others(run, connected):
    connected.webhooks.subscribe_all(THEIRS)
    run("register", "--url", OURS)

    done = run("remove")

    assert len(done["removed"]) == len(SUBSCRIBED)
    assert at_thinkific(connected, OURS) == []
    assert at_thinkific(connected, THEIRS)
    assert not WebhookSubscription.objects.exists()
    assert run("remove")["removed"] == []


def test_subscriptions_that_nobody_remembers_are_removed_by_their_address(run, connected):
    run("register", "--url", OURS)
    WebhookSubscription.objects.all().delete()

    assert run("remove")["removed"] == []
    assert len(run("remove", "--url", OURS)["removed"]) == len(SUBSCRIBED)


def test_the_list_says_which_are_ours(run, connected):
    connected.site.write("subscribe", topic="lead.created", target_url=THEIRS)
    run("register", "--url", OURS)

    ours = {one["topic"]: one["ours"] for one in run("list")["subscriptions"]}

    assert ours.pop("lead.created") is False
    assert set(ours.values()) == {True}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://dashboard.example.org/webhooks/thinkific/", "https addresses only"),
        ("http://127.0.0.1:8000/webhooks/thinkific/", "https addresses only"),
        ("https://127.0.0.1/webhooks/thinkific/", "cannot reach 127.0.0.1"),
        ("https://localhost/webhooks/thinkific/", "cannot reach localhost"),
        ("https://dashboard.example.org", "has no path"),
        ("https://user:secret@dashboard.example.org/x", "user name"),
        ("ftp://dashboard.example.org/x", "not a web address"),
        ("dashboard.example.org/x", "not a web address"),
        ("https:///x", "not a web address"),
        ("https://[::1/x", "not a web address"),
        ("https://dashboard.example.org:99999/x", "not a web address"),
        ("https://dashboard example.org/x", "not a web address"),
        ("", "not a web address"),
    ],
)
def test_an_address_that_thinkific_could_not_use_is_refused(run, connected, url, words):
    with pytest.raises(CommandError, match=words):
        run("register", "--url", url)

    assert not connected.site.subscriptions


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "[::1]:8000"])
def test_on_a_development_machine_this_machine_will_do(run, connected, settings, host):
    settings.DEBUG = True

    run("register", "--url", f"http://{host}/webhooks/thinkific/")

    assert len(connected.site.subscriptions) == len(SUBSCRIBED)


def test_an_address_that_thinkific_refuses_is_a_failure_in_its_words(run, connected):
    with pytest.raises(CommandError, match=r"url: is not valid.*everybody can reach"):
        run("register", "--url", "https://www.example.com/webhooks/thinkific/")

    assert not WebhookSubscription.objects.exists()


@pytest.mark.parametrize("action", [["register", "--url", OURS], ["list"], ["remove"]])
def test_failures_tell_no_secret(run, connected, action):
    connected.set_options(api_key="revoked")

    with pytest.raises(CommandError) as failure:
        run(*action)

    assert "401" in str(failure.value) or "refused" in str(failure.value).lower()
    for secret in ("thinkific-stand-in-api-key-00001", "thinkific-stand-in-access-token"):
        assert secret not in str(failure.value)


def test_what_was_begun_is_finished_by_the_next_time(run, connected):
    connected.faults.install(Fault(kind="500", method="POST", path="/webhooks", after=4))
    with pytest.raises(CommandError, match="not complete"):
        run("register", "--url", OURS)
    connected.faults.clear()

    done = run("register", "--url", OURS)

    assert len(done["kept"]) == 4
    assert at_thinkific(connected) == sorted(SUBSCRIBED)


def test_without_a_site_there_is_nothing_to_subscribe(db):
    with pytest.raises(CommandError, match="No Thinkific site is connected"):
        call_command("thinkific_webhooks", "list")


def test_people_get_lines(connected, db):
    out = StringIO()
    call_command("thinkific_webhooks", "register", "--url", OURS, stdout=out)
    call_command("thinkific_webhooks", "list", stdout=out)
    call_command("thinkific_webhooks", "remove", stdout=out)

    assert "created: user.signup, user.updated" in out.getvalue()
    assert f"{OURS} (active, ours)" in out.getvalue()
    assert f"removed: user.signup to {OURS}" in out.getvalue()
