import re

import pytest
from playwright.sync_api import Page, expect


def test_the_sign_in_page_asks_for_the_email_address(page: Page, screenshot):
    page.goto("/admin/")

    expect(page.locator("input[name=username]")).to_be_visible()
    expect(page.locator("input[name=password]")).to_be_visible()
    screenshot(page, "sign-in")


def test_a_wrong_password_is_answered_on_the_page(page: Page, root):
    page.goto("/admin/")
    page.fill("input[name=username]", root.email)
    page.fill("input[name=password]", "not her password")
    page.click("button[type=submit]")

    expect(page.get_by_text("do not match")).to_be_visible()


@pytest.mark.parametrize("who", ["root", "mara", "ana"])
def test_everybody_lands_on_the_first_page_after_signing_in(page: Page, sign_in, screenshot, request, who):
    sign_in(page, request.getfixturevalue(who))

    expect(page).to_have_url(re.compile(r"/admin/$"))
    screenshot(page, f"first-page-{who}")
