"""A manager invites somebody who belongs to another team; the person answers by the link in the mail."""

import pytest
from playwright.sync_api import Page, expect

from core.models import Invitation, Membership
from core.services import invitations
from tests.factories import EnrollmentFactory

pytestmark = pytest.mark.django_db(transaction=True)


def test_somebody_of_another_team_is_invited_and_joins(
    page: Page, sign_in, screenshot, mara, otto, acme, acme_seat, accounting
):
    EnrollmentFactory(user=otto, product=accounting)
    sign_in(page, mara)
    page.goto(f"/admin/core/team/{acme.pk}/change/?tab=users")
    page.locator("a.d-button", has_text="Add User").click()
    page.fill("#dialog input[name=first_name]", "Otto")
    page.fill("#dialog input[name=email]", otto.email)
    page.locator("#dialog button[type=submit]").first.click()

    expect(page.get_by_text("and gets an invitation")).to_be_visible()
    expect(page.get_by_role("cell", name=otto.email)).to_be_visible()
    expect(page.get_by_text("Oberg")).to_have_count(0)
    screenshot(page, "invited")

    asked = Invitation.objects.get()
    link = invitations.address_of(asked)
    page.goto(link)
    screenshot(page, "invitation")
    page.get_by_role("button", name="Join the team").click()
    expect(page.get_by_text("You have joined")).to_be_visible()
    assert Membership.objects.get(team=acme, user=otto).as_guest

    page.goto(f"/admin/core/team/{acme.pk}/change/?tab=users")
    expect(page.get_by_text("Guest", exact=True)).to_be_visible()
    screenshot(page, "guest")
    page.goto(f"/admin/core/user/{otto.pk}/change/?tab=enrollments")
    screenshot(page, "guest-enrollments")
    page.goto(f"/admin/core/enrollment/{otto.enrollments.get().pk}/change/")
    expect(page.get_by_text("Not by a seat of your teams")).to_be_visible()
    screenshot(page, "given-by")
    page.goto(link)
    expect(page.get_by_text("This invitation is over")).to_be_visible()
