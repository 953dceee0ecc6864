"""Clicking through lists and details, as an administrator and as a team's manager."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.factories import EnrollmentFactory, QuizResultFactory, UserFactory

NARROW = {"width": 390, "height": 844}


@pytest.fixture
def enrolled(ana, acme_seat, accounting):
    return EnrollmentFactory(user=ana, product=accounting, percentage_completed="0.42")


def test_from_the_list_of_users_to_what_one_studies(page: Page, sign_in, root, enrolled, screenshot):
    sign_in(page, root)
    page.get_by_role("link", name="Users").first.click()
    screenshot(page, "users")
    page.get_by_role("textbox").first.fill("ana@acme")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Ana Ames").click()
    for tab in ["Profile", "Quizzes", "Teams", "Groups", "Enrollments"]:
        page.get_by_role("navigation", name="Sections of this page").get_by_text(tab, exact=True).click()
        expect(page.locator(".detail-tabs .is-active")).to_have_text(tab)

    expect(page.get_by_test_id("tab-table")).to_contain_text("Accounting 101")
    expect(page.get_by_test_id("tab-table")).to_contain_text("42 %")
    screenshot(page, "user-enrollments")


def test_headings_sort(page: Page, sign_in, root, ana, bo):
    sign_in(page, root)
    page.goto("/admin/core/user/")
    names = page.locator("#result_list .field-full_name")

    page.get_by_role("columnheader", name="Name").get_by_role("link").first.click()
    expect(names.first).to_contain_text("Ana Ames")

    page.get_by_title("Toggle sorting").first.click()
    expect(names.first).to_contain_text("Root")


def test_a_team_is_chosen_by_typing(page: Page, sign_in, root, enrolled, otto, screenshot):
    other = EnrollmentFactory(user=otto)
    sign_in(page, root)
    page.goto("/admin/core/enrollment/")
    expect(page.locator("#result_list")).to_contain_text(other.user.email)

    page.locator("a", has_text="Filters").first.click()
    page.locator(".select2-selection", has=page.locator("[id*=team]")).click()
    page.keyboard.type("Acm")
    screenshot(page, "enrollment-filters", full_page=False)
    page.get_by_role("option", name="Acme").click()
    page.get_by_role("button", name="Apply Filters").click()

    expect(page.locator("#result_list")).to_contain_text("ana@acme.example")
    expect(page.locator("#result_list")).not_to_contain_text(other.user.email)


def test_the_export_is_a_file_of_what_is_listed(page: Page, sign_in, root, enrolled, screenshot):
    EnrollmentFactory(user=UserFactory(email="else@people.example"))
    sign_in(page, root)
    page.goto("/admin/core/enrollment/?q=ana@acme")

    page.get_by_role("link", name="Export", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 row, found and sorted as in the list.")
    screenshot(page, "export", full_page=False)
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Export").click()
    expect(dialog).to_be_hidden()

    text = download.value.path().read_text(encoding="utf-8-sig")
    assert re.match(r"enrollments-\d{4}-\d\d-\d\d\.csv", download.value.suggested_filename)
    assert "ana@acme.example" in text
    assert "else@people.example" not in text


def test_syncing_asks_first_and_says_why_it_cannot(page: Page, sign_in, root, accounting, settings):
    settings.THINKIFIC_SUBDOMAIN = ""
    sign_in(page, root)
    page.goto("/admin/core/product/")

    page.get_by_role("link", name="Sync Products").click()
    expect(page.get_by_text("Sync all products from Thinkific?")).to_be_visible()
    page.locator("#dialog").get_by_role("button", name="Sync Products").click()

    expect(page.get_by_text("No Thinkific site is connected")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize(
    "address", ["user/", "enrollment/", "product/", "seat/", "quizresult/", "user/{ana}/change/?tab=quizzes"]
)
def test_nothing_is_wider_than_a_phone(page: Page, sign_in, root, enrolled, ana, screenshot, address):
    QuizResultFactory(user=ana)
    UserFactory(first_name="ש" * 200, last_name="x" * 255, email="long@people.example")
    page.set_viewport_size(NARROW)
    sign_in(page, root)

    page.goto("/admin/core/" + address.format(ana=ana.pk))

    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    screenshot(page, "narrow-" + re.sub(r"\W+", "-", address))


def test_a_manager_sees_her_team_and_no_other(page: Page, sign_in, mara, enrolled, otto):
    EnrollmentFactory(user=otto, product=enrolled.product)
    sign_in(page, mara)

    page.get_by_role("link", name="Enrollments").first.click()

    expect(page.locator("#result_list")).to_contain_text("ana@acme.example")
    expect(page.locator("#result_list")).not_to_contain_text("otto")


def test_anything_is_found_by_the_keyboard(page: Page, sign_in, root, ana, screenshot):
    sign_in(page, root)
    page.goto("/admin/core/user/")

    page.keyboard.press("Control+k")
    page.keyboard.press("Enter")  # nothing is found yet, and nothing breaks
    page.get_by_role("searchbox", name="Find").fill("nobody of that name")
    expect(page.locator("#found")).to_contain_text("Nothing was found")
    page.get_by_role("searchbox", name="Find").fill("ana@")
    expect(page.locator("#found .is-active")).to_contain_text("Ana Ames")
    screenshot(page, "find")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/admin/core/user/{ana.pk}/change/"))

    page.get_by_role("button", name="Find anything").click()
    expect(page.get_by_role("searchbox", name="Find")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("searchbox", name="Find")).to_be_hidden()
