"""Signing in by a link in an e-mail: who gets one, what it does, and what ends it."""

import re
import threading
from datetime import timedelta

import pytest
from django.contrib.auth import get_user
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from core.models import SignInLink, SiteSettings, User
from core.services import people
from core.services.accounts import email_changes, sign_in, sign_in_links
from integrations.queue.tasks import prune
from tests.factories import UserFactory
from tests.project.pages.test_passwords import link_in, strip_tokens, work_off
from tests.project.pages.test_sign_in import enter, fail

ASK = "/admin/sign-in/by-mail/"
SENT = "/admin/sign-in/by-mail/sent/"


def ask(email, *, at="192.0.2.1", client=None, **more):
    return (client or Client()).post(ASK, {"email": email, **more}, REMOTE_ADDR=at)


def mailed(user, **more) -> str:
    """Returns the link that the user gets after asking for it."""
    ask(user.email, **more)
    work_off()
    assert mail.outbox[-1].to == [user.email]
    return link_in(mail.outbox[-1])


def press(link, *, client=None, at="192.0.2.7"):
    """Open the link and press its button. Returns the answer."""
    client = client or Client()
    page = client.get(link, follow=True, REMOTE_ADDR=at)
    return client.post(page.request["PATH_INFO"], REMOTE_ADDR=at)


def is_in(client, user) -> bool:
    return get_user(client).pk == user.pk


def test_the_link_signs_in_once(ana):
    browser, other = Client(), Client()
    link = mailed(ana)

    assert press(link, client=browser).url == "/admin/"
    assert is_in(browser, ana)
    assert b"This link no longer works" in press(link, client=other).content
    assert not is_in(other, ana)
    ana.refresh_from_db()
    assert ana.last_login is not None and ana.last_activity_at is not None


def test_opening_the_link_does_not_use_it_up(ana):
    link = mailed(ana)
    for _ in range(3):  # as programs that scan mails do
        scanner = Client()
        assert scanner.get(link, follow=True).status_code == 200
        scanner.head(link)
        assert not is_in(scanner, ana)

    browser = Client()
    press(link, client=browser)
    assert is_in(browser, ana)


def test_the_page_says_who_signs_in_and_keeps_the_secret_out_of_the_address(ana):
    browser, link = Client(), mailed(ana)

    answer = browser.get(link)
    page = browser.get(answer.url)

    token = link.rstrip("/").split("/")[-1]
    assert token not in answer.url and token not in page.content.decode()
    assert ana.email in page.content.decode()
    assert "no-store" in page["Cache-Control"] and "no-store" in answer["Cache-Control"]


ENDS = {
    "time": lambda user: SignInLink.objects.update(made_at=timezone.now() - timedelta(minutes=15)),
    "a new password": lambda user: (user.set_password("another-harbour-8"), user.save()),
    "another address": lambda user: email_changes.change_at_once(
        user, "new@acme.example", by=None, reason="moved"
    ),
    "switched off": lambda user: people.update_user(user, is_active=False),
    "switched off and on": lambda user: [
        people.update_user(User.objects.get(pk=user.pk), is_active=on) for on in (False, True)
    ],
    "deleted": lambda user: User.objects.get(pk=user.pk).delete(),
    "the setting": lambda user: SiteSettings.objects.update_or_create(
        pk=1, defaults={"sign_in_by_link": False}
    ),
    "another link": lambda user: press(mailed(user)),
}


@pytest.mark.parametrize("when", ["before it is opened", "before the button is pressed"])
@pytest.mark.parametrize("how", ENDS)
def test_what_ends_the_link(ana, how, when):
    browser, link = Client(), mailed(ana)
    page = browser.get(link, follow=True) if when == "before the button is pressed" else None

    ENDS[how](ana)
    if page is None:
        page = browser.get(link, follow=True)
        assert b"This link no longer works" in page.content
    answer = browser.post(page.request["PATH_INFO"])

    assert answer.status_code == 200 and b"This link no longer works" in answer.content
    assert "_auth_user_id" not in browser.session


