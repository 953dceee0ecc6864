"""A migration in a browser: upload, check, apply, undo, and Export everything."""

import json
import zipfile

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from core.migration import running
from core.models import Team, User
from tests.browser import axe
from tests.browser.test_accessibility import findings
from tests.core.migration.carrying import archive, checked
from tests.core.migration.examples import ANA, JOINED, OWEN, TEAM

pytestmark = pytest.mark.django_db(transaction=True)


def work() -> None:
    """Carry out what waits, as the worker would."""
    running.run_due()
    connection.close()


def use(page: Page, label: str) -> None:
    """Open a dialog of the page and carry it out."""
    page.get_by_test_id("dialog-buttons").get_by_role("link", name=label, exact=True).click()
    dialog = page.locator("#modal-content #dialog")
    expect(dialog).to_be_visible()
    dialog.locator("button[type=submit]").click()


def test_an_export_of_another_dashboard_comes_in_and_goes_again(
    page: Page, sign_in, root, tmp_path, screenshot
):
    files = {
        "people": [OWEN, ANA, {"id": "x", "email": "no address"}],
        "teams": [TEAM],
        "memberships": [JOINED],
    }
    (tmp_path / "old.zip").write_bytes(archive(files))
    sign_in(page, root)
    page.goto("/admin/tools/")
    page.get_by_role("link", name="Migration", exact=True).click()

    page.get_by_label("Export of the other dashboard").set_input_files(tmp_path / "old.zip")
    page.get_by_role("button", name="Upload and Check").click()
    expect(page.get_by_text("The file is being checked. Nothing is changed by that.")).to_be_visible()
    work()
    expect(page.get_by_role("heading", name="What it would make")).to_be_visible()  # by itself
    expect(page.locator("[data-region=migration] tbody tr", has_text="People")).to_contain_text("2")
    page.get_by_role("link", name="Problems", exact=True).click()
    expect(page.get_by_text("people.csv, line 4")).to_be_visible()
    expect(page.get_by_text("“no address” is not an e-mail address. Correct it.")).to_be_visible()
    screenshot(page, "migration-problems")
    page.get_by_role("link", name="Overview", exact=True).last.click()

    use(page, "Apply")
    expect(page.get_by_text("The migration is being applied.")).to_be_visible()
    work()
    expect(page.get_by_role("heading", name="What was made")).to_be_visible()
    assert Team.objects.get(name="North").memberships.count() == 2
    screenshot(page, "migration-applied")
    connection.close()

    use(page, "Preview Undo")
    expect(page.get_by_text("The dashboard looks what can be undone.")).to_be_visible()
    work()
    expect(page.get_by_role("heading", name="What can be undone")).to_be_visible()
    use(page, "Undo")
    expect(page.get_by_text("The migration is being undone.")).to_be_visible()
    work()
    expect(page.get_by_role("heading", name="What was undone")).to_be_visible()
    assert list(User.objects.values_list("email", flat=True)) == [root.email]
    connection.close()


def test_a_file_that_is_no_export_is_refused_beside_the_field(page: Page, sign_in, root, tmp_path):
    (tmp_path / "people.csv").write_text("email\nana@acme.example\n")
    sign_in(page, root)
    page.goto("/admin/tools/migration/")

    page.get_by_label("Export of the other dashboard").set_input_files(tmp_path / "people.csv")
    page.get_by_role("button", name="Upload and Check").click()

    expect(page.get_by_role("alert")).to_contain_text(
        "neither a ZIP archive of CSV files nor a JSON document"
    )


def test_everything_is_downloaded(page: Page, sign_in, root, ana):
    sign_in(page, root)
    page.goto("/admin/tools/migration/")

    with page.expect_download() as packed:
        page.get_by_role("link", name="CSV files (.zip)").click()
    with page.expect_download() as document:
        page.get_by_role("link", name="JSON", exact=False).click()

    with zipfile.ZipFile(packed.value.path()) as opened:
        assert b"ana@acme.example" in opened.read("people.csv")
    people = json.loads(document.value.path().read_text())["people"]
    assert "ana@acme.example" in [person["email"] for person in people]


def test_its_pages_are_for_everybody(page: Page, sign_in, root):
    people = [OWEN, ANA, {"id": "x", "email": "no address"}]
    migration = checked(archive({"people": people, "teams": [TEAM], "memberships": [JOINED]}), by=root)
    connection.close()
    sign_in(page, root)
    own = f"/admin/core/migration/{migration.pk}/change/"

    found = findings(page, ["/admin/tools/migration/", own, f"{own}?tab=problems", f"{own}?tab=rows"])

    assert not found, axe.told(found)
