"""Links from mails in a real browser, to sign in and to choose a password; and the preview of their texts."""

import re

import pytest
from django.core import mail
from playwright.sync_api import Page, expect

from core.models import EmailText
from core.services.site import email_texts
from tests.browser import axe
from tests.project.pages.test_passwords import work_off

PASSWORD = "quiet-harbour-lights-7"
pytestmark = pytest.mark.django_db(transaction=True)


def link_in_mail(page: Page, live_server) -> str:
    work_off()
    return re.search(r"http://localhost:8000(/\S+)", mail.outbox[-1].body).group(1)


def test_a_link_by_mail_signs_in_and_leads_to_the_wanted_page(page: Page, live_server, mara, screenshot):
    page.goto("/admin/core/team/")
    page.get_by_role("link", name="E-mail me a link").click()
    screenshot(page, "sign-in-by-mail")
    page.get_by_label("E-mail address").fill(mara.email)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    screenshot(page, "sign-in-by-mail-sent")

    link = link_in_mail(page, live_server)
    page.goto(link)
    expect(page.get_by_text(f"You sign in as {mara.email}")).to_be_visible()
    assert link not in page.url
    assert axe.in_both_schemes(page) == []
    screenshot(page, "sign-in-link")
    page.get_by_role("button", name="Sign in").click()

    expect(page).to_have_url(re.compile(r"/admin/core/team/$"))
    page.goto(link)
    expect(page.get_by_text("This link no longer works")).to_be_visible()
    screenshot(page, "sign-in-link-used")


def test_a_forgotten_password_is_chosen_anew(page: Page, live_server, mara, screenshot):
    page.goto("/admin/login/")
    page.get_by_role("link", name="Forgotten").click()
    page.get_by_label("E-mail address").fill(mara.email)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()

    page.goto(link_in_mail(page, live_server))
    assert axe.in_both_schemes(page) == []
    page.locator("input[name=new_password1]").fill(PASSWORD)
    page.locator("input[name=new_password2]").fill("another")
    page.keyboard.press("Enter")
    expect(page.locator(".errors, .errorlist").first).to_be_visible()
    screenshot(page, "new-password")
    page.locator("input[name=new_password1]").fill(PASSWORD)
    page.locator("input[name=new_password2]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Sign in").click()
    page.fill("input[name=username]", mara.email)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(r"/admin/$"))


def test_a_text_is_shown_with_example_values_while_it_is_typed(page: Page, sign_in, root, screenshot):
    email_texts.complete()
    sign_in(page, root)
    page.goto("/admin/core/emailtext/")
    screenshot(page, "emails")
    page.get_by_role("link", name="Invitation to a team").click()
    screenshot(page, "email")
    page.get_by_role("link", name="Edit Text").click()
    shown = page.locator("[data-preview=body]")
    expect(shown).to_contain_text("invites you to the team Acme")

    page.locator("[data-email=body]").fill("Dear {first_name}, {team} & {nobody} <b>: {link}")
    page.locator("[data-email=subject]").fill("{team} waits")

    expect(shown).to_have_text(re.compile(r"^Dear Ana, Acme & \{nobody\} <b>: https://dashboard.example/"))
    expect(shown.locator("mark")).to_have_text("{nobody}")
    expect(page.locator("[data-preview=subject]")).to_have_text("Acme waits")
    screenshot(page, "email-edit", full_page=False)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("{nobody} is no placeholder of this e-mail")).to_be_visible()
    assert axe.in_both_schemes(page) == []
    screenshot(page, "email-edit-refused", full_page=False)
    page.locator("[data-email=body]").fill("Dear {first_name}, {link}")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("the text is saved")).to_be_visible()
    assert EmailText.objects.get(name="invitation").subject == "{team} waits"
    screenshot(page, "email-changed")
