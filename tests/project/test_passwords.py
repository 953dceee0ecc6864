import re

import pytest
from django.core import mail

from tests.factories import UserFactory

NEW = "quiet-harbour-lights-7"


def ask_for_mail(client, email):
    return client.post("/admin/password/forgotten/", {"email": email}, follow=True)


def link_in(message) -> str:
    return re.search(r"http://testserver(/\S+)", message.body).group(1)


def choose(client, link, password):
    page = client.get(link, follow=True)
    return client.post(page.request["PATH_INFO"], {"new_password1": password, "new_password2": password})


def test_a_person_from_thinkific_gets_their_first_password_by_mail(client, ana):
    assert not ana.has_usable_password()

    ask_for_mail(client, "Ana@Acme.Example")
    choose(client, link_in(mail.outbox[0]), NEW)

    assert client.login(username=ana.email, password=NEW)


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


def test_a_weak_password_is_refused_beside_the_field(client, ana):
    ask_for_mail(client, ana.email)

    answer = choose(client, link_in(mail.outbox[0]), "12345")

    assert b"too short" in answer.content
    ana.refresh_from_db()
    assert not ana.has_usable_password()


def test_a_student_signs_in(client, ana):
    ana.set_password(NEW)
    ana.save(update_fields=["password"])

    answer = client.post("/admin/login/", {"username": "ANA@acme.example", "password": NEW}, follow=True)

    assert b"My learning" in answer.content


def test_a_wrong_password_says_what_helps(client, ana):
    answer = client.post("/admin/login/", {"username": ana.email, "password": "wrong"})

    assert b"a forgotten one is replaced by mail" in answer.content


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

    assert client.login(username=ana.email, password="another-harbour-8")


def test_signing_in_is_noted_but_is_no_change_of_the_person(client, ana):
    ana.set_password(NEW)
    ana.save(update_fields=["password"])
    before = ana.history.count()

    client.post("/admin/login/", {"username": ana.email, "password": NEW})

    ana.refresh_from_db()
    assert ana.last_login is not None
    assert ana.last_activity_at is not None
    assert ana.history.count() == before


def test_a_link_asked_for_before_signing_in_no_longer_works(client, ana):
    ana.set_password(NEW)
    ana.save(update_fields=["password"])
    ask_for_mail(client, ana.email)

    client.post("/admin/login/", {"username": ana.email, "password": NEW})

    assert b"This link no longer works" in client.get(link_in(mail.outbox[0]), follow=True).content
