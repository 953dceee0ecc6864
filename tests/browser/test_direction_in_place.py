"""The direction of an assignment, chosen in its row: mouse, keyboard, two people at once, no answer."""

import pytest
from playwright.sync_api import Browser, Page, expect

from core.models import GroupAssignment
from tests.browser.conftest import PASSWORD
from tests.factories import GroupAssignmentFactory, ThinkificGroupFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def assignment(acme, ana):
    group = ThinkificGroupFactory(name="Interns", thinkific_id=9)
    return GroupAssignmentFactory(group=group, team=acme, direction="disabled")


def stored(assignment) -> str:
    return GroupAssignment.objects.get(pk=assignment.pk).direction


def open_row(page: Page, assignment):
    page.goto(f"/admin/core/thinkificgroup/{assignment.group_id}/change/?tab=teams")
    return page.get_by_role("combobox", name="Direction of Interns for Acme")


def announced(page: Page):
    return page.locator("#in-place-said")


def test_a_choice_is_saved_at_once_and_announced(page: Page, sign_in, alma, assignment, screenshot):
    sign_in(page, alma)
    choice = open_row(page, assignment)

    choice.click()
    choice.select_option("dashboard_to_thinkific")

    expect(announced(page)).to_contain_text("Dashboard-to-Thinkific from now on. 2 people of Acme will join")
    expect(page.locator(".in-place-said")).to_contain_text("from now on")
    assert stored(assignment) == "dashboard_to_thinkific"
    page.wait_for_timeout(5000)  # the page brings itself up to date
    expect(choice).to_have_value("dashboard_to_thinkific")
    expect(page.locator(".in-place-said")).to_contain_text("from now on")
    screenshot(page, "direction-in-place", full_page=False)


def test_the_arrow_keys_save_nothing_before_enter(page: Page, sign_in, alma, assignment):
    sign_in(page, alma)
    choice = open_row(page, assignment)
    choice.focus()

    page.keyboard.press("ArrowDown")
    expect(announced(page)).to_contain_text("Enter saves, Escape returns to “Disabled”.")
    assert stored(assignment) == "disabled"
    page.keyboard.press("Escape")
    expect(choice).to_have_value("disabled")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    expect(announced(page)).to_contain_text("Bidirectional from now on.")
    expect(choice).to_be_focused()
    assert stored(assignment) == "bidirectional"


def test_leaving_the_field_saves(page: Page, sign_in, alma, assignment):
    sign_in(page, alma)
    choice = open_row(page, assignment)
    choice.focus()

    page.keyboard.press("End")
    page.keyboard.press("Tab")

    expect(announced(page)).to_contain_text("Thinkific-to-Dashboard from now on.")
    assert stored(assignment) == "thinkific_to_dashboard"


def test_of_two_people_the_second_is_told(
    page: Page, browser: Browser, base_url, sign_in, alma, root, assignment
):
    sign_in(page, alma)
    page.route("**/admin/live/**", lambda route: route.abort())  # the page does not learn of it by itself
    choice = open_row(page, assignment)
    other = browser.new_context(base_url=base_url).new_page()
    sign_in(other, root)
    theirs = open_row(other, assignment)
    theirs.click()
    theirs.select_option("bidirectional")
    expect(announced(other)).to_contain_text("Bidirectional from now on.")

    choice.click()
    choice.select_option("thinkific_to_dashboard")

    line = page.locator(".in-place-said.is-error")
    expect(line).to_contain_text("This is “Bidirectional” now.")
    expect(announced(page)).to_contain_text("Nothing was saved.")
    expect(choice).to_have_value("bidirectional")
    assert stored(assignment) == "bidirectional"
    choice.select_option("disabled")  # now it is known what is stored
    expect(announced(page)).to_contain_text("Disabled from now on.")
    other.context.close()


def test_without_an_answer_nothing_is_claimed(page: Page, sign_in, alma, assignment):
    sign_in(page, alma)
    choice = open_row(page, assignment)
    page.route("**/set-direction/**", lambda route: route.abort())

    choice.click()
    choice.select_option("bidirectional")

    expect(page.locator(".in-place-said.is-error")).to_contain_text("Not saved")
    expect(choice).to_have_value("disabled")
    assert stored(assignment) == "disabled"


def test_without_scripts_the_button_saves(browser: Browser, base_url, alma, assignment):
    alma.set_password(PASSWORD)
    alma.save(update_fields=["password"])
    page = browser.new_context(base_url=base_url, java_script_enabled=False).new_page()
    page.goto("/admin/login/")
    page.fill("input[name=username]", alma.email)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")

    choice = open_row(page, assignment)
    choice.select_option("bidirectional")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("Group Interns, team Acme: Bidirectional from now on.")).to_be_visible()
    assert stored(assignment) == "bidirectional"
    page.context.close()