def test_a_changed_or_foreign_token_opens_nothing(ana, bo):
    mine, theirs = mailed(ana), mailed(bo)
    uid, token = mine.strip("/").split("/")[-2:]
    other = theirs.strip("/").split("/")[-1]
    for wrong in (
        f"/admin/sign-in/{uid}/{other}/",
        f"/admin/sign-in/{uid}/{token[:-1]}/",
        f"/admin/sign-in/{uid}/confirm/",
        f"/admin/sign-in/x/{token}/",
        f"/admin/sign-in/OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5/{token}/",
        f"/admin/sign-in/LTE/{token}/",
    ):
        answer = press(wrong)
        assert answer.status_code == 200 and b"This link no longer works" in answer.content, wrong


@pytest.mark.django_db(transaction=True)
def test_two_browsers_at_once_are_not_both_signed_in(ana):
    link, ready = mailed(ana), threading.Barrier(2)
    browsers = [Client(), Client()]
    pages = [browser.get(link, follow=True).request["PATH_INFO"] for browser in browsers]

    def work(browser, page):
        ready.wait()
        browser.post(page)
        connection.close()

    threads = [threading.Thread(target=work, args=pair) for pair in zip(browsers, pages, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(is_in(browser, ana) for browser in browsers) == [False, True]


def test_the_link_works_in_another_browser_and_unlocks_the_account(ana):
    ana.set_password("quiet-harbour-lights-7")
    ana.save(update_fields=["password"])
    assert fail(ana.email, 10).status_code == 429
    browser, link = Client(), mailed(ana)

    press(link, client=browser, at="192.0.2.7")

    assert is_in(browser, ana)
    assert not sign_in.is_locked(ana)
    fail(ana.email, 10)  # they go on
    assert enter(ana.email, "quiet-harbour-lights-7", at="192.0.2.7").status_code == 302  # known now


def test_who_was_signed_in_there_is_signed_out(ana, root, signed_in):
    browser = signed_in(root)
    session = browser.session
    session["hijack_history"] = [str(ana.pk)]
    session.save()
    page = browser.get(mailed(ana), follow=True)
    assert root.email in page.content.decode()

    browser.post(page.request["PATH_INFO"])

    assert is_in(browser, ana)
    assert "hijack_history" not in browser.session


def test_the_session_from_before_is_not_the_one_after(ana):
    browser, link = Client(), mailed(ana)
    browser.get("/admin/login/")
    session = browser.session
    session["planted"] = True
    session.save()
    browser.cookies["sessionid"] = session.session_key

    press(link, client=browser)

    assert browser.cookies["sessionid"].value != session.session_key


def test_the_button_is_protected_against_other_sites(ana):
    browser = Client(enforce_csrf_checks=True)
    page = browser.get(mailed(ana), follow=True)

    assert browser.post(page.request["PATH_INFO"]).status_code == 403
    assert browser.post(ASK, {"email": ana.email}).status_code == 403


# --- the page that the person wanted ---------------------------------------------------------------------


def test_the_page_that_was_asked_for_is_opened_after_signing_in(ana):
    wanted = "/admin/core/enrollment/?status=active&o=2"
    page = Client().get("/admin/login/", {"next": wanted}).content.decode()
    form = re.search(r'href="(/admin/sign-in/by-mail/[^"]*)"', page).group(1).replace("&amp;", "&")
    shown = Client().get(form).context["form"].initial["next"]

    assert shown == wanted
    assert press(mailed(ana, next=shown)).url == wanted


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "///evil.example",
        "javascript:alert(1)",
        "\t//evil.example",
        "admin/",
        "/" + "x" * 500,
    ],
)
def test_the_link_leads_to_no_other_site(ana, target):
    assert press(mailed(ana, next=target)).url == "/admin/"

    SignInLink.objects.all().delete()
    link = SignInLink.objects.create(user=ana, next_page=target[:500])
    answer = press(sign_in_links.address_of(link))
    assert answer.url.startswith("/") and not answer.url.startswith(("//", "/\\"))


# --- asking ------------------------------------------------------------------------------------------------


