"""People click through to Thinkific (the stand-in): from their courses, and by a short link after sign-in."""

import re

import pytest
from playwright.sync_api import Page, expect

from core.models import Product, ShortLink, SiteSettings, ThinkificOpening, User
from tests.browser.conftest import PASSWORD
from tests.factories import EnrollmentFactory, ProductFactory, SeatFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("connected")]


@pytest.fixture
def course(thinkific, acme) -> Product:
    """A course of Acme, as it is in Thinkific."""
    there = next(p for p in thinkific.site.products if p["productable_type"] == "Course")
    product = ProductFactory(name=there["name"], slug=there["slug"])
    SeatFactory(product=product, teams=[acme])
    return product


@pytest.fixture
def ana(thinkific, ana, course) -> User:
    SiteSettings.load()
    SiteSettings.objects.update(open_in_thinkific=True)
    there = thinkific.site.write(
        "create_user", fields={"email": ana.email, "first_name": "Ana", "last_name": "Ames"}
    )
    ana.sso_enabled, ana.thinkific_id = True, there.id
    ana.save(update_fields=["sso_enabled", "thinkific_id"])
    EnrollmentFactory(user=ana, product=course)
    return ana


def test_a_student_opens_thinkific_from_their_courses(
    page: Page, sign_in, screenshot, thinkific, ana, course
):
    sign_in(page, ana)
    screenshot(page, "open-in-thinkific")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Open in Thinkific").last.click()
    expect(opened.value.get_by_role("heading")).to_have_text("My courses")
    expect(opened.value.get_by_text(f"Signed in as {ana.email}")).to_be_visible()
    assert opened.value.url == f"{thinkific.url}/enrollments"

    with page.expect_popup() as opened:
        page.get_by_role("button", name=course.name).click()
    expect(opened.value.get_by_role("heading")).to_have_text(course.name)
    expect(opened.value.get_by_text(f"Signed in as {ana.email}")).to_be_visible()
    assert thinkific.site.external_ids["SSO", f"dashboard-{ana.pk}"] == ana.thinkific_id
    assert ThinkificOpening.objects.count() == 2


def test_a_short_link_ends_in_thinkific_after_sign_in_and_back_leads_out(
    page: Page, sign_in, screenshot, thinkific, ana, mara, acme, course, live_server
):
    sign_in(page, mara)
    page.goto(f"/admin/core/team/{acme.pk}/change/?tab=short-links")
    page.locator("a.d-button", has_text="Add Short Link").click()
    page.fill("#dialog input[name=note]", "Poster")
    page.locator("#dialog button[type=submit]").first.click()
    expect(page.get_by_text("Works", exact=True)).to_be_visible()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    screenshot(page, "short-links")
    shown = page.get_by_label("Address of the short link").input_value()
    address = re.sub(r"^https?://[^/]+", "", shown)
    assert address == f"/go/{ShortLink.objects.get().code}"

    page.context.clear_cookies()
    ana.set_password(PASSWORD)
    ana.save(update_fields=["password"])
    page.goto(address)
    page.fill("input[name=username]", ana.email)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")

    expect(page.get_by_text(f"Signed in as {ana.email}")).to_be_visible()
    assert page.url == f"{thinkific.url}/courses/take/{course.slug}"
    page.go_back()
    assert "/go/" not in page.url and "jwt" not in page.url


def test_a_wrong_key_ends_at_a_page_that_helps(
    page: Page, sign_in, screenshot, thinkific, ana, settings, live_server
):
    settings.SITE_URL = live_server.url
    thinkific.options.api_key = "another-key-of-thirty-two-letters"
    sign_in(page, ana)

    page.evaluate(
        "document.querySelectorAll('form[target=_blank]').forEach((form) => form.removeAttribute('target'))"
    )
    page.get_by_role("button", name="Open in Thinkific").last.click()

    expect(page.get_by_text("Thinkific did not sign you in")).to_be_visible()
    screenshot(page, "not-opened")


def test_a_team_with_several_courses_lists_them(page: Page, sign_in, screenshot, ana, acme, course):
    other = ProductFactory(name="Bookkeeping for people who have never kept books before")
    SeatFactory(product=other, teams=[acme])
    EnrollmentFactory(user=ana, product=other)
    link = ShortLink.objects.create(code="abcdefgh2345", team=acme)
    sign_in(page, ana)

    page.goto(f"/go/{link.code}")
    screenshot(page, "short-link-of-a-team")
    page.get_by_role("button", name=course.name).click()

    expect(page.get_by_text(f"Signed in as {ana.email}")).to_be_visible()
