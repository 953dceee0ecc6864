"""Fixtures for tests that use Debian's Chromium and a live server. All tests in this folder are marked
`browser`."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.models import User
from tests.services import Missing, find_chromium

FOLDER = Path(__file__).parent
PASSWORD = "a-Password-for-browser-tests"
REFUSED = "refused by the policy:"
TELL_VIOLATIONS = f"""
document.addEventListener("securitypolicyviolation", (event) => console.error(
  "{REFUSED}", event.effectiveDirective, event.blockedURI, event.sourceFile, event.lineNumber, event.sample
));
"""
PICTURES = FOLDER.parent.parent / "test-results"

# Playwright runs an event loop in the thread of the test, where Django's ORM refuses to work otherwise.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
# Open pages ask every four seconds for changes, and a busy machine is slow.
expect.set_options(timeout=15_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    try:
        executable = find_chromium()
    except Missing as missing:
        pytest.skip(str(missing))
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
        "--disable-background-networking --disable-component-update --disable-sync"
    )
    return {**browser_type_launch_args, "executable_path": executable, "args": flags.split()}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args):
    return {**browser_context_args, "viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce"}


@pytest.fixture
def page(page: Page, live_server) -> Iterator[Page]:
    """A page on the live server: `page.goto("/admin/")`. Script errors and violations of the
    Content-Security-Policy fail the test."""
    errors: list[str] = []
    page.add_init_script(TELL_VIOLATIONS)
    page.on("console", lambda message: REFUSED in message.text and errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_default_timeout(15_000)
    yield page
    assert not errors, f"scripts failed on {page.url}: {errors}"


@pytest.fixture(scope="session")
def base_url(live_server) -> str:
    return live_server.url


@pytest.fixture
def sign_in():
    """`sign_in(page, mara)` signs Mara in with the form."""

    def sign_in(page: Page, user: User) -> None:
        user.set_password(PASSWORD)
        user.save(update_fields=["password"])
        page.goto("/admin/login/")
        page.fill("input[name=username]", user.email)
        page.fill("input[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "/login/" not in url)

    return sign_in


@pytest.fixture
def screenshot(request: pytest.FixtureRequest):
    """`screenshot(page, "users")` stores a screenshot in test-results/."""

    def take(page: Page, name: str, *, full_page: bool = True) -> Path:
        path = PICTURES / f"{name}.png"
        page.screenshot(path=path, full_page=full_page)
        return path

    return take
