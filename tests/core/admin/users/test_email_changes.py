"""A changed e-mail address becomes the login when it is confirmed from there; the old address gets a mail."""

import re
from datetime import timedelta

import pytest
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from core.models import EmailChange, Notice, OutboxEntry, User
from core.services import people
from core.services.accounts import email_changes
from core.services.accounts.account_mail import password_tokens
from core.services.accounts.email_changes import Refusal
from tests.factories import MembershipFactory, UserFactory, builtin_role

NEW = "anna@acme.example"
PASSWORD = "quiet-harbour-lights-7"


def do(slug: str, user: User) -> str:
    return reverse("admin:core_user_do", args=[user.pk, slug])


def form(email=NEW, **values):
    return {"first_name": "Ana", "last_name": "Ames", "email": email, "is_active": "on", **values}


@pytest.fixture
def work(django_capture_on_commit_callbacks, mailoutbox):
    """`work(call)` does it and then what that queued for the worker; returns the mails of it."""

    def carry(call):
        OrmQ.objects.all().delete()
        before = len(mailoutbox)
        with django_capture_on_commit_callbacks(execute=True):
            call()
        for queued in OrmQ.objects.all():
            task = queued.task
            assert "@" not in str(task["args"]) and "email-change" not in str(task)
            if task["func"].startswith("core.tasks."):
                import_string(task["func"])(*task["args"])
        return mailoutbox[before:]

    return carry


@pytest.fixture
def asked(signed_in, alma, ana, work):
    """Alma has asked for Ana's new address. Returns the path of the link in the mail."""
    mails = work(lambda: signed_in(alma).post(do("edit", ana), form()))
    return link_in(next(mail for mail in mails if mail.to == [NEW]))


def link_in(mail) -> str:
    return re.search(r"http://localhost:8000(/\S+)", mail.body).group(1)


def confirm(path, browser=None):
    """Open the link and press the button, as the reader of the mail does."""
    browser = browser or Client()
    page = browser.get(path, follow=True)
    return browser.post(page.request["PATH_INFO"])


def test_until_it_is_confirmed_nothing_but_two_mails_happens(signed_in, alma, ana, work):
    User.objects.filter(pk=ana.pk).update(thinkific_id=5)
    session = signed_in(ana)

    mails = work(lambda: signed_in(alma).post(do("edit", ana), form(first_name="Anna")))

    ana.refresh_from_db()
    assert (ana.email, ana.first_name) == ("ana@acme.example", "Anna")
    assert OutboxEntry.objects.get().last_seen == {"first_name": "Ana"}
    assert sorted(mail.to[0] for mail in mails) == ["ana@acme.example", NEW]
    warning = next(mail for mail in mails if mail.to == ["ana@acme.example"])
    assert "a…@acme.example" in warning.body and NEW not in warning.body and "Alma Admin" in warning.body
    assert session.get("/admin/").status_code == 200
    page = signed_in(alma).get(reverse("admin:core_user_change", args=[ana.pk])).content.decode()
    assert "Waiting for confirmation" in page and NEW in page and "Alma Admin" in page
    assert do("email-change-again", ana) in page and do("email-change-withdraw", ana) in page


def test_the_link_changes_the_login_ends_sessions_and_links_and_tells_the_old_address(asked, ana, alma, work):
    ana.set_password(PASSWORD)
    ana.save()
    User.objects.filter(pk=ana.pk).update(thinkific_id=5)
    # A new password has made the first link void; the one that is sent again works.
    assert "no longer works" in confirm(asked).content.decode()
    EmailChange.objects.update(mailed_at=None)
    (mail,) = work(lambda: email_changes.send_again(ana, by=alma))
    session, reset = Client(), password_tokens.make_token(ana)
    assert session.login(request=HttpRequest(), username="ana@acme.example", password=PASSWORD)
    reset = password_tokens.make_token(User.objects.get(pk=ana.pk))

    mails = work(lambda: confirm(link_in(mail)))

    ana.refresh_from_db()
    assert ana.email == NEW
    assert session.get("/admin/").status_code == 302
    assert not password_tokens.check_token(ana, reset)
    assert OutboxEntry.objects.get().last_seen == {"email": "ana@acme.example"}
    told = mails[0]
    assert (len(mails), told.to) == (1, ["ana@acme.example"]) and "was changed" in told.subject
    change = EmailChange.objects.get()
    assert change.state == "done" and change.told_at
    entry = ana.history.first()
    assert entry.history_user == alma and "confirmed" in entry.history_change_reason
    assert Client().login(request=HttpRequest(), username=NEW, password=PASSWORD)


