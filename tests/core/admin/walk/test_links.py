"""Every link on every page works."""

import re
from collections import Counter
from html import unescape
from urllib.parse import urljoin, urlsplit

import pytest
from django.urls import resolve

from tests.core.admin.walk.browsing import Browser

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.slow]

HREF = re.compile(r'<a\b[^>]*?\bhref="([^"]*)"')
INDEX = "/admin/"  # where Django sends who asks for an object that is not there
LEAVES = ("/admin/logout/", "/static/")


def links(page: str, body: str) -> set[str]:
    found = {urljoin(page, unescape(href)) for href in HREF.findall(body)}
    return {link for link in found if link.startswith("/") and not link.startswith(LEAVES)}


def walk(browser: Browser, *, of_a_kind: int) -> dict[str, str]:
    """Every address that can be reached from the first page, with what is wrong with it.

    Objects and tabs are all opened, and the links on the first few of a kind are followed. Lists with a
    filter, of which there are endless combinations, are opened a few times and not read.
    """
    wrong: dict[str, str] = {}
    opened: Counter[str] = Counter()
    seen, waiting = set(), [("/admin/", "the first page")]
    while waiting:
        address, source = waiting.pop()
        kind, is_filter = kind_of(address)
        if address in seen or (is_filter and opened[kind] >= of_a_kind):
            continue
        seen.add(address)
        opened[kind] += 1
        is_read = opened[kind] <= of_a_kind and not is_filter
        answer = browser.ask("get", address, drawn=is_read)
        went = []
        while answer.status in {301, 302} and len(went) < 3:
            went.append(answer.location)
            answer = browser.ask("get", urljoin(address, answer.location), drawn=is_read)
        if answer.status == 200 and INDEX in went:
            wrong[address] = f"not there, on {source}"
        elif answer.status != 200:
            wrong[address] = f"{answer.status}, on {source}"
        elif is_read:
            waiting += [(link, address) for link in links(address, answer.body)]
    return wrong


def kind_of(address: str) -> tuple[str, bool]:
    """The screen with its tab, or with the names of its filters."""
    parts = urlsplit(address)
    is_filter = bool(parts.query) and not parts.query.startswith("tab=")
    query = re.sub(r"=[^&]*", "", parts.query) if is_filter else parts.query
    return f"{resolve(parts.path).url_name}?{query}", is_filter


@pytest.mark.parametrize("who", ["owner", "manager", "everything", "student", "helper"])
def test_no_link_is_dead(world, window, who):
    assert walk(window(who), of_a_kind=2) == {}


def test_no_link_of_an_administrator_is_dead(world, window):
    assert walk(window("administrator"), of_a_kind=1) == {}


def test_a_bundle_names_its_courses_and_links_to_those_that_open(world, window):
    bundle = next(
        row.product
        for row in world.parts["own"]
        if getattr(row, "product_id", None) and row.product.is_bundle
    )
    page = window("manager").ask("get", f"/admin/core/product/{bundle.pk}/change/?tab=contents").body

    assert "Course without a seat" in page
    shown = next(obj for model, obj in world.own.items() if model._meta.model_name == "product")
    assert f"/admin/core/product/{shown.pk}/change/" in page
    assert len(re.findall(r'class="cell-link" href="/admin/core/product/', page)) == 1
