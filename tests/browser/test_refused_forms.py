"""A refused field far down a long page is scrolled to, and the note at the top links to it."""

import pytest
from playwright.sync_api import Page, expect

from core.models import SiteSettings

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_moved_in_the_settings_is_gone_to(page: Page, sign_in, root):
    settings = SiteSettings.load()
    sign_in(page, root)
    page.set_viewport_size({"width": 900, "height": 420})
    page.goto(f"/admin/core/sitesettings/{settings.pk}/change/?tab=people")
    page.fill("#id_default_max_members", "50")
    page.fill("#id_placeholder_last_name", "?")
    SiteSettings.objects.update(default_max_members=100, placeholder_last_name=".")

    page.get_by_role("button", name="Save").first.click()

    expect(page.locator("#id_placeholder_last_name")).to_be_focused()
    expect(page.locator("#id_placeholder_last_name")).to_be_in_viewport()
    page.get_by_role("alert").get_by_role("link", name="Default max members").click()
    expect(page.locator("#id_default_max_members")).to_be_focused()
    expect(page.locator("#id_default_max_members")).to_be_in_viewport()


def test_a_dialog_that_is_a_page_of_its_own_goes_to_the_refused_field(page: Page, sign_in, root):
    sign_in(page, root)
    page.set_viewport_size({"width": 900, "height": 420})
    page.goto("/admin/core/user/do/add/")
    page.fill("#id_first_name", "Ana")
    page.fill("#id_email", "x@localhost")

    page.locator("#dialog").get_by_role("button", name="Add User").click()

    expect(page.locator("#dialog")).to_contain_text("“x@localhost” is not an e-mail address")
    expect(page.locator("#id_email")).to_be_focused()
    expect(page.locator("#id_email")).to_be_in_viewport()