def test_opening_the_link_changes_nothing_and_hides_its_token(asked, ana):
    browser = Client()

    first = browser.get(asked)
    page = browser.get(first.url)

    token = asked.rstrip("/").rsplit("/", 1)[1]
    assert token not in first.url and token not in page.content.decode()
    assert first["Referrer-Policy"] == "same-origin"
    assert first.cookies["email_change"]["httponly"] and "no-store" in page["Cache-Control"]
    assert "Use this address" in page.content.decode()
    assert browser.head(asked).status_code in {200, 302}
    ana.refresh_from_db()
    assert ana.email == "ana@acme.example"


def test_the_button_needs_the_page_s_own_token(asked, ana):
    browser = Client(enforce_csrf_checks=True)
    page = browser.get(asked, follow=True)

    assert browser.post(page.request["PATH_INFO"]).status_code == 403

    ana.refresh_from_db()
    assert ana.email == "ana@acme.example"


def test_being_signed_in_as_somebody_confirms_nothing(asked, ana, bo, signed_in):
    page = asked.rsplit("/", 2)[0] + "/confirm/"
    for who in (ana, bo):
        assert "no longer works" in signed_in(who).post(page).content.decode()
    other = asked.replace(asked.split("/")[3], "OTk5")

    assert "no longer works" in Client().get(other, follow=True).content.decode()
    ana.refresh_from_db()
    assert ana.email == "ana@acme.example"


def test_who_confirms_their_own_address_signs_in_again(asked, ana, signed_in):
    browser = signed_in(ana)

    page = confirm(asked, browser)

    assert "The address is changed" in page.content.decode()
    assert browser.get("/admin/").status_code == 302


VOIDS = {
    "a new password": lambda ana: (ana.set_password(PASSWORD), ana.save()),
    "a switch-off": lambda ana: User.objects.filter(pk=ana.pk).update(is_active=False),
    "another address meanwhile": lambda ana: User.objects.filter(pk=ana.pk).update(email="x@acme.example"),
    "a withdrawal": lambda ana: email_changes.withdraw(ana),
    "a newer request": lambda ana: email_changes.ask(
        ana, "newer@acme.example", by=User.objects.get(email="alma@academy.example")
    ),
    "the asker losing the right": lambda ana: User.objects.filter(email="alma@academy.example").update(
        global_role=None
    ),
    "three days": lambda ana: None,
}


@pytest.mark.parametrize("what", VOIDS)
def test_a_link_is_made_void_by(asked, ana, what, settings):
    VOIDS[what](ana)
    if what == "three days":
        settings.PASSWORD_RESET_TIMEOUT = -1
    before = User.objects.get(pk=ana.pk).email

    assert "no longer works" in confirm(asked).content.decode()

    assert User.objects.get(pk=ana.pk).email == before != NEW


def test_a_manager_s_request_ends_when_the_person_is_given_rights(signed_in, mara, ana, acme, work):
    mails = work(lambda: signed_in(mara).post(do("edit", ana), form("mara+ana@acme.example")))
    link = link_in(next(mail for mail in mails if mail.to == ["mara+ana@acme.example"]))
    User.objects.filter(pk=ana.pk).update(is_superuser=True)

    assert "no longer works" in confirm(link).content.decode()


def test_an_address_that_was_taken_meanwhile_is_said_to_be(asked, ana, alma):
    UserFactory(email=NEW)

    page = confirm(asked).content.decode()

    assert "has an account with anna@acme.example already" in page and "Nothing was changed" in page
    assert EmailChange.objects.get().state == "void"
    assert "was not changed" in Notice.objects.get(user=alma).text
    ana.refresh_from_db()
    assert ana.email == "ana@acme.example"


def test_a_link_works_once(asked, ana):
    confirm(asked)

    assert "no longer works" in confirm(asked).content.decode()


def test_two_requests_leave_one_that_waits(alma, ana, work):
    email_changes.ask(ana, "one@acme.example", by=alma)
    email_changes.ask(ana, "two@acme.example", by=alma)

    assert email_changes.pending(ana).new_email == "two@acme.example"
    assert EmailChange.objects.filter(state="replaced").count() == 1


