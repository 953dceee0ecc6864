"""From the list of users: a filter as a chip, more columns, and people chosen to join a team."""

from playwright.sync_api import Page, expect

from core.models import Membership
from tests.factories import MembershipFactory, builtin_role


def test_people_are_chosen_and_join_a_team(
    page: Page, sign_in, root, ana, bo, otto, acme, globex, screenshot
):
    sign_in(page, root)
    page.goto(f"/admin/core/user/?team={acme.pk}")
    rows = page.locator("#result_list tbody tr")
    expect(rows).to_have_count(3)

    page.get_by_role("button", name="Columns").click()
    page.get_by_label("Teams").check()
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("link", name="Team: Acme")).to_be_visible()
    expect(rows.filter(has_text="Ana Ames").locator(".field-team_names")).to_have_text("Acme")

    page.get_by_role("link", name="Team: Acme").click()
    expect(page.get_by_role("link", name="Clear all")).to_have_count(0)
    for name in ("Ana Ames", "Bo Berg", "Otto Oberg"):
        rows.filter(has_text=name).locator("input.action-select").check()
    screenshot(page, "users-chosen", full_page=False)
    page.locator("select[name=action]").select_option("Add to Team")
    page.get_by_role("button", name="Run").click()
    dialog = page.locator("#modal-content #dialog")
    dialog.locator(".select2-selection").click()
    page.keyboard.type("Glo")
    page.get_by_role("option", name="Globex").click()
    dialog.get_by_role("button", name="Add to Team").click()
    expect(dialog.get_by_role("alert")).to_contain_text(
        "2 people will join Globex as Student. 1 is in it already"
    )
    screenshot(page, "users-confirm", full_page=False)
    dialog.get_by_role("button", name="Yes, add to team").click()

    expect(page.get_by_text("2 people joined Globex. 1 was in it already.")).to_be_visible()
    assert Membership.objects.filter(team=globex, user__in=[ana, bo, otto]).count() == 3


def test_who_lost_the_right_meanwhile_is_told_so_in_the_dialog(page: Page, sign_in, mara, bo, acme):
    MembershipFactory(user=bo)
    sign_in(page, mara)
    page.goto(f"/admin/core/team/{acme.pk}/change/?tab=users")
    row = page.get_by_test_id("tab-table").locator("tbody tr").filter(has_text="Bo Berg")
    row.get_by_role("checkbox").check()
    page.get_by_test_id("tab-actions").get_by_role("button", name="Remove from Team").click()
    dialog = page.locator("#modal-content #dialog")
    expect(dialog).to_be_visible()
    Membership.objects.filter(user=mara).update(role=builtin_role("student"))
    page.locator("#modal-content").get_by_role("button", name="Remove from Team").click()

    expect(page.get_by_text("You may no longer do this.")).to_be_visible()
    assert Membership.objects.filter(user=bo, team=acme).exists()
