"""Impersonating in a browser: beginning, the banner on every page, leaving."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from core.models import ImpersonationSession

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def as_administrator(page, sign_in, alma):
    sign_in(page, alma)


def begin(page: Page, person) -> None:
    page.goto(f"/admin/core/user/?q={person.email}")
    page.get_by_role("link", name="Impersonate", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It ends with Leave Impersonation")
    dialog.get_by_label("Reason").fill("Cannot find her seats")
    dialog.get_by_role("button", name="Impersonate").click()
    expect(banner(page)).to_contain_text(f"You act as {person}")


def banner(page: Page):
    return page.get_by_role("region", name="Impersonation")


def test_impersonate_and_leave(page, as_administrator, mara, ana, acme_seat, screenshot):
    begin(page, mara)
    assert re.search(r"/admin/$", page.url)
    sidebar = page.locator("#nav-sidebar")
    expect(sidebar.get_by_role("link", name="Users")).to_be_visible()
    expect(sidebar.get_by_role("link", name="Settings")).to_have_count(0)
    top, below = banner(page).bounding_box(), sidebar.bounding_box()
    assert below["y"] >= top["height"] - 1, "the sidebar must not cover the banner"
    screenshot(page, "impersonation-overview", full_page=False)

    page.goto(reverse("admin:core_user_changelist"))
    page.mouse.wheel(0, 2000)
    expect(banner(page)).to_be_in_viewport()

    page.keyboard.press("Tab")
    expect(banner(page).get_by_role("button", name="Leave Impersonation")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.get_by_text("You have left the impersonation of Mara Marsh.")).to_be_visible()
    assert page.url.endswith(reverse("admin:core_user_change", args=[mara.pk]))
    expect(banner(page)).to_have_count(0)
    assert ImpersonationSession.objects.get().ended_by == "left"


def test_error_pages_have_the_banner_and_its_button_works(page, as_administrator, mara, screenshot):
    begin(page, mara)
    for address, name in (("/admin/nothing/", "404"), ("/nothing/", "404-outside"), ("/admin/tools/", "403")):
        page.goto(address)
        expect(page.locator(".code")).to_have_text(name[:3])
        expect(banner(page)).to_be_in_viewport()
        colour = banner(page).evaluate("banner => getComputedStyle(banner).backgroundColor")
        assert colour == "rgb(124, 45, 18)", "the page's policy must not refuse its style"
        screenshot(page, f"impersonation-{name}", full_page=False)
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/nothing/")
    screenshot(page, "impersonation-404-narrow", full_page=False)

    banner(page).get_by_role("button", name="Leave Impersonation").click()

    expect(page.get_by_text("You have left the impersonation of Mara Marsh.")).to_be_visible()


def test_a_dialogs_own_page_has_the_banner_and_fits(page, as_administrator, mara, ana, screenshot):
    begin(page, mara)
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(reverse("admin:core_user_do", args=[ana.pk, "reset-password"]))

    expect(page.locator("#dialog")).to_contain_text("Leave the impersonation first")
    expect(banner(page)).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    screenshot(page, "impersonation-refused-narrow", full_page=False)


def test_an_open_page_notices_the_end(page, as_administrator, mara):
    begin(page, mara)
    session = ImpersonationSession.objects.get()
    mara.is_active = False
    mara.save()

    expect(page.get_by_text("The impersonation of Mara Marsh has ended")).to_be_visible()
    session.refresh_from_db()
    assert session.ended_by == "person"
