"""Signing in to the stand-in by a signed token, as to Thinkific."""

import time
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests

ERROR = "http://dashboard.example/failed"


@pytest.fixture
def browser(sandbox):
    """Opens the address of a token in a browser of its own, and does not follow redirects."""
    session = requests.Session()

    def open_with(fields=None, *, key=sandbox.options.api_key, algorithm="HS256", **more):
        now = int(time.time())
        fields = {"email": "nadia@new.example", "iat": now, "exp": now + 60} | (fields or {})
        token = jwt.encode({k: v for k, v in fields.items() if v is not None}, key, algorithm=algorithm)
        query = {"jwt": token, "return_to": f"{sandbox.url}/enrollments", "error_url": ERROR} | more
        return session.get(
            f"{sandbox.url}/api/sso/v2/sso/jwt", params=query, allow_redirects=False, timeout=5
        )

    open_with.session = session
    return open_with


def test_a_person_is_signed_in_by_their_address(sandbox, browser):
    user = next(iter(sandbox.site.users))

    answer = browser({"email": user.email.upper(), "external_id": "dashboard-7"})

    assert (answer.status_code, answer.headers["location"]) == (302, f"{sandbox.url}/enrollments")
    page = browser.session.get(answer.headers["location"], timeout=5)
    assert f"Signed in as {user.email}" in page.text
    assert sandbox.site.external_ids["SSO", "dashboard-7"] == user.id


def test_an_unknown_address_gets_an_account_with_the_names_of_the_token(sandbox, browser):
    before = len(sandbox.site.users)

    browser({"first_name": "Nadia", "last_name": "Okafor"})

    user = sandbox.site.user_by_email("nadia@new.example")
    assert (len(sandbox.site.users), user.first_name, user.last_name) == (before + 1, "Nadia", "Okafor")


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        ({}, {"key": "another-key-of-thirty-two-characters"}),
        ({}, {"key": "", "algorithm": "none"}),
        ({"exp": 1}, {}),
        ({"iat": int(time.time()) + 3600}, {}),
        ({"iat": None}, {}),
        ({"email": None}, {}),
        ({}, {}),  # an unknown person without names
    ],
)
def test_a_wrong_token_ends_at_the_error_page(sandbox, browser, fields, more):
    answer = browser(fields, **more)

    assert (answer.status_code, answer.headers["location"]) == (302, ERROR)
    assert "Not signed in" in browser.session.get(f"{sandbox.url}/users/sign_in", timeout=5).text


def test_it_leads_to_no_other_site(sandbox, browser):
    user = next(iter(sandbox.site.users))

    answer = browser({"email": user.email}, return_to="https://evil.example/")

    assert answer.headers["location"] == "/enrollments"


def test_a_course_asks_who_learns_to_sign_in(sandbox, browser):
    slug = next(p["slug"] for p in sandbox.site.products if p["productable_type"] == "Course")

    public = browser.session.get(f"{sandbox.url}/courses/{slug}", timeout=5)
    learning = browser.session.get(f"{sandbox.url}/courses/take/{slug}", timeout=5)

    assert "Not signed in" in public.text
    assert urlsplit(learning.url).path == "/users/sign_in"


def test_the_token_is_in_no_log(sandbox, browser):
    user = next(iter(sandbox.site.users))
    answer = browser({"email": user.email})
    token = parse_qs(urlsplit(answer.request.url).query)["jwt"][0]

    log = requests.get(f"{sandbox.url}/_sandbox/requests", timeout=5).text + str(sandbox.app.stats.log)

    assert token not in log
