import re
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from core.models import Allowance, User
from core.services import people
from core.services.accounts import email_changes
from project.pages.passwords import NewPasswordForm
from tests.factories import UserFactory

NEW = "quiet-harbour-lights-7"


def ask_for_mail(client, email, **more):
    """Ask on the page, and let the worker do what it has to."""
    answer = client.post("/admin/password/forgotten/", {"email": email}, follow=True, **more)
    work_off()
    return answer


def work_off():
    for row in OrmQ.objects.order_by("pk"):
        task = SignedPackage.loads(row.payload)
        import_string(task["func"])(*task["args"])
        row.delete()


def link_in(message) -> str:
    return re.search(r"http://localhost:8000(/\S+)", message.body).group(1)


def enter(client, email, password):
    return client.post("/admin/login/", {"username": email, "password": password}).status_code == 302


def choose(client, link, password):
    page = client.get(link, follow=True)
    return client.post(page.request["PATH_INFO"], {"new_password1": password, "new_password2": password})


def test_a_person_from_thinkific_gets_their_first_password_by_mail(client, ana):
    assert not ana.has_usable_password()

    ask_for_mail(client, "Ana@Acme.Example")
    choose(client, link_in(mail.outbox[0]), NEW)

    assert enter(client, ana.email, NEW)


def test_staff_without_a_team_get_the_mail_too(client, root):
    ask_for_mail(client, root.email)

    assert [message.to for message in mail.outbox] == [[root.email]]


def test_an_unknown_address_gets_the_same_answer(client, ana):
    known = ask_for_mail(client, ana.email)
    unknown = ask_for_mail(client, "nobody@acme.example")

    assert known.redirect_chain == unknown.redirect_chain
    assert strip_tokens(known) == strip_tokens(unknown)
    assert len(mail.outbox) == 1


def strip_tokens(response) -> str:
    return re.sub(r'value="\w{64}"', "", response.content.decode())


@pytest.mark.parametrize("fields", [{"is_active": False, "is_staff": True}, {}])
def test_who_may_not_use_the_dashboard_gets_no_mail(client, db, fields):
    person = UserFactory(**fields)  # in no team

    ask_for_mail(client, person.email)

    assert mail.outbox == []


def test_a_link_works_once(client, ana):
    ask_for_mail(client, ana.email)
    link = link_in(mail.outbox[0])
    choose(client, link, NEW)

    assert b"This link no longer works" in client.get(link, follow=True).content


def test_a_link_from_before_the_account_was_switched_off_works_no_more(client, ana):
    ask_for_mail(client, ana.email)
    link = link_in(mail.outbox[0])
    ana.is_active = False
    ana.save()

    page = client.get(link, follow=True).content.decode()

    assert "This link no longer works" in page
    ana.refresh_from_db()
    assert not ana.has_usable_password()


def test_a_new_password_writes_back_nothing_else(client, ana):
    """The address may change between the look and the writing."""
    form = NewPasswordForm(ana, {"new_password1": NEW, "new_password2": NEW})
    assert form.is_valid()
    type(ana).objects.filter(pk=ana.pk).update(email="moved@acme.example")

    form.save()

    ana.refresh_from_db()
    assert (ana.email, ana.check_password(NEW)) == ("moved@acme.example", True)


def test_a_weak_password_is_refused_beside_the_field(client, ana):
    ask_for_mail(client, ana.email)

    answer = choose(client, link_in(mail.outbox[0]), "12345")

    assert b"It has 5 characters. Choose at least" in answer.content
    ana.refresh_from_db()
    assert not ana.has_usable_password()


def test_a_student_signs_in(client, ana):
    ana.set_password(NEW)
    ana.save(update_fields=["password"])

    answer = client.post("/admin/login/", {"username": "ANA@acme.example", "password": NEW}, follow=True)

    assert b"My learning" in answer.content


def test_a_wrong_password_says_what_helps(client, ana):
    answer = client.post("/admin/login/", {"username": ana.email, "password": "wrong"})

    assert b"If you have forgotten it, ask for a new one by mail" in answer.content


def test_an_account_that_is_switched_off_does_not_sign_in(client, ana):
    ana.set_password(NEW)
    ana.is_active = False
    ana.save(update_fields=["password", "is_active"])

    client.post("/admin/login/", {"username": ana.email, "password": NEW})

    assert client.get("/admin/").status_code == 302


