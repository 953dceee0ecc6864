"""Screenshots of the pages for people who have to wait."""

import pytest
from django.core import mail
from playwright.sync_api import Page, expect

from core.models import User

pytestmark = pytest.mark.slow

WIDTHS = {"wide": 1440, "narrow": 360}


@pytest.fixture(params=["light", "dark"])
def scheme(request, page: Page):
    page.emulate_media(color_scheme=request.param)
    return request.param


def fits(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
def test_who_tried_too_often_is_told_what_helps(page: Page, ana: User, scheme, width, screenshot):
    page.set_viewport_size({"width": WIDTHS[width], "height": 900})
    for _ in range(10):
        page.goto("/admin/login/")
        page.fill("input[name=username]", ana.email)
        page.fill("input[name=password]", "not her password")
        page.click("button[type=submit]")

    expect(page.get_by_role("heading", name="Sign-in is locked")).to_be_visible()
    screenshot(page, f"sign-in-locked-{scheme}-{width}")
    assert fits(page)

    page.get_by_role("link", name="Choose a new password by mail").click()
    expect(page.get_by_role("button", name="Send the link")).to_be_visible()
    screenshot(page, f"forgotten-password-{scheme}-{width}")
    assert fits(page)


@pytest.mark.parametrize("width", WIDTHS)
def test_who_asks_for_many_mails_is_told_to_wait(page: Page, settings, scheme, width, screenshot, db):
    settings.PASSWORD_MAILS_PER_NETWORK = 1
    page.set_viewport_size({"width": WIDTHS[width], "height": 900})
    for _ in range(2):
        page.goto("/admin/password/forgotten/")
        page.fill("input[name=email]", "ana@acme.example")
        page.get_by_role("button", name="Send the link").click()
        page.wait_for_load_state()
        screenshot(page, f"mail-{'asked' if 'sent' in page.url else 'too-many'}-{scheme}-{width}")

    expect(page.get_by_text("The last one was not sent")).to_be_visible()
    assert fits(page)
    assert mail.outbox == []


def test_an_administrator_unlocks_somebody(page: Page, root: User, ana: User, sign_in, screenshot):
    from tests.project.pages.test_sign_in import fail

    fail(ana.email, 10)
    sign_in(page, root)
    page.goto(f"/admin/core/user/{ana.pk}/change/")
    page.get_by_text("Unlock Sign-in").first.click()
    expect(page.get_by_role("button", name="Unlock", exact=True)).to_be_visible()
    screenshot(page, "unlock-sign-in")
    page.get_by_role("button", name="Unlock", exact=True).click()

    expect(page.get_by_text("can sign in again at once")).to_be_visible()
    screenshot(page, "unlocked-sign-in")
