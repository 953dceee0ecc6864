"""Panels: dialogs at the right edge, over the list. Also what fails, new tabs, and pages without scripts."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from core.models import Organization, Seat, User
from tests.browser import axe
from tests.browser.conftest import PASSWORD
from tests.factories import ProductFactory, builtin_role

pytestmark = pytest.mark.django_db(transaction=True)

PANEL = "#modal-content .dialog-panel"


def test_a_panel_by_keyboard(page: Page, sign_in, root, acme, screenshot):
    ProductFactory(name="Knitting 101")
    sign_in(page, root)
    page.goto("/admin/core/seat/")
    opener = page.get_by_role("link", name="Add Seat").first
    opener.focus()
    page.keyboard.press("Enter")

    expect(page.locator("#id_name")).to_be_focused()
    dialog = page.get_by_role("dialog", name="Add Seat")
    expect(dialog).to_have_attribute("aria-modal", "true")
    box, submit = page.locator("#modal-content").bounding_box(), dialog.get_by_role("button", name="Add Seat")
    assert (box["x"] + box["width"], box["y"], box["height"]) == (1440, 0, 900)
    assert 480 <= box["width"] <= 560
    expect(submit).to_be_in_viewport()
    page.keyboard.press("Shift+Tab")  # from the field to Close, and round to the end
    page.keyboard.press("Shift+Tab")
    expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
    page.keyboard.press("Tab")
    expect(dialog.get_by_role("link", name="Close")).to_be_focused()

    page.fill("#id_name", "Evening class")
    page.locator("#id_name").press("Enter")
    expect(page.locator("#id_product_error")).to_contain_text("Choose a course or bundle.")
    choosing = dialog.get_by_role("combobox", name=re.compile("^Course or bundle")).first
    expect(choosing).to_be_focused()
    expect(choosing).to_have_attribute("aria-describedby", re.compile("id_product_error"))
    screenshot(page, "panel-error", full_page=False)
    assert axe.problems(page) == []
    page.mouse.click(100, 500)  # beside it: nothing that was entered is lost
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")

    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()


def test_a_panel_that_fails_says_so_and_can_be_tried_again(page: Page, sign_in, root):
    sign_in(page, root)
    page.goto("/admin/core/organization/")
    address, answers = "**/add_organization/", ["500", "slow", "500", "lost", "slow"]

    def answer(route: Route) -> None:
        how = answers.pop(0)
        if how == "500":
            route.fulfill(status=500, body="<h1>Error</h1>", content_type="text/html")
        elif how == "lost":
            route.abort()
        else:
            page.wait_for_timeout(300)
            route.continue_()

    page.route(address, answer)
    opener = page.get_by_role("link", name="Add Organization").first
    opener.click()
    expect(page.get_by_text("That did not work.")).to_be_visible()
    expect(page.locator(PANEL)).to_be_hidden()
    opener.dblclick()
    name, submit = page.locator("#id_name"), page.locator(f"{PANEL} [type=submit]")
    expect(name).to_be_focused()
    name.fill("Northfield")

    submit.click()
    failed = page.locator(PANEL).get_by_role("alert")
    expect(failed).to_contain_text("That did not work. What you entered is still here")
    submit.click()
    expect(failed).to_contain_text("No answer came from the dashboard.")
    expect(name).to_have_value("Northfield")
    submit.dblclick()

    expect(page.get_by_text("Northfield is created.")).to_be_visible()
    expect(page.locator("#result_list")).to_contain_text("Northfield")
    assert Organization.objects.count() == 1
    assert answers == []


@pytest.mark.slow
def test_a_dialog_of_a_page_says_in_it_what_failed(page: Page, sign_in, root, settings):
    settings.THINKIFIC_SUBDOMAIN, settings.THINKIFIC_API_KEY = "acme", "0" * 32
    sign_in(page, root)
    page.goto("/admin/tools/")
    page.route("**/admin/tools/import-users/", lambda route: route.abort())
    page.click("[data-dialog=tool-import-users]")
    dialog = page.locator("#tool-import-users")
    submit = dialog.locator("[type=submit]")

    for _ in range(2):
        submit.click()
        expect(dialog.get_by_role("alert")).to_contain_text("No answer came from the dashboard.")
        expect(submit).to_be_enabled()
    expect(dialog.get_by_role("alert")).to_have_count(1)
    expect(page.locator(".d-toasts")).to_have_count(0)


@pytest.mark.slow
def test_a_button_opens_its_page_in_a_new_tab(page: Page, sign_in, root, ana):
    sign_in(page, root)
    for where, name in (
        ("/admin/core/tag/", "Add Tag"),
        (f"/admin/core/user/{ana.pk}/change/", "Edit Profile"),
    ):
        page.goto(where)
        for how in ({"modifiers": ["ControlOrMeta"]}, {"button": "middle"}):
            with page.context.expect_page() as opened:
                page.get_by_role("link", name=name).first.click(**how)
            expect(opened.value.get_by_role("heading", name=name)).to_be_visible()
            opened.value.close()
        expect(page.locator("#modal-content #dialog")).to_have_count(0)


@pytest.mark.slow
def test_back_does_not_show_what_was_sent_again(page: Page, sign_in, root, ana):
    sign_in(page, root)
    page.goto(f"/admin/core/user/{ana.pk}/change/")
    page.get_by_role("link", name="Edit Profile").click()
    page.fill("#id_first_name", "Anna")
    page.route(
        "**/change/", lambda route: route.fulfill(status=204)
    )  # the page stays as the browser keeps it
    with page.expect_response(lambda response: "hx-redirect" in response.headers):
        page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_timeout(100)

    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")

    expect(page.locator("#modal-content #dialog")).to_have_count(0)
    assert not page.evaluate("document.getElementById('page').inert")


def test_a_dialog_that_destroys_begins_at_cancel_and_waits_for_a_second_enter(
    page: Page, sign_in, root, acme
):
    sign_in(page, root)
    page.goto(f"/admin/core/team/{acme.pk}/change/")
    page.get_by_role("link", name="Archive Team").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")

    expect(page.locator("#dialog").get_by_role("link", name="Cancel")).to_be_focused()
    acme.refresh_from_db()
    assert acme.archived_at is None


@pytest.fixture
def without_scripts(browser, browser_context_args, base_url):
    context: BrowserContext = browser.new_context(
        **browser_context_args | {"base_url": base_url}, java_script_enabled=False
    )
    yield context.new_page()
    context.close()


def test_people_and_seats_are_added_without_scripts(without_scripts: Page, sign_in, root, acme):
    page = without_scripts
    ProductFactory(name="Knitting 101")
    root.set_password(PASSWORD)
    root.save(update_fields=["password"])
    sign_in(page, root)
    page.goto("/admin/core/user/")
    page.get_by_role("link", name="Add User").click()
    page.fill("#id_first_name", "Nia")
    page.fill("#id_email", "nia@acme.example")
    page.select_option("#id_teams", label="Acme")
    page.locator("#dialog").get_by_role("button", name="Add User").click()
    expect(page.get_by_text("in Acme as Student")).to_be_visible()
    membership = User.objects.get(email="nia@acme.example").memberships.get()
    assert (membership.team, membership.role) == (acme, builtin_role("student"))

    page.goto("/admin/core/seat/do/add/")
    page.fill("#id_name", "Evening class")
    page.select_option("#id_product", index=1)
    page.locator("#id_unlimited").check()
    page.locator("#dialog").get_by_role("button", name="Add Seat").click()
    expect(page.get_by_text("Evening class is created.")).to_be_visible()
    assert Seat.objects.get().unlimited