def test_changing_the_password_needs_the_old_one(signed_in, client, ana):
    ana.set_password(NEW)
    ana.save(update_fields=["password"])
    browser = signed_in(ana)
    fields = {"new_password1": "another-harbour-8", "new_password2": "another-harbour-8"}

    assert b"incorrectly" in browser.post("/admin/password_change/", {**fields, "old_password": "x"}).content
    browser.post("/admin/password_change/", {**fields, "old_password": NEW})

    assert enter(client, ana.email, "another-harbour-8")


def test_signing_in_is_noted_but_is_no_change_of_the_person(client, ana):
    ana.set_password(NEW)
    ana.save(update_fields=["password"])
    before = ana.history.count()

    client.post("/admin/login/", {"username": ana.email, "password": NEW})

    ana.refresh_from_db()
    assert ana.last_login is not None
    assert ana.last_activity_at is not None
    assert ana.history.count() == before


def test_a_link_lives_on_when_the_old_password_was_used_meanwhile(client, ana):
    """As screen and mail promise: the password stays as it is until the link is used."""
    ana.set_password(NEW)
    ana.save(update_fields=["password"])
    ask_for_mail(client, ana.email)

    client.post("/admin/login/", {"username": ana.email, "password": NEW})
    choose(Client(), link_in(mail.outbox[0]), "another-long-password")

    ana.refresh_from_db()
    assert ana.last_login is not None
    assert ana.check_password("another-long-password")


SWITCHES = {
    "on the screen": lambda user, on: people.update_user(user, is_active=on),
    "in a shell": lambda user, on: save(user, is_active=on),
    "by a query": lambda user, on: User.objects.filter(pk=user.pk).update(is_active=on),
}


@pytest.mark.parametrize("way", SWITCHES)
def test_what_switching_off_ended_does_not_live_again(client, ana, way):
    ana.set_password(NEW)
    ana.save(update_fields=["password"])
    session, untouched = Client(), Client()
    for browser in (session, untouched):
        browser.force_login(ana)
    ask_for_mail(client, ana.email)

    SWITCHES[way](ana, False)
    assert session.get("/admin/").status_code == 302
    SWITCHES[way](ana, True)

    # One of them asked for nothing while the account was off.
    assert [browser.get("/admin/").status_code for browser in (session, untouched)] == [302, 302]
    assert b"This link no longer works" in client.get(link_in(mail.outbox[0]), follow=True).content
    assert enter(Client(), ana.email, NEW)  # a new sign-in is let in


def save(user, **values):
    user.refresh_from_db()
    for name, value in values.items():
        setattr(user, name, value)
    user.save(update_fields=list(values))


# --- asked for from outside ----------------------------------------------------------------------------


def ask(email, *, at="192.0.2.1", **more):
    return Client().post("/admin/password/forgotten/", {"email": email}, REMOTE_ADDR=at, **more)


def test_the_request_does_the_same_work_for_every_address(ana):
    off = UserFactory(is_active=False)
    did = []
    for number, email in enumerate([ana.email, off.email, "nobody@acme.example"]):
        with CaptureQueriesContext(connection) as queries:
            ask(email, at=f"192.0.2.{number}")
        did.append([re.sub(r"'.*?'|\d+", "", query["sql"]) for query in queries])

    assert did[0] == did[1] == did[2]
    assert "core_user" not in " ".join(did[0])
    assert mail.outbox == []
    assert OrmQ.objects.count() == 3


def test_the_link_leads_to_this_site_whatever_the_request_says(settings, client, ana):
    settings.ALLOWED_HOSTS = ["*"]
    settings.SITE_URL = "https://dashboard.example"

    ask_for_mail(client, ana.email, headers={"host": "evil.example", "x-forwarded-host": "evil.example"})

    assert "https://dashboard.example/admin/password/new/" in mail.outbox[0].body
    assert "evil" not in mail.outbox[0].body


def test_the_queue_holds_an_address_and_no_link(ana):
    ask(ana.email)

    assert SignedPackage.loads(OrmQ.objects.get().payload)["args"] == ("ana@acme.example",)


def test_thirty_times_in_a_row_bring_three_mails(ana):
    answers = [ask(ana.email.upper()) for _ in range(30)]
    work_off()

    assert len(mail.outbox) == 3
    assert {answer.status_code for answer in answers[:20]} == {302}
    assert {answer.status_code for answer in answers[20:]} == {429}
    assert 0 < int(answers[-1]["Retry-After"]) <= 3600
    assert b"Too many mails" in answers[-1].content


