"""Settings in a browser: the tabs and saving by keyboard, the keys, and the time of the site everywhere."""

import pytest
from playwright.sync_api import Page, expect

from core.admin.settings.tabs import SHOWN
from core.models import SiteSettings, StoredSecret
from core.services.site import connection

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_tab_is_opened_changed_and_saved_by_keyboard(page: Page, sign_in, root, screenshot):
    SiteSettings.load()
    sign_in(page, root)
    page.goto("/admin/core/sitesettings/1/change/?tab=general")

    page.locator(".detail-tabs a", has_text="General").focus()
    page.keyboard.press("Tab")
    expect(page.locator(".detail-tabs a", has_text="People")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".detail-tabs .is-active")).to_have_text("People and registration")
    page.locator("#id_session_days").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("30")
    page.keyboard.press("Enter")

    expect(page.get_by_text("People and registration: settings saved.")).to_be_visible()
    expect(page.locator(".detail-tabs .is-active")).to_have_text("People and registration")
    expect(page.locator("#id_session_days")).to_have_value("30")
    expect(page.get_by_text("Changed", exact=True)).to_be_visible()
    assert SiteSettings.load().session_days == 30
    screenshot(page, "settings-changed")

    page.get_by_role("link", name="Reset to Default").click()
    page.locator("#dialog").get_by_text("Days signed in: 30 → 14").click()
    page.locator("#dialog").get_by_role("button", name="Reset").click()
    expect(page.locator("#id_session_days")).to_have_value("14")


def test_no_tab_scrolls_sideways_on_a_phone(page: Page, sign_in, root):
    SiteSettings.load()
    sign_in(page, root)
    page.set_viewport_size({"width": 390, "height": 900})

    for tab in SHOWN:
        page.goto(f"/admin/core/sitesettings/1/change/?tab={tab.slug}")
        assert page.evaluate("document.documentElement.scrollWidth") == 390, tab.slug


def test_a_key_is_entered_in_a_dialog_and_never_shown(page: Page, sign_in, root, settings):
    settings.THINKIFIC_API_KEY = settings.THINKIFIC_ACCESS_TOKEN = ""
    SiteSettings.load()
    sign_in(page, root)
    page.goto("/admin/core/sitesettings/1/change/?tab=thinkific")
    row = page.get_by_test_id("key").filter(has_text="API key").first

    row.get_by_role("link", name="Change").click()
    page.locator("#dialog #id_secret").fill("key-of-a-browser-0123456789-0123")
    page.locator("#dialog").get_by_role("button", name="Save").click()

    expect(page.get_by_test_id("key").first).to_contain_text("Stored")
    assert "key-of-a-browser" not in page.content()
    assert connection.secret(StoredSecret.Name.API_KEY).value == "key-of-a-browser-0123456789-0123"
    expect(page.get_by_role("button", name="Test connection")).to_be_visible()


def test_the_time_zone_is_found_by_typing_and_counts_at_once(page: Page, sign_in, root):
    SiteSettings.load()
    sign_in(page, root)
    page.goto("/admin/core/sitesettings/1/change/?tab=general")

    page.locator("#id_time_zone + .select2-container").click()
    page.locator(".select2-search__field").last.fill("Kathmandu")
    page.locator(".select2-results__option--highlighted", has_text="Kathmandu").click()
    page.get_by_role("button", name="Save").first.click()

    expect(page.get_by_text("General and localisation: settings saved.")).to_be_visible()
    page.goto("/admin/history/")
    assert "Asia/Kathmandu" in page.locator("time").first.get_attribute("title")


def test_on_a_narrow_screen_the_open_tab_is_in_view(page: Page, sign_in, root):
    SiteSettings.load()
    sign_in(page, root)
    page.set_viewport_size({"width": 390, "height": 800})

    page.goto("/admin/core/sitesettings/1/change/?tab=thinkific")

    expect(page.locator(".detail-tabs .is-active")).to_be_in_viewport(ratio=0.9)
