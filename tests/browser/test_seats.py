"""Seats in a browser: adding one, and enrolling several people when it has too few places."""

import pytest
from playwright.sync_api import Page, expect

from core.models import Enrollment, Seat
from core.services import seats
from tests.factories import MembershipFactory, ProductFactory

pytestmark = pytest.mark.django_db(transaction=True)


def choose(page: Page, field: str, typed: str) -> None:
    """Pick from a field whose choices are found by typing."""
    page.locator(f"#dialog .select2-container:near(label[for=id_{field}])").first.click()
    page.locator(".select2-search__field").last.fill(typed)
    page.locator(".select2-results__option--highlighted", has_text=typed).click()


def test_a_seat_is_added_and_only_fields_that_apply_are_shown(page: Page, sign_in, root, acme, screenshot):
    ProductFactory(name="Knitting 101")
    sign_in(page, root)
    page.goto("/admin/core/seat/")
    page.get_by_role("link", name="Add Seat").first.click()

    expect(page.locator("#id_expiry_days")).to_be_visible()
    expect(page.locator("#id_expiry_date")).to_be_hidden()
    page.select_option("#id_expiry_type", "date")
    expect(page.locator("#id_expiry_days")).to_be_hidden()
    expect(page.locator("#id_expiry_date")).to_be_visible()
    page.locator("#id_unlimited").check()
    expect(page.locator("#id_max_seats")).to_be_hidden()
    expect(page.locator("#id_soft_limit")).to_be_hidden()
    screenshot(page, "dialog-add-seat")
    page.locator("#id_unlimited").uncheck()
    page.select_option("#id_expiry_type", "never")
    page.fill("#id_name", "Evening class")
    choose(page, "product", "Knitting 101")
    page.fill("#id_max_seats", "3")
    page.get_by_role("button", name="Add Seat").click()

    expect(page.locator("body")).to_contain_text("Evening class is created. Assign it to teams next.")
    expect(page.locator("#result_list")).to_contain_text("Evening class")
    page.get_by_role("link", name="Open it").click()
    page.get_by_role("link", name="Assign to Teams").click()
    choose(page, "teams", "Acme")
    page.get_by_role("button", name="Assign").click()

    expect(page.locator("body")).to_contain_text("Evening class is assigned to Acme. 0 of 3 used.")
    assert Seat.objects.get().expiry_type == "never"


def test_enrolling_more_people_than_places_names_what_is_missing(
    page: Page, sign_in, mara, ana, bo, acme, acme_seat, accounting, screenshot
):
    for _ in range(3):
        MembershipFactory(team=acme)
    sign_in(page, mara)
    page.goto("/admin/core/user/")
    rows = page.locator("#result_list tbody tr")
    for name in ("Ana Ames", "Bo Berg"):
        rows.filter(has_text=name).locator("input.action-select").check()
    page.locator("select[name=action]").select_option("Enroll")
    page.get_by_role("button", name="Run").click()
    choose(page, "products", "Accounting 101")
    page.get_by_role("button", name="Enroll", exact=True).click()

    refused = "Acme needs 2 places and lacks 1 for Accounting 101 (0 of 1 used). Nobody was enrolled."
    expect(page.locator("#dialog")).to_contain_text(refused)
    screenshot(page, "enroll-full-seat")
    assert not Enrollment.objects.exists()

    seats.add_places(acme_seat, 1)
    page.get_by_role("button", name="Enroll", exact=True).click()
    expect(page.locator("#dialog")).to_contain_text("Takes 2 places of Acme for Accounting 101")
    page.get_by_role("button", name="Yes, enroll").click()

    expect(page.locator("body")).to_contain_text("2 people are enrolled in Accounting 101.")
    assert Seat.objects.get().used_count == 2
