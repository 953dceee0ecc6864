"""The links below a list: which pages it has, and what is known of their number."""

import re

import pytest
from django.urls import reverse

from core.admin.kit.lists import lists
from tests.factories import MembershipFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db
USERS = reverse("admin:core_user_changelist")


@pytest.fixture
def people(root):
    return UserFactory.create_batch(130)  # three pages


def pager(page: str) -> dict[str, str]:
    """Returns the links by their names: "First page" -> address."""
    nav = re.search(r'<nav class="pager".*?</nav>', page, re.S)
    links = re.findall(
        r'<a class="pager-step"[^>]*href="([^"]*)"[^>]*aria-label="([^"]*)"', nav[0] if nav else ""
    )
    return {name: address.replace("&amp;", "&") for address, name in links}


def opened(client, address: str, query: str = "") -> str:
    return re.sub(r"\s+", " ", client.get(address + query).content.decode())


def test_a_page_in_the_middle_leads_everywhere_and_keeps_the_search(people, root, signed_in):
    page = opened(signed_in(root), USERS, "?p=2&q=example&o=1")

    assert {name: re.findall(r"p=(\d)", url) for name, url in pager(page).items()} == {
        "First page": ["1"],
        "Previous page": ["1"],
        "Next page": ["3"],
        "Last page": ["3"],
    }
    assert all("q=example" in url and "o=1" in url for url in pager(page).values())
    assert "51 to 100 of 131 users" in page
    assert '<input type="hidden" name="q" value="example">' in page
    assert 'name="p" value="2" min="1" max="3"' in page
    assert "<span>of 3</span>" in page


def test_the_ends_do_not_lead_beyond(people, root, signed_in):
    client = signed_in(root)

    assert pager(opened(client, USERS)).keys() == {"Next page", "Last page"}
    assert pager(opened(client, USERS, "?p=3")).keys() == {"First page", "Previous page"}


def test_a_list_that_was_not_counted_to_its_end_names_no_last_page(people, root, signed_in, monkeypatch):
    monkeypatch.setattr(lists, "COUNTED", 100)

    page = opened(signed_in(root), USERS, "?active=yes")

    assert pager(page).keys() == {"Next page"}
    assert "1 to 50 of 100+ users" in page
    assert "<span>of " not in page


def test_one_page_has_no_pager(root, signed_in):
    page = opened(signed_in(root), USERS)

    assert 'class="pager"' not in page
    assert "1 user" in page


def test_a_tab_has_the_same_pager(alma, signed_in):
    team = TeamFactory()
    MembershipFactory.create_batch(60, team=team)
    address = reverse("admin:core_team_change", args=[team.pk])

    page = opened(signed_in(alma), address, "?tab=users&o=1&p=2")

    assert pager(page) == {
        "First page": "?tab=users&o=1&p=1",
        "Previous page": "?tab=users&o=1&p=1",
        "Next page": "?tab=users&o=1&p=3",
        "Last page": "?tab=users&o=1&p=3",
    }
    assert "26 to 50 of 6" in page
