"""The daily work with people: adding a user, tags and notes, and a group that is assigned to a team."""

from playwright.sync_api import Page, expect

from core.models import GroupAssignment, Note, User
from tests.factories import TagFactory, ThinkificGroupFactory


def pick(page: Page, field: str, words: str, name: str) -> None:
    """Choose in a picker of a dialog by typing."""
    page.locator(f"#dialog :has(> #id_{field}) .select2-selection").click()
    page.keyboard.type(words)
    page.get_by_role("option", name=name).click()


def test_a_user_is_added_to_two_teams_with_two_roles(page: Page, sign_in, root, acme, globex, screenshot):
    sign_in(page, root)
    page.goto("/admin/core/user/")
    page.get_by_role("link", name="Add User").click()
    page.fill("#dialog input[name=first_name]", "Nia")
    page.fill("#dialog input[name=email]", "nia@acme.example")
    pick(page, "teams", "Acm", "Acme")
    pick(page, "more_teams", "Glo", "Globex")
    page.locator("#dialog select[name=more_role]").select_option("Manager")
    screenshot(page, "add-user")
    page.locator("#dialog button[type=submit]").first.click()

    expect(page.get_by_text("in Acme as Student, and in Globex as Manager")).to_be_visible()
    roles = {m.team: m.role.code for m in User.objects.get(email="nia@acme.example").memberships.all()}
    assert roles == {acme: "student", globex: "manager"}


def test_tags_and_notes_on_a_users_page(page: Page, sign_in, mara, ana, acme, screenshot):
    TagFactory(name="Elsewhere")
    sign_in(page, mara)
    page.goto(f"/admin/core/user/{ana.pk}/change/")
    page.locator("a.d-button", has_text="Edit Tags").click()
    page.fill("#dialog input[name=new]", "Night shift")
    page.locator("#dialog button[type=submit]").first.click()
    expect(page.get_by_text("Ana Ames has the tag Night shift now.")).to_be_visible()
    page.get_by_role("link", name="Night shift").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)

    page.goto(f"/admin/core/user/{ana.pk}/change/?tab=notes")
    page.locator("a.d-button", has_text="Add Note").click()
    page.fill("#dialog textarea", "First line\nSecond line <b>plain</b>")
    screenshot(page, "note-dialog")
    page.locator("#dialog button[type=submit]").first.click()
    cell = page.locator(".cell-long")
    expect(cell).to_have_text("First line\nSecond line <b>plain</b>")
    page.get_by_role("link", name="Edit", exact=True).click()
    expect(page.locator("#dialog textarea")).to_have_value("First line\nSecond line <b>plain</b>")
    page.fill("#dialog textarea", "word " * 300)
    page.locator("#dialog button[type=submit]").first.click()
    page.get_by_text("Show all").click()
    expect(page.get_by_text("Show less")).to_be_visible()
    page.get_by_role("link", name="Delete", exact=True).click()
    page.locator("#dialog button[type=submit]").first.click()
    expect(page.get_by_text("The note is deleted.")).to_be_visible()
    assert not Note.objects.exists()


def test_all_that_match_get_a_tag(page: Page, sign_in, root, ana, bo, acme, screenshot):
    tag = TagFactory(name="Pilot")
    sign_in(page, root)
    page.goto(f"/admin/core/user/?team={acme.pk}")
    for row in page.locator("#result_list tbody tr input.action-select").all():
        row.check()
    page.locator("select[name=action]").select_option("Add Tag")
    page.get_by_role("button", name="Run").click()
    pick(page, "tags", "Pil", "Pilot")
    screenshot(page, "tag-chosen")
    page.locator("#dialog button[type=submit]").first.click()

    expect(page.get_by_text("The tag Pilot was added to 3 people.")).to_be_visible()
    page.goto("/admin/core/tag/")
    page.locator("#result_list").get_by_role("link", name="3", exact=True).click()
    expect(page.locator("#result_list tbody tr")).to_have_count(3)
    assert set(tag.users.all()) == {ana, bo, acme.owner}


def test_a_group_is_quickly_assigned_to_a_team(page: Page, sign_in, root, acme, screenshot):
    group = ThinkificGroupFactory(name="Interns", thinkific_id=7)
    sign_in(page, root)
    page.goto("/admin/core/thinkificgroup/")
    page.get_by_role("link", name="Quick Assign Team").click()
    pick(page, "team", "Acm", "Acme")
    page.locator("#dialog select[name=direction]").select_option("Dashboard-to-Thinkific")
    screenshot(page, "quick-assign")
    page.get_by_role("button", name="Assign", exact=True).click()
    page.get_by_role("button", name="Yes, assign").click()

    expect(page.get_by_text("Interns is assigned to Acme now, Dashboard-to-Thinkific.")).to_be_visible()
    assert GroupAssignment.objects.get(group=group).direction == "dashboard_to_thinkific"
    page.goto(f"/admin/core/thinkificgroup/{group.pk}/change/?tab=teams")
    page.get_by_role("link", name="Change Direction").click()
    page.locator("#dialog select[name=direction]").select_option("Disabled")
    page.locator("#dialog button[type=submit]").first.click()
    expect(page.get_by_role("cell", name="Disabled")).to_be_visible()
