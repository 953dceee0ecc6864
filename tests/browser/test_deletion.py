"""Deleting a user in a browser: the dialog, the confirmation, and the result here and in Thinkific."""

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from core.models import OutboxEntry, SiteSettings, User
from tests.factories import EnrollmentFactory

from .test_dialogs import work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ana_there(ana, connected):
    """Ana, with a Thinkific account and an enrollment."""
    fields = {"email": ana.email, "first_name": "Ana", "last_name": "Ames"}
    remote = connected.site.write("create_user", fields=fields)
    User.objects.filter(pk=ana.pk).update(thinkific_id=remote.id)
    EnrollmentFactory(user=ana)
    connection.close()
    return User.objects.get(pk=ana.pk)


def let_settings_delete() -> None:
    settings = SiteSettings.load()
    settings.delete_students = True
    settings.save()


def open_dialog(page: Page, user: User) -> None:
    page.goto(f"/admin/core/user/{user.pk}/change/")
    page.get_by_role("link", name="Delete User").click()
    expect(page.locator("#modal-content #dialog")).to_be_visible()


def test_where_the_settings_keep_the_account_only_the_copy_here_goes(
    page: Page, sign_in, root, ana_there, connected, screenshot
):
    sign_in(page, root)
    open_dialog(page, ana_there)

    expect(page.locator("#dialog")).to_contain_text("The Thinkific account stays")
    expect(page.locator("#dialog")).to_contain_text("“delete students in Thinkific”")
    screenshot(page, "dialog-delete-here", full_page=False)
    page.fill("#id_email", "ana@acme.example")
    page.locator("#dialog").get_by_role("button", name="Delete User").click()
    expect(page.get_by_text("Ana Ames is deleted.")).to_be_visible()
    work()
    assert not User.objects.filter(pk=ana_there.pk).exists()
    assert ana_there.thinkific_id in connected.site.users


def test_a_user_is_deleted_by_typing_the_address(page: Page, sign_in, root, ana_there, connected, screenshot):
    let_settings_delete()
    sign_in(page, root)
    open_dialog(page, ana_there)
    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text("1 enrollment and 1 team membership")
    account = f"The Thinkific account {ana_there.thinkific_id}"
    expect(dialog).to_contain_text(f"{account} is deleted too, permanently")
    screenshot(page, "dialog-delete", full_page=False)

    page.fill("#id_email", "bo@acme.example")
    dialog.get_by_role("button", name="Delete User").click()
    expect(page.locator("#dialog")).to_contain_text("This is not the e-mail of Ana Ames")
    assert User.objects.filter(pk=ana_there.pk).exists()
    assert not OutboxEntry.objects.exists()
    assert ana_there.thinkific_id in connected.site.users

    page.fill("#id_email", "ana@acme.example")
    page.locator("#dialog").get_by_role("button", name="Delete User").click()
    expect(page.get_by_text("Ana Ames is deleted.")).to_be_visible()
    assert page.url.endswith("/admin/core/user/")
    work()
    assert not User.objects.filter(email="ana@acme.example").exists()
    assert ana_there.thinkific_id not in connected.site.users


def test_the_question_fits_a_narrow_dark_screen(page: Page, sign_in, root, ana_there, screenshot):
    let_settings_delete()
    sign_in(page, root)
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    open_dialog(page, ana_there)

    box = page.locator("#dialog").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    screenshot(page, "dialog-delete-narrow-dark", full_page=False)