def test_an_unknown_address_gets_the_same_answer_for_the_same_work(ana):
    off, nowhere = UserFactory(is_active=False), UserFactory()
    did = []
    for number, email in enumerate([ana.email, off.email, nowhere.email, "nobody@acme.example"]):
        with CaptureQueriesContext(connection) as queries:
            answer = ask(email, at=f"192.0.2.{number}")
        shown = strip_tokens(Client().get(answer.url))
        did.append((answer.status_code, shown, [re.sub(r"'.*?'|\d+", "", q["sql"]) for q in queries]))

    assert did[0] == did[1] == did[2] == did[3]
    assert "core_user" not in " ".join(did[0][2])
    assert mail.outbox == [] and OrmQ.objects.count() == 4
    work_off()
    assert [message.to for message in mail.outbox] == [[ana.email]]


def test_the_queue_holds_no_link(ana):
    ask(ana.email.upper())

    assert SignedPackage.loads(OrmQ.objects.get().payload)["args"] == (ana.email, "")


def test_one_account_gets_five_mails_an_hour_from_many_networks(ana):
    answers = [ask(ana.email, at=f"192.0.2.{number}") for number in range(9)]
    work_off()

    assert len(mail.outbox) == 5
    assert {(answer.status_code, answer.url) for answer in answers} == {(302, SENT)}


def test_a_network_has_to_wait(ana, settings):
    settings.SIGN_IN_MAILS_PER_NETWORK = 2
    answers = [ask(f"person{number}@acme.example") for number in range(3)]

    assert [answer.status_code for answer in answers] == [302, 302, 429]
    assert 0 < int(answers[-1]["Retry-After"]) <= 3600
    assert b"Too many mails" in answers[-1].content


def test_it_can_be_switched_off(ana):
    assert b"E-mail me a link" in Client().get("/admin/login/").content
    SiteSettings.objects.update_or_create(pk=1, defaults={"sign_in_by_link": False})

    assert b"E-mail me a link" not in Client().get("/admin/login/").content
    assert b"E-mail me a link" not in fail(ana.email, 10).content
    assert Client().get(ASK).status_code == ask(ana.email).status_code == 404
    assert sign_in_links.send_to_address(ana.email, "") == "" and mail.outbox == []


def test_the_link_is_in_no_log(ana, caplog):
    caplog.set_level("DEBUG")
    link = mailed(ana)
    press(link)
    press(link)

    assert link.rstrip("/").split("/")[-1] not in caplog.text


def test_rows_that_are_over_are_pruned(ana):
    mailed(ana)
    prune()
    assert SignInLink.objects.count() == 1
    SignInLink.objects.update(made_at=timezone.now() - timedelta(days=1, minutes=1))

    prune()

    assert SignInLink.objects.count() == 0


# --- sent by others ---------------------------------------------------------------------------------------


@pytest.fixture
def send(signed_in, django_capture_on_commit_callbacks):
    """`send(alma, ana)` sends Ana a link in Alma's name, and lets the worker do what it has to."""

    def send(by, user, *, browser=None):
        with django_capture_on_commit_callbacks(execute=True):
            page = f"/admin/core/user/{user.pk}/do/send-sign-in-link/"
            answer = (browser or signed_in(by)).post(page, follow=True)
        work_off()
        return answer

    return send


def test_an_administrator_sends_a_link_to_the_persons_mailbox(ana, alma, send):
    answer = send(alma, ana)

    assert ana.email in answer.content.decode()
    (message,) = mail.outbox
    assert message.to == [ana.email] and "administrator" in message.body
    assert link_in(message) not in answer.content.decode()
    browser = Client()
    press(link_in(message), client=browser)
    assert is_in(browser, ana)


def test_nobody_sends_one_to_a_person_with_more_rights(ana, bo, otto, gwen, mara, owen, root, alma, send):
    tried = [(gwen, ana), (bo, ana), (mara, otto), (mara, owen), (mara, alma), (alma, root)]
    for person, target in tried:
        send(person, target)

    assert mail.outbox == []


def test_ten_links_an_hour_are_sent_by_others(ana, alma, send):
    for _ in range(11):
        answer = send(alma, ana)

    assert len(mail.outbox) == 10
    assert b"10 sign-in links were sent" in answer.content
