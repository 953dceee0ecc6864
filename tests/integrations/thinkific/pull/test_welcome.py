"""People whom a run creates get one welcome mail if the run may send e-mails."""

import re

import pytest

from core.models import User
from integrations.models import SyncRun
from integrations.thinkific.runs import lifecycle
from tests.factories import UserFactory
from tests.integrations.thinkific.running import go_on

pytestmark = pytest.mark.django_db


def recipients(mailoutbox):
    return sorted(address for mail in mailoutbox for address in mail.to)


def test_people_who_are_new_get_a_link_that_sets_their_password(
    pull, thinkific, mailoutbox, client, settings
):
    settings.SITE_URL = "https://b2b.academy.example"
    known = thinkific.site.users.listing[5]
    UserFactory(email=known.email.lower())

    run = pull("users", emails="allow")

    assert run.status == "succeeded"
    assert recipients(mailoutbox) == sorted(u.email.lower() for u in thinkific.site.users if u is not known)
    mail = mailoutbox[0]
    link = re.search(r"https://b2b\.academy\.example(/\S+)", mail.body)[1]
    form = client.get(link, follow=True)
    password = "a long and unlikely one"
    address = form.redirect_chain[-1][0]
    client.post(address, {"new_password1": password, "new_password2": password})
    assert User.objects.get(email=mail.to[0]).check_password(password)


@pytest.mark.parametrize("options", [{}, {"emails": "prohibit"}, {"emails": None}])
def test_nobody_gets_one_unless_it_is_allowed(pull, mailoutbox, options):
    pull("users", **options)

    assert mailoutbox == []


def test_a_second_import_writes_to_nobody(pull, mailoutbox):
    pull("users", emails="allow")
    mailoutbox.clear()

    pull("users", emails="allow")

    assert mailoutbox == []


def test_a_run_that_is_resumed_writes_to_nobody_twice(pull, connected, mailoutbox, monkeypatch):
    monkeypatch.setattr("integrations.thinkific.runs.fetch.PAGE_SIZE", 10)
    run, _ = lifecycle.open_run("users", options={"emails": "allow"})
    slices = 0
    while run.status in SyncRun.ACTIVE:
        run = go_on(run, seconds=0.0)
        slices += 1
        assert slices < 100

    assert slices > 10
    assert run.status == "succeeded"
    assert recipients(mailoutbox) == sorted(User.objects.values_list("email", flat=True))


def test_a_mail_that_cannot_be_sent_is_reported_on_the_run_and_the_run_goes_on(pull, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

    run = pull("users", emails="allow")

    assert (run.status, run.created) == ("partial", 40)
    assert "could not be sent" in run.errors[0]["message"]
