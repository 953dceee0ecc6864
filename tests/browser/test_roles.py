"""A role is edited, and its holder notices at once; a permission of one membership is denied."""

from playwright.sync_api import Browser, Page, expect

from core.models import Membership, Role


def test_a_role_is_edited_and_felt_by_its_holder_at_once(
    page: Page, browser: Browser, base_url, sign_in, alma, mara, ana, acme, screenshot
):
    holder = browser.new_context(base_url=base_url).new_page()
    sign_in(holder, mara)
    export = holder.get_by_role("link", name="Export", exact=True)
    holder.goto("/admin/core/user/")
    expect(export).to_be_visible()

    sign_in(page, alma)
    page.goto("/admin/core/role/")
    page.get_by_role("link", name="Manager").click()
    page.get_by_role("link", name="Permissions", exact=True).click()
    page.get_by_placeholder("Search permissions").fill("export")
    expect(page.get_by_label("Export reports")).to_be_visible()
    expect(page.get_by_label("View teams")).to_be_hidden()
    screenshot(page, "role-permissions")
    page.get_by_label("Export reports").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Permissions saved. They hold at once for 1 person")).to_be_visible()

    holder.reload()
    expect(export).to_have_count(0)

    page.get_by_label("Category").select_option("Reports")
    page.get_by_label("Export reports").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Permissions saved.")).to_be_visible()
    holder.reload()
    expect(export).to_be_visible()
    holder.context.close()


def test_a_role_is_added_given_and_its_deletion_refused(page: Page, sign_in, alma, mara, acme, screenshot):
    sign_in(page, alma)
    page.goto("/admin/core/role/")
    page.get_by_role("link", name="Add Role").click()
    page.get_by_label("Name").fill("Course Coach")
    for label in ("View users", "View teams"):
        page.get_by_label(label).check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The role Course Coach is made.")).to_be_visible()
    role = Role.objects.get(name="Course Coach")
    assert role.permissions == ["teams.view", "users.view"]

    Membership.objects.filter(user=mara).update(role=role)
    page.get_by_role("link", name="Open it").click()
    expect(page.get_by_text("1 person has this role.")).to_be_visible()
    page.get_by_role("link", name="Delete Role").click()
    expect(page.get_by_role("dialog")).to_contain_text("1 person has this role. Give them another role first")
    screenshot(page, "role-delete", full_page=False)
    assert Role.objects.filter(pk=role.pk).exists()


def test_a_permission_is_denied_in_one_team(page: Page, sign_in, owen, mara, acme, screenshot):
    sign_in(page, owen)
    page.goto(f"/admin/core/team/{acme.pk}/change/?tab=users")
    row = page.get_by_role("row").filter(has_text=mara.email)
    row.get_by_role("link", name="Permissions").click()
    page.get_by_label("Delete enrollments").select_option("Deny")
    screenshot(page, "membership-permissions", full_page=False)
    page.get_by_role("button", name="Save").click()

    expect(row).to_contain_text("Denied: Delete enrollments")
    assert Membership.objects.get(user=mara, team=acme).overrides == {"enrollments.delete": "deny"}
