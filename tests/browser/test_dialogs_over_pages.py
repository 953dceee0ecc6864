"""Dialogs over a page: the page behind them, the position of their choices, and repeated clicks."""

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from core.models import Membership, User
from tests.browser.conftest import PASSWORD
from tests.factories import TeamFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

DIALOG = "#modal-content #dialog"


def people_tab(team) -> str:
    return f"/admin/core/team/{team.pk}/change/?tab=users"


def test_an_error_stays_in_the_dialog_and_the_page_behind_it(page: Page, sign_in, root, ana, screenshot):
    sign_in(page, root)
    page.goto(f"/admin/core/user/{ana.pk}/change/")
    page.evaluate("document.body.dataset.kept = 'yes'")
    page.get_by_role("link", name="Edit Profile").click()
    expect(page.locator(DIALOG)).to_be_visible()

    page.fill("#id_email", "not an address")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(DIALOG)).to_contain_text("is not an e-mail address")
    screenshot(page, "dialog-error", full_page=False)
    assert page.evaluate("document.body.dataset.kept") == "yes"
    expect(page.locator("#id_email")).to_be_focused()

    page.fill("#id_email", ana.email)
    page.fill("#id_first_name", "Anna")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Anna Ames is saved.")).to_be_visible()
    assert User.objects.get(pk=ana.pk).first_name == "Anna"


def test_a_session_that_ended_leads_to_sign_in_and_back(page: Page, sign_in, root, ana):
    sign_in(page, root)
    page.goto(f"/admin/core/user/{ana.pk}/change/")
    Session.objects.all().delete()

    page.get_by_role("link", name="Edit Profile").click()

    page.wait_for_url("**/admin/login/**")
    page.fill("input[name=username]", root.email)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(f"**/admin/core/user/{ana.pk}/change/")


def test_no_empty_box_opens_where_a_button_leads_to_sign_in(page: Page, sign_in, root, settings):
    """The buttons of lists, whose dialog is drawn by Unfold."""
    settings.THINKIFIC_SUBDOMAIN, settings.THINKIFIC_API_KEY = "acme", "0" * 32
    sign_in(page, root)
    page.goto("/admin/core/product/")
    page.route(
        "**/admin/login/**", lambda route: route.fulfill(status=204)
    )  # what stands there until it comes
    Session.objects.all().delete()

    with page.expect_request(lambda asked: asked.is_navigation_request()) as left:
        page.get_by_role("link", name="Sync Products").click()

    assert left.value.url.endswith("/admin/login/?next=%2Fadmin%2Fcore%2Fproduct%2F")
    assert page.evaluate("document.getElementById('modal-content')?.offsetParent ?? null") is None


def test_what_no_longer_applies_is_said_on_the_page(page: Page, sign_in, root, ana, acme):
    sign_in(page, root)
    page.route("**/admin/live/", lambda route: route.abort())  # which would take the row away first
    page.goto(people_tab(acme))
    Membership.objects.filter(user=ana).delete()

    page.locator("tr", has_text="Ana Ames").get_by_role("link", name="Change Role").click()

    expect(page.get_by_text("This row is no longer there, or no longer needs this.")).to_be_visible()
    expect(page.locator("#modal-content")).to_be_hidden()
    expect(page.locator("tr", has_text="Ana Ames")).to_have_count(0)


@pytest.mark.parametrize("impatience", ["double click", "keys", "slow network"])
def test_a_submit_is_never_lost_and_never_twice(page: Page, sign_in, root, acme, impatience):
    """Open the dialog twice, fill it in at once, send it by Enter and then again."""
    sign_in(page, root)
    sent: list[str] = []
    page.on("request", lambda request: request.method == "POST" and sent.append(request.url))
    page.goto(people_tab(acme))
    opener = page.locator("[data-testid=dialog-buttons]").get_by_role("link", name="Add User")
    if impatience == "slow network":
        page.route("**/do/add-user/", lambda route: (page.wait_for_timeout(300), route.continue_()))
    if impatience == "keys":
        opener.focus()
        for _ in range(4):
            page.keyboard.press("Enter")
    else:
        opener.dblclick()
    page.fill("#id_first_name", "Nia")
    page.locator("#id_email").press_sequentially("nia@acme.example")
    page.locator("#id_email").press("Enter")
    page.keyboard.press("Enter")

    expect(page.get_by_text("nia@acme.example is in Acme as Student now")).to_be_visible()
    nia = User.objects.get(email="nia@acme.example")
    assert (nia.first_name, Membership.objects.filter(user=nia, team=acme).count()) == ("Nia", 1)
    assert len([url for url in sent if "add-user" in url]) == 1


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("place", ["dialog", "tools"])
def test_choices_are_whole_and_cover_no_button(page: Page, sign_in, root, ana, width, place, screenshot):
    for number in range(15):
        TeamFactory(name=f"Team {number:02}", owner=UserFactory())
    sign_in(page, root)
    page.set_viewport_size({"width": width, "height": 844})
    if place == "dialog":
        page.goto(f"/admin/core/user/{ana.pk}/change/?tab=teams")
        page.get_by_role("link", name="Add to Team").click()
        box, submit = page.locator(DIALOG), page.locator(DIALOG).get_by_role("button", name="Add to Team")
    else:
        page.goto("/admin/tools/")
        page.click("[data-dialog=tool-import-users]")
        box = page.locator("#tool-import-users")
        submit = box.locator("button[type=submit]")
    # Pressed as long as people do: the list that opens meanwhile must not take it for a choice.
    box.locator(".select2-selection").first.click(delay=600)
    results = page.locator(".select2-results__option", has_text="Team 0")
    expect(results.first).to_be_visible()
    screenshot(page, f"choices-{place}-{width}", full_page=False)

    dropdown = page.locator(".select2-dropdown")
    submit.scroll_into_view_if_needed()
    button, below, inside = submit.bounding_box(), dropdown.bounding_box(), box.bounding_box()
    assert button["y"] >= below["y"] + below["height"]
    assert below["x"] >= inside["x"] - 1
    assert below["x"] + below["width"] <= inside["x"] + inside["width"] + 1
    dropdown.scroll_into_view_if_needed()
    results.nth(1).click()
    expect(dropdown).to_have_count(0)
    expect(submit).to_be_visible()


def test_a_button_is_pressed_while_choices_are_open(page: Page, sign_in, root, ana):
    """The list closes at the press, and what is below it moves: not before the button is let go."""
    TeamFactory(name="Team 00", owner=UserFactory())
    sign_in(page, root)
    page.goto(f"/admin/core/user/{ana.pk}/change/?tab=teams")
    page.get_by_role("link", name="Add to Team").click()
    dialog = page.locator(DIALOG)
    dialog.locator(".select2-selection").first.click()
    expect(page.locator(".select2-results__option", has_text="Team 00")).to_be_visible()

    dialog.get_by_role("button", name="Add to Team").click()

    expect(dialog).to_contain_text("Choose a team.")
