"""Bringing people in by a file: CSV Upload on the Users page, and CSV Import under Tools."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from core.imports import running
from core.models import ImportBatch, Notice, User
from tests.browser import axe
from tests.browser.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)
STAFF = """Full name;E-Mail;Department;Personnel no
Carla Cruz;carla@new.example;Acme;0043
Dan Diaz;dan@localhost;Acme;44
Erin Eng;erin@new.example;Acmee;45
"""
WIDE = "() => document.documentElement.scrollWidth > innerWidth"


def choose(page: Page, text: str, *, field: str = "File") -> None:
    file = {"name": "staff.csv", "mimeType": "text/csv", "buffer": text.encode()}
    page.get_by_label(field, exact=True).set_input_files([file])


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).first.click()


def cell(page: Page, name: str):
    return page.get_by_role("textbox", name=name)


def in_both_widths(page: Page) -> None:
    """Nothing serious for axe-core, and no page that scrolls sideways."""
    assert not axe.in_both_schemes(page)
    page.evaluate("document.documentElement.classList.remove('dark')")
    for width in (390, 1300):
        page.set_viewport_size({"width": width, "height": 900})
        assert not page.evaluate(WIDE), (page.url, width)


def test_csv_upload_with_errors_corrected_on_the_screen(page: Page, root, acme, sign_in, screenshot):
    sign_in(page, root)
    page.goto("/admin/core/user/")
    page.get_by_role("link", name="CSV Upload").click()
    in_both_widths(page)
    choose(page, STAFF)
    press(page, "Upload")

    expect(page.get_by_label("Column B, E-Mail, is imported as")).to_have_value("email")
    expect(page.get_by_label("Column D, Personnel no, is imported as")).to_have_value("")
    in_both_widths(page)
    screenshot(page, "imports-columns")
    press(page, "Review the lines")

    expect(page.get_by_role("heading", name="2 lines with problems")).to_be_visible()
    expect(cell(page, "Line 3, E-Mail")).to_have_value("dan@localhost")
    in_both_widths(page)
    screenshot(page, "imports-review")
    start = page.get_by_role("button", name="Import 1 line")
    cell(page, "Line 3, E-Mail").fill("dan@new.example")
    expect(start).to_be_disabled()
    expect(page.get_by_text("Validate again before you import.")).to_be_visible()
    cell(page, "Line 4, Department").fill("Acme")
    cell(page, "Line 4, Department").press("Enter")  # as the button does

    expect(page.get_by_role("heading", name="No problems found")).to_be_visible()
    page.get_by_label("Which lines").select_option("corrected")
    expect(page.get_by_test_id("lines").get_by_role("row")).to_have_count(3)
    page.get_by_role("button", name="Import 3 lines").click()

    # The bar moves, and the import ends, without a reload.
    bar = page.get_by_role("progressbar")
    expect(page.get_by_text("Waits for a worker.")).to_be_visible()
    page.evaluate("window.same = true")
    ImportBatch.objects.update(claimed_by="a worker", rows_done=1)
    expect(bar).to_have_attribute("aria-valuenow", "33")
    screenshot(page, "imports-running")
    ImportBatch.objects.update(claimed_by="", rows_done=0)
    running.run_due()
    expect(page.get_by_text("Succeeded").first).to_be_visible()
    expect(bar).to_have_count(0)
    expect(page.get_by_text("3 created").first).to_be_visible()  # the notice
    assert page.evaluate("window.same")
    assert User.objects.filter(email__endswith="@new.example").count() == 3


def test_csv_import_with_errors_corrected_in_the_file(page: Page, root, acme, sign_in, screenshot):
    sign_in(page, root)
    page.goto("/admin/tools/")
    page.get_by_role("link", name="CSV Import").click()
    in_both_widths(page)
    choose(page, STAFF)
    press(page, "Validate")

    expect(page.get_by_text("Did you mean “Acme”?")).to_be_visible()
    in_both_widths(page)
    screenshot(page, "imports-tools")
    fixed = STAFF.replace("localhost", "new.example").replace("Acmee", "Acme")
    choose(page, fixed, field="Corrected it in the file?")
    press(page, "Validate this file instead")

    expect(page.get_by_role("heading", name="No problems found")).to_be_visible()
    page.get_by_text("Columns of the file").click()
    page.get_by_label("Column D, Personnel no, is imported as").select_option("tags")
    expect(page.get_by_role("button", name="Import 3 lines")).to_be_disabled()
    press(page, "Validate")
    expect(page.get_by_text("There is no tag “0043”").first).to_be_visible()
    page.get_by_text("Options", exact=True).click()
    page.get_by_text("Create missing tags", exact=True).click()
    press(page, "Validate")
    expect(page.get_by_text("New tags")).to_be_visible()
    page.get_by_role("button", name="Import 3 lines").dblclick()

    expect(page.get_by_text("Waits for a worker.")).to_be_visible()
    running.run_due()
    expect(page.get_by_text("Succeeded").first).to_be_visible()
    assert ImportBatch.objects.get(status="succeeded").rows_created == 3
    page.get_by_role("link", name="Lines").click()
    expect(page.get_by_test_id("tab-table").get_by_text("erin@new.example").first).to_be_visible()
    in_both_widths(page)
    undo(page)


def undo(page: Page) -> None:
    page.get_by_role("link", name="Overview").last.click()
    page.get_by_role("link", name="Undo").click()
    expect(page.locator("#dialog")).to_contain_text("3 accounts")
    page.locator("#dialog").get_by_role("button", name="Undo the import").click()
    expect(page.get_by_text("is being undone")).to_be_visible()
    running.run_due()
    expect(page.get_by_text("Undone").first).to_be_visible()
    assert not User.objects.filter(email__endswith="@new.example").exists()
    assert Notice.objects.filter(text__contains="is undone").exists()


def test_a_page_that_is_old_starts_nothing(page: Page, root, acme, sign_in):
    sign_in(page, root)
    page.goto("/admin/tools/csv/")
    choose(page, STAFF)
    press(page, "Validate")
    expect(page.get_by_role("button", name="Import 1 line")).to_be_visible()
    other = page.context.new_page()
    other.goto(page.url)
    cell(other, "Line 3, E-Mail").fill("dan@new.example")
    press(other, "Validate again")
    expect(other.get_by_role("button", name="Import 2 lines")).to_be_visible()

    page.get_by_role("button", name="Import 1 line").click()
    expect(page.get_by_text("validated again since")).to_be_visible()
    expect(page.get_by_role("button", name="Import 2 lines")).to_be_visible()
    other.get_by_role("button", name="Import 2 lines").click()
    expect(other.get_by_text("Waits for a worker.")).to_be_visible()
    page.get_by_role("button", name="Import 2 lines").click()
    expect(page.get_by_text("was started already")).to_be_visible()
    assert ImportBatch.objects.count() == 1


def test_what_was_typed_is_not_lost_by_a_slip(page: Page, root, acme, sign_in):
    sign_in(page, root)
    page.goto("/admin/tools/csv/")
    choose(page, STAFF)
    press(page, "Validate")
    cell(page, "Line 3, E-Mail").fill("dan@new.example")
    asked = []

    def stay(dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.get_by_role("link", name="Teams").last.click()
    expect(cell(page, "Line 3, E-Mail")).to_have_value("dan@new.example")
    assert asked == ["beforeunload"]
    page.remove_listener("dialog", stay)
    press(page, "Validate again")
    expect(page.get_by_role("heading", name="1 line with problems")).to_be_visible()


def test_a_file_that_is_too_large_is_named_before_it_is_sent(page: Page, root, sign_in, tmp_path: Path):
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(50_000_000)
    sign_in(page, root)
    page.goto("/admin/imports/new/")
    page.get_by_label("File", exact=True).set_input_files(large)
    expect(page.get_by_role("alert")).to_contain_text(
        "“large.csv” has 50 MB; files must be smaller than 50 MB."
    )
    press(page, "Upload")
    expect(page.get_by_role("alert")).to_contain_text("Choose a CSV or XLSX file.")


def test_both_ways_work_without_scripts(browser: Browser, base_url, root, acme):
    root.set_password(PASSWORD)
    root.save()
    context = browser.new_context(java_script_enabled=False, base_url=base_url)
    page = context.new_page()
    page.goto("/admin/login/")
    page.fill("input[name=username]", root.email)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.goto("/admin/imports/new/")
    choose(page, STAFF)
    page.get_by_label("Assign to Team").select_option(str(acme.pk))
    press(page, "Upload")
    press(page, "Review the lines")
    cell(page, "Line 4, Department").fill("Acme")
    press(page, "Validate again")
    page.get_by_label("Which lines").select_option("all")
    press(page, "Show")
    expect(page.get_by_test_id("lines").get_by_role("row")).to_have_count(4)
    page.get_by_role("button", name=re.compile("^Import 2 lines")).click()
    expect(page.get_by_text("Waits for a worker.")).to_be_visible()
    running.run_due()

    page.goto("/admin/tools/csv/")
    choose(page, "Email,Team\nfay@new.example,Acme\n")
    press(page, "Validate")
    page.get_by_role("button", name="Import 1 line").click()
    running.run_due()
    assert User.objects.filter(email__endswith="@new.example").count() == 3
    context.close()
