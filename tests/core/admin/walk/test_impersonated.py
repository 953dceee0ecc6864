"""Whoever acts as somebody sees exactly what that person sees, and reaches nothing else."""

import re

import pytest
from django.urls import NoReverseMatch, get_resolver, reverse

from core.admin.users.dialogs.impersonate import Impersonate
from tests.core.admin.walk.addresses import Address, addresses, lists
from tests.core.admin.walk.browsing import Browser

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.slow]

PEOPLE = ["owner", "manager", "student", "everything"]
BANNER = re.compile(r'\n<section class="acting".*?</section>\n', re.DOTALL)
# The pages of imports say from their first step on that an import is started in one's own name.
OBSTACLE = re.compile(r'<div class="d-banner d-warning" role="note">.*?</div>\n', re.DOTALL)
REFUSED = "Leave the impersonation first"
# Dialogs that nobody answers in somebody else's name: their buttons are not there.
OWN_NAME = {
    "reset-password",
    "send-sign-in-link",
    "unlock-sign-in",
    "email-change-again",
    "email-change-withdraw",
    "add-invited",
}
# And those of a screen of secrets.
OWN_NAME_OF = {
    "apitoken": {"create-token", "revoke-token"},
    "exportfile": {"cancel", "delete-file"},
    "webhookendpoint": {"add", "edit", "rotate", "delete"},
    "importbatch": {"undo"},
}
DIALOGS = [rf"[^\"]*/do/(?:{'|'.join(OWN_NAME)})/"]
DIALOGS += [rf"/admin/core/{name}/(?:\d+/)?do/(?:{'|'.join(slugs)})/" for name, slugs in OWN_NAME_OF.items()]
BUTTON = re.compile(rf'<a class="[^"]*" href="(?:{"|".join(DIALOGS)})[^>]*>.*?</a>')


@pytest.fixture
def acting(world, db):
    """`acting("manager")` returns a browser in which the administrator acts as the manager."""

    def of(name: str) -> Browser:
        browser, person = Browser(world.people["administrator"]), world.people[name]
        address = reverse("admin:core_user_do", args=[person.pk, Impersonate.slug])
        asked = dict(browser.client.get(address).context["asked"])
        begun = browser.client.post(address, {**asked, "reason": ""})
        assert begun.status_code == 302
        return browser

    return of


def pages_of_the_site() -> list[str]:
    """Returns the addresses that belong to no screen, and need no key."""
    found = ["/admin/", "/admin/search/?s=a", "/admin/search/?s=settings"]
    for pattern in get_resolver("project.admin_urls").url_patterns:
        try:
            found.append(reverse(f"admin:{pattern.name}"))
        except NoReverseMatch:
            continue
    return [path for path in found if "logout" not in path and "leave" not in path]


def everything(world) -> list[Address]:
    found = [Address(path, "page") for path in pages_of_the_site()]
    for model, screen in world.screens().items():
        found += lists(screen)
        for objects in (world.own, world.foreign):
            if (obj := objects.get(model)) is not None:
                found += addresses(screen, obj.pk)
    return found


def shown(body: str) -> str:
    body = BUTTON.sub("", OBSTACLE.sub("", BANNER.sub("", body)))
    return "\n".join(line for line in body.splitlines() if line.strip())


def first_difference(expected: str, found: str) -> tuple[str, str]:
    place = next((n for n, (a, b) in enumerate(zip(expected, found, strict=False)) if a != b), 0)
    return expected[max(0, place - 60) : place + 60], found[max(0, place - 60) : place + 60]


@pytest.mark.parametrize("who", PEOPLE)
def test_every_page_is_that_persons_beside_the_banner(world, window, acting, who):
    theirs, ours = window(who), acting(who)
    differ, same, refused = [], 0, []
    for page in everything(world):
        expected, found = theirs.ask("get", page.path), ours.ask("get", page.path)
        if "<body" in found.body and found.body.count("Leave Impersonation</button>") != 1:
            differ.append((page.path, "no banner"))
        if REFUSED in OBSTACLE.sub("", found.body):
            refused.append(page)
        elif (expected.status, expected.location) != (found.status, found.location):
            differ.append((page.path, expected.status, found.status))
        elif shown(expected.body) != shown(found.body):
            differ.append((page.path, *first_difference(shown(expected.body), shown(found.body))))
        else:
            same += 1

    assert differ == []
    assert same > 100
    dialogs = {page for page in refused if page.view.startswith("do")}
    secrets = {page for page in dialogs if page.dialog in OWN_NAME_OF.get(page.path.split("/")[3], ())}
    assert {page.dialog for page in dialogs - secrets} <= OWN_NAME
    outside = {page.path for page in refused if not page.view.startswith("do")}
    secret = ("/admin/password/", "/admin/sign-in/", "/admin/core/apitoken/", "/admin/join/")
    secret += ("/admin/core/webhookendpoint/", "/admin/thinkific/open/", "/admin/core/exportfile/")
    assert not {path for path in outside if not path.startswith(secret)}


def test_the_comparison_would_notice_another_menu(world, window, acting):
    assert shown(window("owner").ask("get", "/admin/").body) != shown(
        acting("student").ask("get", "/admin/").body
    )
