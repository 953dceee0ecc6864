"""Upload Group Matching, from its card in Tools to the undone import."""

import pytest
from playwright.sync_api import Page, expect

from core.imports import running
from core.models import GroupAssignment
from tests.browser.test_imports import cell, choose, in_both_widths, press
from tests.factories import GroupAssignmentFactory, TeamFactory, ThinkificGroupFactory

pytestmark = pytest.mark.django_db(transaction=True)
GROUPS = """Thinkific group;Team;Direction;Role
Sales Muller;Acme;Disabled;
Twice;Acme;;
North;Acne;;
North;Acme;sideways;
South;Acme;Dashboard-to-Thinkific;Manager
West;Globex;Disabled;
"""


def test_from_the_card_to_the_undone_import(page: Page, root, acme, sign_in, screenshot):
    ThinkificGroupFactory(name="Twice", thinkific_id=5001)
    ThinkificGroupFactory(name="twice", thinkific_id=5002)
    groups = {name: ThinkificGroupFactory(name=name) for name in ("Sales Müller", "North", "South", "West")}
    there = GroupAssignmentFactory(group=groups["West"], team=TeamFactory(name="Globex"))
    sign_in(page, root)
    page.goto("/admin/tools/")
    page.locator("#card-group-matching").get_by_role("link", name="Choose a file").click()
    in_both_widths(page)
    screenshot(page, "groups-first")
    choose(page, GROUPS)
    press(page, "Validate")

    expect(page.get_by_role("heading", name="4 lines with problems")).to_be_visible()
    expect(page.get_by_text("Did you mean “Sales Müller”?")).to_be_visible()
    in_both_widths(page)
    screenshot(page, "groups-validated")
    page.get_by_text("What the columns mean").click()
    expect(page.get_by_text("Bidirectional: members of the team join the group")).to_be_visible()
    page.get_by_text("Columns of the file").click()
    expect(page.get_by_label("Column A, Thinkific group, is imported as")).to_have_value("group")
    page.get_by_text("Options", exact=True).click()
    expect(page.get_by_text("Sync the matched groups at once")).to_be_visible()
    cell(page, "Line 2, Thinkific group").fill("Sales Müller")
    expect(page.get_by_role("button", name="Import 2 lines")).to_be_disabled()
    cell(page, "Line 3, Thinkific group").fill("5002")
    cell(page, "Line 4, Team").fill("Globex")
    cell(page, "Line 5, Direction").fill("Bidirectional")
    press(page, "Validate again")

    expect(page.get_by_role("heading", name="No problems found")).to_be_visible()
    page.get_by_role("button", name="Import 6 lines").click()
    expect(page.get_by_text("Waits for a worker.")).to_be_visible()
    running.run_due()
    expect(page.get_by_text("Succeeded").first).to_be_visible()
    assert GroupAssignment.objects.count() == 6
    in_both_widths(page)
    page.get_by_role("link", name="Lines").click()
    expect(page.get_by_test_id("tab-table").get_by_text("Sales Müller")).to_be_visible()
    in_both_widths(page)
    screenshot(page, "groups-lines")

    page.get_by_role("link", name="Overview").last.click()
    page.get_by_role("link", name="Undo").click()
    expect(page.locator("#dialog")).to_contain_text("5 assignments")
    page.locator("#dialog").get_by_role("button", name="Undo the import").click()
    expect(page.get_by_text("is being undone")).to_be_visible()
    running.run_due()
    expect(page.get_by_text("Undone").first).to_be_visible()
    assert list(GroupAssignment.objects.all()) == [there]
