"""The pages that open Thinkific: the button, short links, refusals, and what a browser may keep."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from core.models import OutboxEntry, SiteSettings, ThinkificOpening, User
from core.services.opening import short_links
from tests.factories import EnrollmentFactory, ProductFactory, SeatFactory, ShortLinkFactory

OPEN = "/admin/thinkific/open/"
SITE = "https://acme.thinkific.com"
PASSWORD = "quiet-harbour-lights-7"


@pytest.fixture
def sso(credentials, db):
    SiteSettings.load()
    SiteSettings.objects.update(open_in_thinkific=True)


@pytest.fixture
def ana(sso, ana) -> User:
    ana.sso_enabled, ana.thinkific_id = True, 90_001
    ana.set_password(PASSWORD)
    ana.save(update_fields=["sso_enabled", "thinkific_id", "password"])
    return ana


@pytest.fixture
def link(acme, acme_seat, accounting, ana):
    accounting.slug = "accounting-101"
    accounting.save(update_fields=["slug"])
    EnrollmentFactory(user=ana, product=accounting)
    return ShortLinkFactory(team=None, product=accounting)


def address(link) -> str:
    return f"/go/{link.code}"


def text_of(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def test_the_button_opens_thinkific_and_nothing_keeps_the_token(signed_in, ana):
    response = signed_in(ana).post(OPEN, REMOTE_ADDR="192.0.2.9")

    assert response.status_code == 303
    assert response["Location"].startswith(f"{SITE}/api/sso/v2/sso/jwt?jwt=")
    assert "no-store" in response["Cache-Control"] and response["Referrer-Policy"] == "no-referrer"
    assert not response.content
    assert ThinkificOpening.objects.get().ip_address == "192.0.2.9"


def test_the_menu_and_my_courses_have_it_only_where_it_works(signed_in, ana, link):
    client = signed_in(ana)
    page = client.get("/admin/")
    assert text_of(page).count(f'action="{OPEN}"') == 3  # menu, above the courses, the course
    assert f"form-action 'self' {SITE}" in page["Content-Security-Policy"]

    for change in (
        {"sso_enabled": False},
        {"sso_enabled": True, "thinkific_roles": ["site_admin"]},
        {"thinkific_roles": [], "removed_at": timezone.now()},
    ):
        User.objects.filter(pk=ana.pk).update(**change)
        page = client.get("/admin/")
        assert OPEN not in text_of(page) and "thinkific.com" not in page["Content-Security-Policy"]


def test_the_settings_text_is_on_the_button(signed_in, ana):
    SiteSettings.objects.update(sso_link_text="To my <courses>")

    assert "To my &lt;courses&gt;" in text_of(signed_in(ana).get("/admin/"))


def test_a_course_is_opened_by_who_is_enrolled(signed_in, ana, link, accounting):
    response = signed_in(ana).post(OPEN, {"product": accounting.pk})

    assert response.status_code == 303
    assert ThinkificOpening.objects.get().product == accounting


@pytest.mark.parametrize("product", ["0", "-1", "x", "99999999999999999999", "\x00", "hidden"])
def test_a_hidden_product_is_answered_like_a_missing_one(signed_in, ana, product):
    hidden = ProductFactory(name="Hidden course")
    response = signed_in(ana).post(OPEN, {"product": hidden.pk if product == "hidden" else product})

    assert response.status_code == 403
    assert "Hidden course" not in text_of(response) and not ThinkificOpening.objects.exists()


def test_a_form_from_elsewhere_opens_nothing(ana):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ana)

    assert client.post(OPEN).status_code == 403
    assert not ThinkificOpening.objects.exists()


def test_looking_at_the_pages_opens_nothing(signed_in, ana, link):
    client = signed_in(ana)

    assert client.get(OPEN).status_code == client.get(address(link)).status_code == 200
    assert not ThinkificOpening.objects.exists()


def test_a_person_who_could_become_somebody_else_is_told_what_helps(signed_in, ana):
    User.objects.filter(pk=ana.pk).update(thinkific_roles=["site_admin"])

    response = signed_in(ana).post(OPEN)

    assert response.status_code == 403
    assert "Sign in to Thinkific with your password" in text_of(response)
    assert f"{SITE}/users/sign_in" in text_of(response)


def test_while_the_account_is_being_made_the_page_tries_again(signed_in, ana):
    User.objects.filter(pk=ana.pk).update(thinkific_id=None)
    client = signed_in(ana)

    response = client.post(OPEN)
    assert response.status_code == 409 and "is being made" in text_of(response)
    assert 'data-send="4"' in text_of(response)

    OutboxEntry.objects.all().delete()
    User.objects.filter(pk=ana.pk).update(thinkific_id=90_001)
    assert client.post(OPEN).status_code == 303


def test_where_thinkific_refused_the_token_a_page_says_what_helps(client, ana):
    response = client.get("/admin/thinkific/not-opened/?error=x")

    assert response.status_code == 200
    assert "Thinkific did not sign you in" in text_of(response) and f"{SITE}/users/sign_in" in text_of(
        response
    )


# --- short links -------------------------------------------------------------------------------------


def test_a_visitor_signs_in_and_ends_in_thinkific(client, ana, link, accounting):
    first = client.get(address(link))
    assert (first.status_code, first["Location"]) == (302, f"/admin/login/?next=/go/{link.code}")

    signed = client.post(first["Location"], {"username": ana.email, "password": PASSWORD})
    assert (signed.status_code, signed["Location"]) == (302, address(link))
    page = client.get(address(link))
    assert "data-send" in text_of(page) and str(accounting) in text_of(page)
    assert f"form-action 'self' {SITE}" in page["Content-Security-Policy"]

    sent = client.post(address(link), {"product": accounting.pk})
    assert (
        sent.status_code == 303 and "return_to=https%3A%2F%2Facme.thinkific.com%2Fcourses" in sent["Location"]
    )
    row = ThinkificOpening.objects.get()
    assert (row.short_link, row.product) == (link, accounting)


def test_signed_out_people_learn_nothing_about_a_code(client, link):
    known, unknown = client.get(address(link)), client.get("/go/nosuchcode22")

    assert known.status_code == unknown.status_code == 302
    assert known["Location"].replace(link.code, "") == unknown["Location"].replace("nosuchcode22", "")


def test_without_sso_it_ends_at_the_ordinary_page(signed_in, ana, link, accounting):
    User.objects.filter(pk=ana.pk).update(sso_enabled=False)

    response = signed_in(ana).post(address(link))

    assert response["Location"] == f"{SITE}/courses/take/{accounting.slug}"
    assert not ThinkificOpening.objects.exists()


def test_who_has_no_right_gets_a_page_that_helps_and_no_name(signed_in, link, bo, accounting):
    client = signed_in(bo)

    for response in (client.get(address(link)), client.post(address(link), {"product": accounting.pk})):
        assert response.status_code == 403
        assert "You have no access to this" in text_of(response) and bo.email in text_of(response)
        assert str(accounting) not in text_of(response)


def test_who_has_another_account_signs_in_with_that_one(signed_in, link, bo, ana):
    client = signed_in(bo)
    assert "Sign in as somebody else" in text_of(client.get(address(link)))

    left = client.post("/admin/logout/", {"next": address(link)}, follow=True)
    assert left.redirect_chain[-1][0] == f"/admin/login/?next={address(link)}"
    client.force_login(ana)
    assert "data-send" in text_of(client.get(address(link)))


def test_revoked_and_unknown_links_are_answered_alike(signed_in, ana, link, alma):
    short_links.revoke(link, by=alma)
    client = signed_in(ana)

    revoked, unknown = client.get(address(link)), client.get("/go/nosuchcode22/")

    assert revoked.status_code == unknown.status_code == 404
    assert "This link does not work" in text_of(revoked)


def test_a_teams_link_lists_its_products(signed_in, ana, link, acme, accounting):
    other = SeatFactory(product=ProductFactory(name="Bookkeeping"), teams=[acme]).product
    team_link = ShortLinkFactory(team=acme)
    client = signed_in(ana)
    assert "data-send" in text_of(client.get(address(team_link)))  # one product: straight to it

    EnrollmentFactory(user=ana, product=other)
    page = text_of(client.get(address(team_link)))
    assert "Acme" in page and "Bookkeeping" in page and str(accounting) in page and "data-send" not in page

    assert client.post(address(team_link), {"product": other.pk}).status_code == 303
    assert client.post(address(team_link)).status_code == 303
    assert [row.product for row in ThinkificOpening.objects.order_by("id")] == [other, None]


def test_a_teams_link_opens_no_product_of_another_team(signed_in, ana, link, acme):
    elsewhere = ProductFactory(name="Elsewhere")
    EnrollmentFactory(user=ana, product=elsewhere)

    response = signed_in(ana).post(address(ShortLinkFactory(team=acme)), {"product": elsewhere.pk})

    assert response.status_code == 403


def test_a_member_without_courses_is_told_whom_to_ask(signed_in, bo, acme, sso):
    page = text_of(signed_in(bo).get(address(ShortLinkFactory(team=acme))))

    assert "enrolled in none of its courses yet" in page


def test_nobody_follows_a_link_or_opens_while_acting_as_somebody(signed_in, alma, ana, link, accounting):
    client = signed_in(alma)
    client.post(f"/admin/core/user/{ana.pk}/do/impersonate/", {"reason": ""})
    page = client.get("/admin/")
    assert "You act as" in text_of(page) or "acting" in text_of(page)
    assert f'action="{OPEN}"' not in text_of(page)

    for response in (
        client.post(OPEN),
        client.get(address(link)),
        client.post(address(link), {"product": accounting.pk}),
    ):
        assert response.status_code == 403
    assert not ThinkificOpening.objects.exists()


def test_pages_of_links_are_kept_by_nobody(signed_in, ana, link):
    assert "no-store" in signed_in(ana).get(address(link))["Cache-Control"]
