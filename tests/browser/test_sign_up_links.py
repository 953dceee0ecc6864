"""A manager makes a sign-up link; a visitor joins by it, and the next one finds it full."""

import re

import pytest
from playwright.sync_api import Page, expect

from core.models import Membership, SignUp, SignUpLink, User
from core.services.teams import sign_ups

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sign_up_is_on")]


def test_a_visitor_joins_by_a_link_and_the_next_finds_it_full(page: Page, sign_in, screenshot, mara, acme):
    sign_in(page, mara)
    page.goto(f"/admin/core/team/{acme.pk}/change/?tab=links")
    page.locator("a.d-button", has_text="Add Sign-up Link").click()
    page.fill("#dialog input[name=note]", "Poster")
    page.fill("#dialog input[name=max_uses]", "1")
    page.locator("#dialog button[type=submit]").first.click()

    expect(page.get_by_text("Works", exact=True)).to_be_visible()
    expect(page.get_by_role("cell", name="0 of 1")).to_be_visible()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    screenshot(page, "sign-up-link")
    address = re.sub(r"^https?://[^/]+", "", page.get_by_label("Address of the link").input_value())

    page.context.clear_cookies()
    page.goto(address)
    screenshot(page, "sign-up")
    page.get_by_label("First name").fill("Nora")
    page.get_by_label("E-mail address").fill("nora@new.example")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("A mail goes to")).to_be_visible()
    assert not User.objects.filter(email="nora@new.example").exists()

    page.goto(sign_ups.address_of(SignUp.objects.get()))
    screenshot(page, "sign-up-confirm")
    page.get_by_role("button", name="Join the team").click()
    expect(page.get_by_text("You have joined")).to_be_visible()
    assert Membership.objects.filter(team=acme, user__email="nora@new.example").exists()
    page.get_by_role("link", name="Choose a password").click()
    expect(page.locator("input[name=new_password1]")).to_be_visible()

    page.goto(address)
    expect(page.get_by_text("This link is full")).to_be_visible()
    expect(page.get_by_text("Ask the person who gave you the link")).to_be_visible()
    screenshot(page, "sign-up-full")
    assert SignUpLink.objects.get().used_count == 1