def test_one_account_gets_three_mails_from_many_networks(ana):
    answers = [ask(ana.email, at=f"192.0.2.{number}") for number in range(9)]
    work_off()

    assert len(mail.outbox) == 3
    assert {answer.status_code for answer in answers} == {
        302
    }  # and nothing tells that the rest were not sent


def test_the_limits_do_not_tell_who_has_an_account(ana):
    known = [ask(ana.email, at="192.0.2.1") for _ in range(25)]
    unknown = [ask("nobody@acme.example", at="192.0.2.2") for _ in range(25)]

    for one, other in zip(known, unknown, strict=True):
        assert (one.status_code, one.headers.get("Location")) == (
            other.status_code,
            other.headers.get("Location"),
        )
        assert strip_tokens(one) == strip_tokens(other)


def test_after_an_hour_mails_go_out_again(ana):
    for _ in range(4):
        ask(ana.email)
    Allowance.objects.update(since=timezone.now() - timedelta(minutes=61))
    ask(ana.email)
    work_off()

    assert len(mail.outbox) == 4


def test_the_table_of_limits_holds_no_address(ana):
    ask(ana.email)

    assert not [
        key for key in Allowance.objects.values_list("key", flat=True) if "ana" in key or "192" in key
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", ["django_q_ormq", "core_allowance"])
def test_a_database_that_cannot_take_it_is_told_politely(ana, table):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO away")
    try:
        answer = ask(ana.email)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE away RENAME TO {table}")

    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    assert b"nothing was sent. Try again in a minute" in answer.content


@pytest.mark.parametrize(
    "email", ["", "x", "ana@", "a" * 300 + "@x.example", "a\x00@x.example", "a@x.example\r\nBcc: b@x"]
)
def test_what_is_no_address_is_answered_beside_the_field(db, email):
    answer = ask(email)

    assert answer.status_code == 200
    assert not OrmQ.objects.exists()


def test_a_mail_that_fails_is_logged_and_nobody_waits(settings, client, ana, caplog):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1  # nobody listens

    assert ask_for_mail(client, ana.email).status_code == 200

    assert "could not be sent" in caplog.text and "/password/new/" not in caplog.text


def test_asking_for_a_mail_is_protected_against_other_sites(db):
    assert (
        Client(enforce_csrf_checks=True)
        .post("/admin/password/forgotten/", {"email": "a@x.example"})
        .status_code
        == 403
    )


# --- links that do not work (any more) ---------------------------------------------------------------------


@pytest.fixture
def link(client, ana) -> str:
    ask_for_mail(client, ana.email)
    return link_in(mail.outbox[0])


def test_opening_a_link_does_not_use_it_up_and_another_browser_may_use_it(link, ana):
    for _ in range(3):
        Client().get(link, follow=True)

    choose(Client(), link, NEW)

    assert enter(Client(), ana.email, NEW)


def test_the_secret_is_neither_in_the_address_nor_in_the_stored_session(link):
    browser = Client()
    page = browser.get(link, follow=True)

    token = link.rstrip("/").split("/")[-1]
    assert token not in page.request["PATH_INFO"] and token not in page.content.decode()
    assert token not in str(dict(browser.session))


OVER = {
    "another address": lambda ana: email_changes.change_at_once(ana, "new@acme.example", by=None, reason="x"),
    "three days": lambda ana: None,
    "deleted": lambda ana: ana.delete(),
    "switched off": lambda ana: people.update_user(ana, is_active=False),
}


@pytest.mark.parametrize("how", OVER)
@pytest.mark.parametrize("when", ["before it is opened", "while the form is open"])
def test_a_link_that_is_over_says_what_helps(settings, link, ana, how, when):
    browser = Client()
    page = browser.get(link, follow=True) if when == "while the form is open" else None
    OVER[how](ana)
    if how == "three days":
        settings.PASSWORD_RESET_TIMEOUT = -1

    if page is None:
        page = browser.get(link, follow=True)
        assert b"This link no longer works" in page.content
    sent = {"new_password1": NEW, "new_password2": NEW}
    answer = browser.post(page.request["PATH_INFO"], sent)

    assert b"This link no longer works" in answer.content and b"Send a new link" in answer.content
    assert not User.objects.filter(pk=ana.pk).exclude(password=ana.password).exists()


@pytest.mark.parametrize(
    "path", ["x/y", "MQ/y", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5/y", "//y", "MQ/confirm"]
)
def test_a_made_up_link_opens_nothing(db, path):
    answer = Client().get(f"/admin/password/new/{path}/", follow=True)

    assert answer.status_code in {200, 404}
    assert b"new_password1" not in answer.content
