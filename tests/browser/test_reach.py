"""Every list and every tab, on a phone and on a small notebook with the side bar open: nothing that can be
operated lies outside of the window, or is cut by the box around it. Names are as long as they can be."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page

from core.models import Enrollment, Organization, Seat, Tag, Team, ThinkificGroup, User
from tests.browser.test_widths import addresses
from tests.core.admin.walk.world import World, build
from tests.factories import UserFactory

WORD = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauten"
LONG = ("The association of teams with very long names and other matters of some length " * 2)[:120].strip()
OUT_OF_REACH = """() => {
  const found = [];
  const kinds = 'a, button, summary, select, textarea, input:not([type=hidden])';
  const aside = '#nav-sidebar, .skip-link, .select2-hidden-accessible, .select2-container';
  if (document.documentElement.scrollWidth > innerWidth) found.push('the page scrolls sideways');
  for (const one of document.querySelectorAll(kinds)) {
    if (one.closest(aside) || !one.checkVisibility({visibilityProperty: true})) continue;
    const name = (one.innerText || one.getAttribute('aria-label') || one.title || one.name || '').trim();
    const box = one.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    if (box.left < -1 || box.right > innerWidth + 1) { found.push(`outside: ${name}`); continue; }
    for (let around = one.parentElement; around && around !== document.body; around = around.parentElement) {
      if (getComputedStyle(around).overflowX === 'visible') continue;
      const frame = around.getBoundingClientRect();
      if (box.left < frame.left - 1 || box.right > frame.right + 1) { found.push(`cut: ${name}`); break; }
    }
  }
  return found;
}"""


@pytest.fixture
def world(db) -> World:
    world = build()
    ana = world.own[User]
    for model in (Seat, ThinkificGroup):
        model.objects.filter(pk=world.own[model].pk).update(name=LONG)
    Organization.objects.filter(name="Customers").update(name=LONG)
    Team.objects.filter(name="Acme").update(name=WORD)
    Tag.objects.filter(pk=world.own[Tag].pk).update(name=WORD[: Tag._meta.get_field("name").max_length])
    User.objects.filter(pk=ana.pk).update(first_name=WORD, last_name=LONG)
    course = world.own[Enrollment].product
    type(course).objects.filter(pk=course.pk).update(name=WORD)
    return world


@pytest.mark.longest
@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1024, 1300])
def test_nothing_is_out_of_reach(page: Page, sign_in, root, world, width):
    page.set_viewport_size({"width": width, "height": 900})
    sign_in(page, root)

    found = {}
    dialog = reverse("admin:core_team_do", args=[Team.objects.get(name=WORD).pk, "change-owner"])
    tools = [
        reverse(f"admin:{name}")
        for name in ("tools", "tools_teams", "tools_csv", "group_matching", "tools_migration", "import_new")
    ]
    for address in [*addresses(world), *tools, dialog]:
        answer = page.goto(address)
        if answer is not None and answer.ok and (out := page.evaluate(OUT_OF_REACH)):
            found[address] = out

    assert not found


def test_a_long_name_leaves_the_way_back_readable(page: Page, sign_in, root, world):
    page.set_viewport_size({"width": 390, "height": 900})
    sign_in(page, root)

    page.goto(reverse("admin:core_user_change", args=[world.own[User].pk]))

    back, name = page.locator("h1 a").first, page.locator("h1 [title]").last
    assert back.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
    assert name.get_attribute("title").startswith(WORD)
    assert name.evaluate("e => e.getBoundingClientRect().width") > 60


def test_the_pager_is_operated_by_the_keyboard(page: Page, sign_in, root, ana):
    UserFactory.create_batch(130)
    sign_in(page, root)
    page.goto("/admin/core/user/?o=1")

    page.get_by_role("link", name="Next page").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**p=2**")
    number = page.get_by_role("spinbutton", name="Page")
    assert number.input_value() == "2"
    number.fill("3")
    number.press("Enter")
    page.wait_for_url("**p=3**")

    assert "o=1" in page.url
    assert page.get_by_role("link", name="Next page").count() == 0
    page.get_by_role("link", name="First page").click()
    page.wait_for_url("**p=1**")
