"""The screen E-mails and its dialogs."""

import pytest
from django.core import mail

from core.models import EmailText, Notice
from core.services.site import email_texts
from tests.dialogs import shown_by
from tests.project.pages.test_passwords import work_off

LIST = "/admin/core/emailtext/"


@pytest.fixture
def welcome(db) -> EmailText:
    email_texts.complete()
    return EmailText.objects.get(name="welcome")


@pytest.fixture
def edit(welcome) -> str:
    return f"{LIST}{welcome.pk}/do/edit/"


def test_the_list_shows_every_mail_as_a_tab_of_the_settings(alma, signed_in):
    browser = signed_in(alma)

    page = browser.get(LIST).content.decode()

    assert "Invitation to a team" in page and "An invitation to {team}" in page
    assert 'aria-current="page">E-mails' in page and "?tab=people" in page
    settings = browser.get("/admin/core/sitesettings/", follow=True).content.decode()
    assert f'href="{LIST}"' in settings


def test_the_page_shows_text_preview_placeholders_and_the_shipped_text(welcome, alma, signed_in, edit):
    browser, page = signed_in(alma), f"{LIST}{welcome.pk}/change/"
    shown = browser.get(page).content.decode()
    assert "Hello {first_name}" in shown and "Hello Ana" in shown and "As above." in shown

    browser.post(edit, shown_by(browser, edit) | {"subject": "Hi {name}", "body": "Click {link}"})

    shown = browser.get(page).content.decode()
    assert "Hi Ana Ames" in shown and "You now have an account" in shown


def test_a_wrong_text_is_answered_beside_its_field(alma, signed_in, edit, welcome):
    browser = signed_in(alma)
    sent = shown_by(browser, edit) | {"subject": "Hi {nam}", "body": "Click {lnk} {__class__}"}

    form = browser.post(edit, sent).context["form"]

    assert form.errors["subject"] == ["{nam} is no placeholder of this e-mail. Did you mean {name}?"]
    assert "Did you mean {link}?" in form.errors["body"][0] and len(form.errors["body"]) == 3
    welcome.refresh_from_db()
    assert not welcome.is_changed


def test_a_second_line_in_the_subject_is_refused(alma, signed_in, edit, welcome):
    browser = signed_in(alma)
    sent = shown_by(browser, edit) | {"subject": "Hi\r\nBcc: x@y.example"}

    assert "one line" in str(browser.post(edit, sent).context["form"].errors["subject"])


def test_what_somebody_else_saved_meanwhile_is_not_overwritten(alma, root, signed_in, edit, welcome):
    browser = signed_in(alma)
    sent = shown_by(browser, edit)
    signed_in(root).post(edit, sent | {"subject": "From Root"})

    answer = browser.post(edit, sent | {"subject": "From Alma"})

    assert "This is “From Root” now" in answer.content.decode()
    welcome.refresh_from_db()
    assert welcome.subject == "From Root"


def test_a_test_mail_goes_to_who_asked(alma, signed_in, welcome, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        signed_in(alma).post(f"{LIST}{welcome.pk}/do/send-test/")
    work_off()

    (message,) = mail.outbox
    assert message.to == [alma.email]
    assert message.subject == "[Test] Your account in the B2B Dashboard"
    assert "Hello Ana" in message.body and "https://dashboard.example/" in message.body
    assert "was sent to" in Notice.objects.get(user=alma).text


def test_the_shipped_text_returns_after_a_question(alma, signed_in, edit, welcome):
    browser = signed_in(alma)
    browser.post(edit, shown_by(browser, edit) | {"subject": "Mine"})
    reset = f"{LIST}{welcome.pk}/do/reset/"

    browser.post(reset, shown_by(browser, reset))

    welcome.refresh_from_db()
    assert not welcome.is_changed
    history = browser.get(f"{LIST}{welcome.pk}/history/").content.decode()
    assert "shipped e-mail text again" in history and "Mine" in history


@pytest.mark.parametrize("who", ["mara", "owen", "ana"])
def test_others_see_nothing_of_it(who, request, signed_in, welcome, edit):
    browser = signed_in(request.getfixturevalue(who))

    assert browser.get(LIST).status_code in {302, 403}
    for slug in ("edit", "send-test", "reset"):
        browser.post(f"{LIST}{welcome.pk}/do/{slug}/", {"subject": "x", "body": "{link}"})
    welcome.refresh_from_db()
    assert not welcome.is_changed
