"""The tab Users of a team: members are found, chosen together, and what is done is said."""

import pytest
from playwright.sync_api import Page, expect

from core.models import Membership
from tests.factories import MembershipFactory, TagFactory, TeamFactory

pytestmark = pytest.mark.django_db(transaction=True)


def test_members_are_filtered_and_leave_together(page: Page, sign_in, screenshot, mara, ana, bo, acme):
    other = TeamFactory()
    for person in (ana, bo):
        MembershipFactory(team=other, user=person)
    tag = TagFactory(name="Night shift")
    ana.tags.add(tag)
    bo.tags.add(tag)
    sign_in(page, mara)
    page.goto(f"/admin/core/team/{acme.pk}/change/?tab=users")
    rows = page.get_by_test_id("tab-table").locator("tbody tr")
    expect(rows).to_have_count(4)

    page.get_by_label("Tag", exact=True).select_option("Night shift")
    page.get_by_role("button", name="Filter").click()
    expect(rows).to_have_count(2)
    page.get_by_role("columnheader", name="Name").get_by_role("link").click()
    expect(rows.first).to_contain_text("Ana Ames")
    page.get_by_role("checkbox", name="This page").check()
    expect(rows.first.get_by_role("checkbox")).to_be_checked()
    screenshot(page, "members-chosen")
    page.get_by_role("button", name="Remove from Team").click()
    expect(page.get_by_text("2 people: Ana Ames and Bo Berg.")).to_be_visible()
    screenshot(page, "members-leave", full_page=False)
    page.locator("#modal-content").get_by_role("button", name="Remove from Team").click()

    expect(page.get_by_text("2 people left Acme. Their enrollments stay.")).to_be_visible()
    assert Membership.objects.filter(team=acme).count() == 2
