"""Dialogs about chosen rows open over the list, which keeps what was chosen until they are carried out."""

import pytest
from playwright.sync_api import Page, expect

from core.models import User
from tests.factories import TagFactory

pytestmark = pytest.mark.django_db(transaction=True)

PLACES = {
    "tab": ("/admin/core/team/{}/change/?tab=users&o=1", "input[form=tab-actions][name=_selected_action]"),
    "list": ("/admin/core/user/?team={}", "#result_list input.action-select"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_dialog_about_chosen_rows_opens_over_them(
    page: Page, sign_in, root, ana, bo, acme, place, screenshot
):
    TagFactory(name="Night shift")
    sign_in(page, root)
    address, boxes = PLACES[place][0].format(acme.pk), page.locator(PLACES[place][1])
    page.goto(address)
    there, dialog = page.url, page.locator("#modal-content #dialog")
    for box in boxes.all()[:2]:
        box.focus()
        page.keyboard.press("Space")
    if place == "list":
        page.locator("select[name=action]").select_option(label="Add Tag")
    opener = page.get_by_role("button", name="Run" if place == "list" else "Add Tag", exact=True)

    opener.focus()
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("2 people:")
    screenshot(page, f"chosen-{place}", full_page=False)
    expect(dialog.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    assert [box.is_checked() for box in boxes.all()] == [True, True, *[False] * (boxes.count() - 2)]

    page.keyboard.press("Enter")
    submit = dialog.get_by_role("button", name="Add Tag", exact=True)
    submit.click()
    expect(dialog.locator(".errors, .errorlist").first).to_be_visible()
    expect(dialog).to_contain_text("2 people:")
    dialog.locator(".select2-selection").click()
    page.get_by_role("option", name="Night shift").click()
    submit.click()

    expect(page.get_by_text("The tag Night shift was added to 2 people.")).to_be_visible()
    expect(dialog).to_have_count(0)
    expect(page).to_have_url(there)
    assert not any(box.is_checked() for box in boxes.all())
    assert User.objects.filter(tags__name="Night shift").count() == 2
