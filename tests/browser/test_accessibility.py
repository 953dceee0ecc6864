"""Every screen is checked with axe-core: no serious and no critical finding, in light and in dark."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from core.models import User
from tests.browser import axe
from tests.core.admin.walk.addresses import addresses, lists
from tests.core.admin.walk.world import World, build

OUTSIDE = [
    "/admin/login/",
    "/admin/password/forgotten/",
    "/admin/password/forgotten/sent/",
    "/admin/password/new/x/y/",
    "/admin/password/new/done/",
    "/admin/invitation/x/y/",
    "/admin/email-change/x/y/",
    "/admin/sign-in/by-mail/",
    "/admin/sign-in/by-mail/sent/",
    "/admin/sign-in/x/y/",
    "/no-such-page/",
]
INSIDE = [
    "/admin/",
    "/admin/history/",
    "/admin/notices/",
    "/admin/tools/",
    "/admin/tools/csv/",
    "/admin/tools/group-matching/",
    "/admin/tools/migration/",
    "/admin/imports/new/",
    "/admin/password_change/",
    "/admin/no-such-page/",
]
VIEWS = {"changelist", "change", "history", "add"}
PARTS = 4  # of the walk over all screens, for as many processes


@pytest.fixture
def world(db) -> World:
    return build()


def of_screen(world: World, model: type) -> list[str]:
    """Returns the addresses of the screen's list, of one row with its tabs and its history, and of every
    dialog."""
    screen, row = world.screens()[model], world.own.get(model) or world.foreign[model]
    rows = [part.pk for part in world.parts["own"]]
    found = [one for part in rows for one in [*lists(screen), *addresses(screen, row.pk, part)]]
    pages = dict.fromkeys(one.path for one in found if one.view in VIEWS or one.dialog)
    base = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    tabs = [f"{reverse(base, args=[row.pk])}?tab={tab.slug}" for tab in screen.tabs]
    return [*pages, *tabs]


def different(page: Page, paths: list[str]) -> list[str]:
    """Returns the addresses without those that show what an earlier one does: the page of a refusal, or a
    page to which the address of a row that is of another kind leads back."""
    shown: dict[tuple, str] = {}
    for path in paths:
        answer = page.request.get(path)
        if answer.headers.get("content-type", "").startswith("text/html"):
            led = not answer.url.endswith(path)  # there a notice says why
            shown.setdefault((answer.status, led, answer.url if answer.ok else ""), path)
    return list(shown.values())


def findings(page: Page, paths: list[str]) -> dict[str, list[str]]:
    axe.in_every_page(page)
    found = {}
    for path in paths:
        page.goto(path)
        if there := axe.in_both_schemes(page):
            found[path] = there
    return found


# Different pages in each part of the screens: a manager is refused most of them.
FEWEST = {"superuser": 10, "manager": 2}


@pytest.mark.longest
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("who", ["superuser", "manager"])
def test_every_screen_and_dialog(page: Page, sign_in, world, who, part):
    sign_in(page, world.people[who])
    screens = list(world.screens())[part::PARTS]
    paths = [path for model in screens for path in of_screen(world, model)]
    if part == 0:
        paths += INSIDE

    shown = different(page, paths)
    found = findings(page, shown)

    assert len(shown) > FEWEST[who]
    assert not found, axe.told(found)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/admin/", "/admin/core/enrollment/"])
def test_the_pages_of_a_student(page: Page, sign_in, world, path):
    sign_in(page, world.people["student"])

    found = findings(page, [path])

    assert not found, axe.told(found)


def test_the_pages_for_visitors(page: Page, db):
    found = findings(page, OUTSIDE)

    assert not found, axe.told(found)


def test_the_most_used_pages(page: Page, sign_in, world):
    """The quick part of the walk, which is slow."""
    sign_in(page, world.people["manager"])
    person = world.own[User].pk
    paths = ["/admin/", "/admin/core/user/", f"/admin/core/user/{person}/change/"]

    found = findings(page, paths)

    assert not found, axe.told(found)


@pytest.mark.parametrize("width", [390, 800])
def test_the_most_used_pages_on_narrow_screens(page: Page, sign_in, world, width):
    """What opens the actions above the page is a button only there."""
    page.set_viewport_size({"width": width, "height": 900})
    sign_in(page, world.people["superuser"])
    paths = [
        "/admin/",
        *(f"/admin/core/{model}/" for model in ("user", "team", "seat", "role", "enrollment")),
        f"/admin/core/user/{world.own[User].pk}/change/",
        "/admin/core/user/do/add/",
    ]

    found = findings(page, paths)

    assert not found, axe.told(found)


def test_the_actions_open_by_a_named_button_on_narrow_screens(page: Page, sign_in, world):
    page.set_viewport_size({"width": 390, "height": 900})
    sign_in(page, world.people["superuser"])
    page.goto("/admin/core/user/")
    more = page.get_by_role("button", name="More actions")
    export = page.locator("#page-actions").get_by_role("link", name="Export")
    expect(more).to_have_attribute("aria-expanded", "false")
    expect(export).to_be_hidden()

    more.focus()
    page.keyboard.press("Enter")

    expect(more).to_have_attribute("aria-expanded", "true")
    expect(export).to_be_visible()
    page.keyboard.press("Escape")
    expect(more).to_have_attribute("aria-expanded", "false")


def test_a_missing_label_is_found(page: Page, db):
    page.goto("/admin/login/")
    page.evaluate("document.body.append(document.createElement('input'))")

    assert "label" in axe.problems(page)[0]
