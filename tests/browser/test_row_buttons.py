"""The buttons of a row: in one line, and why one is missing in an icon that everybody reaches."""

import pytest
from playwright.sync_api import Page, expect

from core.models import User
from tests.factories import MembershipFactory, TeamFactory

pytestmark = pytest.mark.django_db(transaction=True)

LINES = """(cell) => new Set([...cell.querySelectorAll('.cell-actions > :not([popover])')]
  .map((one) => one.getBoundingClientRect())
  .map((box) => Math.round((box.top + box.bottom) / 16))).size"""


def test_why_a_member_has_no_button_opens_by_keyboard(page: Page, sign_in, root, ana, bo, acme, screenshot):
    MembershipFactory(user=ana, team=TeamFactory())
    User.objects.update(thinkific_id=None)
    sign_in(page, root)
    page.set_viewport_size({"width": 1300, "height": 800})
    page.goto(f"/admin/core/team/{acme.pk}/change/?tab=users&o=1")
    rows = page.get_by_test_id("tab-table").locator("tbody tr")
    expect(rows).to_have_count(3)
    screenshot(page, "why-no-button", full_page=False)
    assert [row.evaluate(LINES) for row in rows.all()] == [2, 1, 1]
    assert page.get_by_text("In no other team: cannot be removed").count() == 1
    expect(page.get_by_text("In no other team: cannot be removed")).to_be_hidden()

    button = rows.filter(has_text="Bo Berg").get_by_role("button", name="Why no Remove from Team?")
    button.focus()
    page.keyboard.press("Enter")
    said = page.locator(".cell-why-said:popover-open")
    expect(said).to_contain_text("In no other team: cannot be removed")
    screenshot(page, "why-no-button-open", full_page=False)
    page.keyboard.press("Escape")
    expect(said).to_have_count(0)
    expect(button).to_be_focused()


def test_two_buttons_of_a_row_stay_in_one_line(page: Page, sign_in, root, ana, bo, acme, screenshot):
    User.objects.update(thinkific_id=None)
    for number, person in enumerate(User.objects.all(), start=1):
        User.objects.filter(pk=person.pk).update(thinkific_id=100_000_000 + number)
    ana.first_name, ana.last_name = "Bartholomew-Alexander Maximilian", "Featherstonehaugh-Lindqvist-Oyelaran"
    ana.email = "bartholomew.alexander.featherstonehaugh@northfield-logistics.example"
    ana.thinkific_id = 987_654_321
    ana.save()
    sign_in(page, root)
    page.set_viewport_size({"width": 1300, "height": 800})
    page.goto("/admin/core/user/")
    cells = page.locator("#result_list tbody tr td[class*=field-actions]")
    expect(cells.first).to_be_visible()
    screenshot(page, "row-buttons", full_page=False)

    two = [cell for cell in cells.all() if cell.locator(".cell-actions > *").count() == 2]
    assert two
    assert [cell.evaluate(LINES) for cell in two] == [1] * len(two)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
