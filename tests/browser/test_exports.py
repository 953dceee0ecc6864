"""An export that the worker makes: asked for in the dialog, told by a notice, downloaded, deleted."""

import json

import pytest
from playwright.sync_api import Page, expect

from core.admin.exports.producing import produce
from core.admin.kit.exports import dialog, views
from core.exports import carry_out
from core.models import ExportFile
from tests.factories import EnrollmentFactory, UserFactory


@pytest.fixture
def small(monkeypatch):
    """Three rows are too many to be sent at once."""
    for module in (dialog, views):
        monkeypatch.setattr(module, "AT_ONCE", 2)


def test_a_large_export_ends_in_a_notice_and_a_file(page: Page, sign_in, alma, small, screenshot):
    for name in ("ana", "bo", "cleo"):
        EnrollmentFactory(user=UserFactory(email=f"{name}@acme.example"))
    sign_in(page, alma)
    page.goto("/admin/core/enrollment/")
    page.get_by_role("link", name="Export", exact=True).click()
    asking = page.get_by_role("dialog")
    expect(asking).to_contain_text("The file is made in the background.")
    asking.get_by_label("Format").select_option("json")
    asking.get_by_label("Course").uncheck()
    asking.get_by_role("button", name="Export").click()
    expect(page.get_by_text("Enrollments: the file is being made.")).to_be_visible()

    assert dict(carry_out.carry_out_due(produce)) == {"succeeded": 1}

    notice = page.get_by_text("Enrollments: the file is ready (3 rows")
    expect(notice).to_be_visible(timeout=20_000)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download", exact=True).click()
    rows = json.loads(download.value.path().read_text())
    assert {row["email"] for row in rows} == {"ana@acme.example", "bo@acme.example", "cleo@acme.example"}
    assert "course" not in rows[0]

    page.goto("/admin/core/exportfile/")
    screenshot(page, "exports")
    page.get_by_role("link", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete File").click()
    expect(page.get_by_text("The file of Enrollments is deleted.")).to_be_visible()
    expect(page.locator("#result_list")).to_contain_text("Deleted")
    assert ExportFile.objects.get().downloaded_at
