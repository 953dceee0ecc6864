"""The dialogs in a browser, with the stand-in for Thinkific and a real drain."""

import threading

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from core.models import Enrollment, GroupAssignment, GroupMembership, OutboxEntry, User
from integrations.thinkific.push.drain import drain
from tests.factories import ProductFactory, ThinkificGroupFactory

pytestmark = pytest.mark.django_db(transaction=True)


def work() -> None:
    """Does what the worker does when it is woken."""

    def drain_once():
        drain(seconds=20)
        connection.close()

    worker = threading.Thread(target=drain_once)
    worker.start()
    worker.join()
    assert not OutboxEntry.objects.unsent().exists()


def choose(page: Page, field: str, typed: str) -> None:
    """Pick from a field whose choices are found by typing."""
    page.locator(f"#dialog .select2-container:near(label[for=id_{field}])").first.click()
    page.locator(".select2-search__field").last.fill(typed)
    page.locator(".select2-results__option--highlighted", has_text=typed).click()


@pytest.fixture
def course(connected):
    remote = next(iter(connected.site.courses))
    return ProductFactory(name="Knitting 101", productable_type="Course", productable_id=remote["id"])


def test_an_added_user_gets_an_account_in_thinkific(page: Page, sign_in, root, acme, connected, screenshot):
    sign_in(page, root)
    page.goto("/admin/core/user/")
    page.get_by_role("link", name="Add User").click()

    page.fill("#id_email", "not an address")
    page.get_by_role("button", name="Add User").click()
    expect(page.locator("#dialog")).to_contain_text("is not an e-mail address")
    page.fill("#id_first_name", "Nia")
    page.fill("#id_last_name", "Novak")
    page.fill("#id_email", "nia@acme.example")
    choose(page, "teams", "Acme")
    screenshot(page, "dialog-add-user")
    page.get_by_role("button", name="Add User").click()
    page.get_by_role("link", name="Open it").click()

    expect(page.locator("[data-testid=sync-state]")).to_contain_text("Waiting to be sent")
    expect(page.get_by_role("link", name="Create Thinkific Account")).to_be_visible()
    screenshot(page, "user-waiting")
    work()

    # Without loading the page again.
    expect(page.locator("[data-testid=sync-state]")).to_contain_text("In step")
    expect(page.get_by_role("link", name="Create Thinkific Account")).to_have_count(0)
    user = User.objects.get(email="nia@acme.example")
    remote = next(u for u in connected.site.users if u.email == "nia@acme.example")
    assert user.thinkific_id == remote.id
    assert [m.team for m in user.memberships.all()] == [acme]


def test_enrolling_and_ending_access_over_the_users_page(
    page: Page, sign_in, root, ana, course, connected, screenshot
):
    sign_in(page, root)
    page.goto(f"/admin/core/user/{ana.pk}/change/?tab=enrollments")
    page.get_by_role("link", name="Add Enrollment").click()
    choose(page, "products", "Knitting")
    screenshot(page, "dialog-enroll", full_page=False)
    page.locator("#dialog").get_by_role("button", name="Add Enrollment").click()
    expect(page.locator("[data-testid=tab-table]")).to_contain_text("Knitting 101")
    work()
    enrollment = Enrollment.objects.get(user=ana)
    assert enrollment.thinkific_id is not None

    page.reload()
    page.get_by_role("link", name="End Access").click()
    expect(page.locator("#dialog")).to_contain_text("Thinkific cannot delete enrollments")
    screenshot(page, "dialog-end-access", full_page=False)
    page.locator("#dialog").get_by_role("button", name="End Access").click()
    expect(page.locator("[data-testid=tab-table]")).to_contain_text("Expired")
    work()
    enrollment.refresh_from_db()
    assert enrollment.status == "expired"
    remote = next(e for e in connected.site.enrollments if e.id == enrollment.thinkific_id)
    assert remote.expiry_date is not None


def test_quick_assign_team_sends_the_team_to_the_group(
    page: Page, sign_in, root, acme, ana, connected, screenshot
):
    remote = next(iter(connected.site.groups))
    group = ThinkificGroupFactory(name=remote["name"], thinkific_id=remote["id"])
    sign_in(page, root)
    page.goto("/admin/core/thinkificgroup/")
    page.get_by_role("link", name="Quick Assign Team").first.click()
    choose(page, "team", "Acme")
    page.select_option("#id_direction", "dashboard_to_thinkific")
    screenshot(page, "dialog-quick-assign", full_page=False)
    page.get_by_role("button", name="Assign", exact=True).click()
    who_goes = f"people of Acme will join the group {group} in Thinkific."
    expect(page.get_by_role("alert")).to_contain_text(who_goes)
    page.get_by_role("button", name="Yes, assign").click()

    expect(page.get_by_text(f"{group} is assigned to Acme now")).to_contain_text(who_goes)
    assert GroupAssignment.objects.get().direction == "dashboard_to_thinkific"
    work()
    assert set(GroupMembership.objects.filter(group=group).values_list("push_state", flat=True)) == {"clean"}
    page.goto(f"/admin/core/thinkificgroup/{group.pk}/change/?tab=teams")
    screenshot(page, "group-teams")


def test_the_cancel_button_and_a_narrow_dark_screen(page: Page, sign_in, root, ana, bo, acme, screenshot):
    sign_in(page, root)
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    page.goto(f"/admin/core/user/{ana.pk}/change/")
    page.get_by_role("link", name="Edit Profile").click()
    expect(page.locator("#modal-content #dialog")).to_be_visible()
    screenshot(page, "dialog-narrow-dark", full_page=False)
    page.locator("#dialog").get_by_role("link", name="Cancel").click()
    expect(page.locator("#modal-content")).to_be_hidden()
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    screenshot(page, "user-narrow-dark")
