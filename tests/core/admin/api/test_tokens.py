"""The screen API: making a token, which is shown once, and revoking it."""

import re

import pytest
from django.urls import reverse

from core.models import ApiToken
from core.services.api import tokens
from tests.dialogs import shown_by
from tests.factories import ApiTokenFactory

pytestmark = pytest.mark.django_db
LIST = "admin:core_apitoken_changelist"
SECRET = re.compile(r"b2b_[A-Za-z0-9_-]{43}")


ADD = reverse("admin:core_apitoken_do_new", args=["create-token"])


def add(browser, **values):
    return browser.post(ADD, shown_by(browser, ADD) | {"name": "Shop"} | values)


def test_a_token_is_shown_once(alma, signed_in):
    browser = signed_in(alma)
    answer = add(browser, scopes=["students:write"], expires_on="2099-12-31")
    token = ApiToken.objects.get()
    assert (token.user, token.name, token.scopes) == (alma, "Shop", ["students:write"])
    page = browser.get(answer["Location"]).content.decode()
    (secret,) = set(SECRET.findall(page))
    assert tokens.find(secret, now=token.created_at) == token
    assert secret.startswith(token.prefix)
    assert secret not in browser.get(answer["Location"]).content.decode()
    assert secret not in browser.get(reverse(LIST)).content.decode()
    assert secret not in str(token.__dict__)


def test_the_list_shows_it_too(alma, signed_in):
    browser = signed_in(alma)
    add(browser)
    assert SECRET.search(browser.get(reverse(LIST)).content.decode())
    assert not SECRET.search(browser.get(reverse(LIST)).content.decode())


def test_the_list_names_the_address_and_the_documentation(alma, signed_in, settings):
    page = signed_in(alma).get(reverse(LIST)).content.decode()
    assert f"{settings.SITE_URL}/api/</code>" in page
    assert f'href="{settings.SITE_URL}/api/docs"' in page


def test_a_token_needs_a_name_and_a_day_to_come(alma, signed_in):
    browser = signed_in(alma)
    assert "A token needs a name" in add(browser, name=" ").content.decode()
    assert "ended already" in add(browser, expires_on="2020-01-01").content.decode()
    assert not ApiToken.objects.exists()


def test_revoking(alma, root, signed_in):
    token = ApiTokenFactory(user=root)
    browser = signed_in(alma)
    address = reverse("admin:core_apitoken_do", args=[token.pk, "revoke-token"])
    browser.post(address, shown_by(browser, address))
    token.refresh_from_db()
    assert token.revoked_at
    assert "Revoked" in browser.get(reverse(LIST)).content.decode()
    assert "was revoked already" in browser.get(address, follow=True).content.decode()


def test_team_people_have_no_such_screen(mara, owen, signed_in):
    for person in (mara, owen):
        assert signed_in(person).get(reverse(LIST)).status_code == 403


def test_another_open_page_does_not_take_it(alma, signed_in):
    """dashboard/live.js fetches open pages again and does not show what they say."""
    browser = signed_in(alma)
    answer = add(browser)
    assert not SECRET.search(browser.get(reverse(LIST), headers={"x-live": "1"}).content.decode())
    assert not SECRET.search(browser.get("/admin/core/webhookendpoint/").content.decode())
    assert SECRET.search(browser.get(answer["Location"]).content.decode())
