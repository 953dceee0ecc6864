"""An open page stays current: what it shows is updated, or an update is offered; notices do not cover it."""

import pytest
from playwright.sync_api import Page, Route, expect

from core.models import OutboxEntry, SiteSettings, User
from core.services.site import notices
from tests.factories import EnrollmentFactory, OutboxEntryFactory

LISTED = "/admin/core/user/"


def test_a_persons_page_moves_with_their_rows(page: Page, root: User, ana: User, sign_in, screenshot):
    enrollment = EnrollmentFactory(user=ana, push_state="failed")
    entry = OutboxEntryFactory(
        entity="enrollment", object_id=enrollment.pk, person=ana, status="failed", error="Course is a draft"
    )
    sign_in(page, root)
    page.goto(f"/admin/core/user/{ana.pk}/change/?tab=enrollments")
    expect(page.locator("[data-testid=tab-table]")).to_contain_text("Course is a draft")
    screenshot(page, "refused-enrollment")

    page.locator("[data-testid=tab-table]").get_by_role("link", name="Retry").click()
    page.locator("#dialog").get_by_role("button", name="Retry").click()
    expect(page.locator("[data-testid=tab-table]")).to_contain_text("Waiting to be sent")
    assert OutboxEntry.objects.get(pk=entry.pk).status == "pending"
    OutboxEntry.objects.update(status="done")
    type(enrollment).objects.update(push_state="clean", thinkific_id=5, percentage_completed="0.5")

    expect(page.locator("[data-testid=tab-table]")).to_contain_text("50 %")
    expect(page.locator("[data-testid=tab-table]")).not_to_contain_text("Waiting")
    User.objects.filter(pk=ana.pk).update(first_name="Anna-Lena")
    expect(page.locator("[data-region=title]")).to_contain_text("Anna-Lena")
    # What was put in its place still works.
    page.locator("[data-testid=tab-table]").get_by_role("link", name="End Access").click()
    expect(page.locator("#dialog")).to_contain_text("can no longer open")


def test_a_list_changes_in_place_and_offers_what_is_new(
    page: Page, root: User, ana: User, sign_in, screenshot
):
    sign_in(page, root)
    page.goto(LISTED)
    row = page.locator("tr.data-row", has_text="Ana Ames")
    expect(row).to_contain_text("Not in Thinkific")

    User.objects.filter(pk=ana.pk).update(thinkific_id=4711)
    expect(row).to_contain_text("4711")
    expect(row.get_by_role("link", name="Create Thinkific Account")).to_have_count(0)

    User.objects.filter(pk=ana.pk).delete()
    expect(page.get_by_text("This list has changed.")).to_be_visible()
    expect(row).to_have_count(1)  # nothing moved under the hand
    screenshot(page, "list-offers-what-is-new", full_page=False)
    page.get_by_role("button", name="Show it as it is now").click()
    expect(row).to_have_count(0)


def test_a_dialog_opens_though_its_button_was_replaced_meanwhile(page: Page, root: User, ana: User, sign_in):
    """The page was updated between the click and the answer."""
    enrollment = EnrollmentFactory(user=ana, percentage_completed="0.25", thinkific_id=5)
    sign_in(page, root)
    page.goto(f"/admin/core/user/{ana.pk}/change/?tab=enrollments")
    table = page.locator("[data-testid=tab-table]")
    held: list[Route] = []
    page.route(f"**/do/end-access/{enrollment.pk}/", lambda route: held.append(route))
    table.get_by_role("link", name="End Access").click()
    type(enrollment).objects.update(percentage_completed="0.5")
    expect(table).to_contain_text("50 %")
    held[0].continue_()

    expect(page.locator("#dialog")).to_be_visible()
    page.locator("#dialog").get_by_role("link", name="Cancel").click()
    expect(page.locator("#dialog")).to_be_hidden()


def test_nothing_is_asked_while_nobody_looks(page: Page, root: User, sign_in):
    page.add_init_script(
        "Object.defineProperty(document, 'hidden', { get: () => sessionStorage.getItem('away') === 'yes' });"
    )
    sign_in(page, root)
    with page.expect_request("**/admin/live/**"):
        page.goto(LISTED)
    page.evaluate("sessionStorage.setItem('away', 'yes')")
    page.wait_for_timeout(4500)  # the question that was planned
    asked: list[str] = []
    page.on("request", lambda request: "/live/" in request.url and asked.append(request.url))
    page.wait_for_timeout(4500)

    assert asked == []
    with page.expect_request("**/admin/live/**"):
        page.evaluate(
            "sessionStorage.setItem('away', 'no'); document.dispatchEvent(new Event('visibilitychange'))"
        )


@pytest.mark.parametrize("width", [1440, 390])
def test_several_notices_are_one_card(page: Page, root: User, sign_in, screenshot, width):
    page.set_viewport_size({"width": width, "height": 900})
    for kind in ("Users", "Products", "Groups", "Enrollments", "Certificates", "Quiz results"):
        notices.tell([root], f"{kind}: 300 new, 0 changed.", level="success", url="/admin/tools/")
    notices.tell([root], "Course content: the pull failed.", level="error")
    sign_in(page, root)

    expect(page.locator(".d-toast")).to_have_count(1)
    expect(page.locator(".d-toast")).to_contain_text("7 notices, 1 of them with a problem.")
    screenshot(page, f"notices-sum-up-{width}", full_page=False)
    box = page.locator(".d-toast").bounding_box()
    assert box["height"] <= 100
    # One that comes while the card is there joins it; alone it says itself what it is.
    notices.tell([root], "Seats recalculated: every count was right.")
    expect(page.locator(".d-toast")).to_contain_text("8 notices")
    page.locator(".d-toast button").click()
    notices.tell([root], "Groups: 3 new.")
    expect(page.locator(".d-toast")).to_contain_text("Groups: 3 new.")

    page.get_by_role("button", name="Notices").click()
    expect(page.locator(".d-bell-list")).to_contain_text("Course content: the pull failed.")


@pytest.mark.parametrize("width", [1300, 390])
def test_a_notice_never_covers_the_main_button_of_the_page(
    page: Page, root: User, sign_in, width, screenshot
):
    SiteSettings.load()
    page.set_viewport_size({"width": width, "height": 800})
    sign_in(page, root)
    page.goto("/admin/core/sitesettings/1/change/?tab=general")
    save = page.locator("#submit-row button[type=submit]").first
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    notices.tell([root], "Users: 60 fetched, 12 updated.", level="warning", url="/admin/")
    expect(page.locator(".d-toast")).to_be_visible()

    for place in (0, 300, 100_000):
        page.evaluate(f"window.scrollTo(0, {place})")
        page.wait_for_timeout(200)
        card, button = page.locator(".d-toast").bounding_box(), save.bounding_box()
        assert card and button
        apart = (
            card["y"] + card["height"] <= button["y"]
            or button["y"] + button["height"] <= card["y"]
            or card["x"] + card["width"] <= button["x"]
            or button["x"] + button["width"] <= card["x"]
        )
        assert apart, (place, card, button)
        assert card["y"] >= 0 and card["y"] + card["height"] <= 800
    screenshot(page, f"notice-{width}", full_page=False)
    page.locator("#submit-row button[type=submit]").first.click()
    expect(page.get_by_text("settings saved.")).to_be_visible()
