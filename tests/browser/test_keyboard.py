"""The dashboard without a mouse: Tab, Enter, Escape and arrows reach everything."""

import re

import pytest
from playwright.sync_api import Page, expect

from core.models import Membership, Role
from tests.browser.conftest import PASSWORD

INSIDE = "document.querySelector('#modal-content').contains(document.activeElement)"
FOCUSED = """() => {
  const focused = document.activeElement.cloneNode(true);
  focused.querySelectorAll("[aria-hidden]").forEach((icon) => icon.remove());
  return focused.matches("body") ? "" : focused.textContent.trim() || focused.ariaLabel || "";
}"""


def tab_to(page: Page, text: str, *, most: int = 120) -> None:
    """Press Tab until what has the focus says this."""
    seen = []
    for _ in range(most):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(FOCUSED))
        if seen[-1] == text:
            return
    raise AssertionError(f"{text!r} was not reached by Tab, but {seen}")


def test_the_skip_link_is_first_and_leads_to_the_content(page: Page, sign_in, root):
    sign_in(page, root)
    page.goto("/admin/core/user/")

    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")

    assert page.evaluate("document.activeElement.id") == "content"


@pytest.mark.django_db(transaction=True)
def test_from_signing_in_to_a_team_with_keys_only(page: Page, root, ana, bo, globex):
    root.set_password(PASSWORD)
    root.save(update_fields=["password"])
    page.goto("/admin/login/")
    page.locator("input[name=username]").focus()
    page.keyboard.type(root.email)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/admin/$"))
    page.wait_for_selector("#content[role=main]")

    tab_to(page, "Users")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/core/user/"))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the skip link
    tab_to(page, "Ana Ames")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"/core/user/{ana.pk}/change/"))
    page.goto(f"/admin/core/user/{ana.pk}/change/?tab=teams")

    tab_to(page, "Add to Team")
    page.keyboard.press("Enter")
    expect(page.locator("#dialog")).to_be_visible()
    for _ in range(12):  # once around
        page.keyboard.press("Tab")
        assert page.evaluate(f"{INSIDE} || document.activeElement === document.body")
    page.locator("#dialog .select2-selection").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.type("Glob")
    expect(page.locator(".select2-results__option--highlighted")).to_contain_text("Globex")
    page.keyboard.press("Enter")
    expect(page.locator("#dialog .select2-selection__rendered").first).to_contain_text("Globex")
    tab_to(page, "Add to Team", most=12)
    page.keyboard.press("Enter")

    expect(page.get_by_text("Globex").first).to_be_visible()
    page.wait_for_url(re.compile("tab=teams|change"))
    assert Membership.objects.filter(user=ana, team=globex).exists()


@pytest.mark.django_db(transaction=True)
def test_escape_closes_a_dialog_and_the_focus_returns(page: Page, sign_in, root, ana, acme):
    sign_in(page, root)
    page.goto(f"/admin/core/user/{ana.pk}/change/")
    opener = page.get_by_role("link", name="Edit Profile")

    opener.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")

    expect(page.locator("#dialog")).to_be_hidden()
    expect(opener).to_be_focused()
    assert not page.evaluate("document.getElementById('page').inert")


@pytest.mark.django_db(transaction=True)
def test_escape_closes_an_open_list_of_choices_first(page: Page, sign_in, root, ana, globex):
    sign_in(page, root)
    page.goto(f"/admin/core/user/{ana.pk}/change/?tab=teams")
    page.get_by_role("link", name="Add to Team").click()
    page.locator("#dialog .select2-selection").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".select2-dropdown")).to_be_visible()

    page.keyboard.press("Escape")

    expect(page.locator(".select2-dropdown")).to_have_count(0)
    expect(page.locator("#dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#dialog")).to_be_hidden()


def test_a_picker_has_its_name_and_what_is_chosen(page: Page, sign_in, root, ana, globex):
    sign_in(page, root)
    page.goto(f"/admin/core/user/{ana.pk}/do/join-team/")

    expect(page.get_by_role("combobox", name=re.compile("^Team")).first).to_be_visible()


LOOKS = """() => {
  const one = document.activeElement;
  if (!one || one === document.body || one.id === 'content') return null;
  const box = one.closest('.select2-selection') || one;
  const seen = () => {
    const style = getComputedStyle(box);
    return [style.outlineStyle === 'none' ? '' : style.outlineStyle + style.outlineWidth + style.outlineColor,
      style.boxShadow].join(' ');
  };
  const name = one.tagName + ' ' + (one.name || one.ariaLabel || one.textContent.trim().slice(0, 40));
  const focused = seen();
  one.blur();
  const without = seen();
  one.focus({focusVisible: true, preventScroll: true});
  return [name, focused !== without];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["role", "do/add/", "user/", "?tab=teams"])
def test_what_has_the_focus_is_seen(page: Page, sign_in, alma, ana, globex, scheme, path):
    """Switches, fields, pickers, tabs, buttons and links: all have a ring while they have the focus."""
    person = f"/admin/core/user/{ana.pk}/change/"
    role = Role.objects.get(code="manager")
    address = {
        "role": f"/admin/core/role/{role.pk}/change/?tab=permissions",
        "do/add/": "/admin/core/user/do/add/",
        "user/": "/admin/core/user/",
        "?tab=teams": f"{person}?tab=teams",
    }[path]
    page.emulate_media(color_scheme=scheme)
    sign_in(page, alma)
    page.goto(address)
    page.evaluate(f"document.documentElement.classList.toggle('dark', {str(scheme == 'dark').lower()})")

    unseen, tags = [], set()
    for _ in range(90):
        page.keyboard.press("Tab")
        found = page.evaluate(LOOKS)
        if found is not None:
            tags.add(found[0].split()[0])
            if not found[1]:
                unseen.append(found[0])

    assert not unseen
    assert {"A", "BUTTON"} | ({"INPUT"} if path != "?tab=teams" else set()) <= tags


@pytest.fixture
def without_scripts(browser, browser_context_args, base_url):
    context = browser.new_context(**browser_context_args | {"base_url": base_url}, java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_pages_are_not_blank_without_scripts(without_scripts: Page, db):
    without_scripts.goto("/admin/login/")

    expect(without_scripts.locator("input[name=username]")).to_be_visible()