def test_mails_about_one_change_are_not_sent_one_after_the_other(asked, alma, ana):
    with pytest.raises(Refusal, match="less than a minute ago"):
        email_changes.send_again(ana, by=alma)


def test_nobody_is_flooded_with_requests(alma, ana):
    for number in range(email_changes.MOST):
        email_changes.ask(ana, f"n{number}@acme.example", by=alma)

    with pytest.raises(Refusal, match="within a day"):
        email_changes.ask(ana, "more@acme.example", by=alma)


def test_what_waits_too_long_is_no_longer_shown(asked, ana):
    EmailChange.objects.update(mailed_at=timezone.now() - timedelta(days=4))

    assert email_changes.pending(ana) is None


def test_an_administrator_may_change_it_at_once_and_the_old_address_is_told(signed_in, alma, ana, work):
    session = signed_in(ana)
    assert (
        "Only if you know that the address belongs to this person."
        in signed_in(alma).get(do("edit", ana)).content.decode()
    )

    mails = work(lambda: signed_in(alma).post(do("edit", ana), form(at_once="on")))

    ana.refresh_from_db()
    assert ana.email == NEW
    assert [mail.to for mail in mails] == [["ana@acme.example"]]
    assert session.get("/admin/").status_code == 302
    assert "without a confirmation" in ana.history.first().history_change_reason


def test_a_manager_never_changes_it_at_once(signed_in, mara, ana, work):
    assert "at once" not in signed_in(mara).get(do("edit", ana)).content.decode()

    work(lambda: signed_in(mara).post(do("edit", ana), form(at_once="on")))

    ana.refresh_from_db()
    assert ana.email == "ana@acme.example"
    assert email_changes.pending(ana).asked_by == mara


def test_it_can_be_withdrawn_and_sent_again_from_the_page(asked, signed_in, mara, otto, ana, work):
    EmailChange.objects.update(mailed_at=timezone.now() - timedelta(minutes=5))
    assert signed_in(otto).post(do("email-change-withdraw", ana)).status_code in {403, 404}

    (mail,) = work(lambda: signed_in(mara).post(do("email-change-again", ana)))
    assert mail.to == [NEW]
    signed_in(mara).post(do("email-change-withdraw", ana))

    assert email_changes.pending(ana) is None
    assert "no longer works" in confirm(link_in(mail)).content.decode()


def test_update_user_knows_no_e_mail(ana):
    with pytest.raises(TypeError):
        people.update_user(ana, email=NEW)


def test_a_failed_confirmation_mail_is_told_to_who_asked(signed_in, alma, ana, work, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9

    work(lambda: signed_in(alma).post(do("edit", ana), form()))

    assert "could not be sent" in Notice.objects.filter(user=alma).first().text


def test_old_addresses_are_told_once_and_only_those_that_were_a_login(ana, otto, mailoutbox):
    outsider = UserFactory()
    changes = [
        EmailChange.objects.create(
            user=user,
            old_email=f"old{user.pk}@x.example",
            new_email=user.email,
            way="thinkific",
            state="done",
        )
        for user in (ana, outsider, otto)
    ]
    task = import_string("core.tasks.tell_old_addresses")

    assert task([change.pk for change in changes]) == 2
    assert task([change.pk for change in changes]) == 0
    assert [mail.to for mail in mailoutbox] == [[f"old{u.pk}@x.example"] for u in (ana, otto)]


def test_an_address_that_could_not_be_told_is_not_said_to_be(ana, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    change = EmailChange.objects.create(
        user=ana, old_email="old@x.example", new_email=ana.email, way="thinkific", state="done"
    )

    assert import_string("core.tasks.tell_old_addresses")([change.pk]) == 0

    change.refresh_from_db()
    assert change.told_at is None


def test_old_keys_keep_sessions_alive_as_django_promises(ana, settings, signed_in):
    browser = signed_in(ana)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-of-fifty-characters-at-least-0123456789-abc"

    user = User.objects.get(pk=ana.pk)

    assert list(user.get_session_auth_fallback_hash()) != [user.get_session_auth_hash()]
    assert browser.session["_auth_user_hash"] in user.get_session_auth_fallback_hash()


def test_a_member_with_a_managing_role_is_changed_by_administrators_only(signed_in, mara, acme):
    other = MembershipFactory(team=acme, role=builtin_role("owner")).user

    assert signed_in(mara).post(do("edit", other), form()).status_code == 403
