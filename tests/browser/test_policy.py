"""What the Content-Security-Policy lets the screens do, in a browser that tells every refusal.

The `page` of these tests fails on refusals everywhere; here are the parts that no other test touches, and
the proof that a refusal would be noticed.
"""

from io import StringIO

import pytest
from django.core.management import call_command
from playwright.sync_api import Page, expect

from integrations.models import SyncRun
from tests.browser.conftest import REFUSED
from tests.factories import EnrollmentFactory, SyncRunFactory

pytestmark = pytest.mark.django_db(transaction=True)
SCREENS = [
    "/admin/",
    "/admin/tools/",
    "/admin/tools/csv/",
    "/admin/tools/group-matching/",
    "/admin/imports/new/",
    "/admin/notices/",
    "/admin/history/",
    "/admin/core/user/",
    "/admin/core/team/",
    "/admin/core/organization/",
    "/admin/core/role/",
    "/admin/core/thinkificgroup/",
    "/admin/core/product/",
    "/admin/core/seat/",
    "/admin/core/enrollment/",
    "/admin/core/quizresult/",
    "/admin/core/sitesettings/1/change/",
    "/admin/integrations/syncrun/",
    "/admin/integrations/syncschedule/",
    "/admin/password_change/",
]


@pytest.fixture
def console(page):
    """Collects all errors in the console of the browser."""
    said: list[str] = []
    page.on("console", lambda message: message.type == "error" and said.append(f"{page.url}: {message.text}"))
    return said


@pytest.mark.longest
@pytest.mark.slow
def test_every_screen_of_the_demo_shows_without_a_complaint(page: Page, sign_in, root, console, settings):
    settings.DEBUG = True
    call_command("load_demo", stdout=StringIO())
    settings.DEBUG = False
    SyncRunFactory(status=SyncRun.Status.RUNNING, pages_done=1, pages_total=4)
    sign_in(page, root)

    refused = {}
    for path in SCREENS:
        status = page.goto(path).status
        if status != 200:
            refused[path] = status
        page.wait_for_load_state("networkidle")
    assert refused == {}

    for path in (
        "/admin/core/user/",
        "/admin/core/team/",
        "/admin/core/product/",
        "/admin/integrations/syncrun/",
    ):
        page.goto(path)
        page.locator("#result_list tbody a[href*='/change/']").first.click()
        page.wait_for_load_state("networkidle")
        tabs = page.locator(".detail-tabs a")
        for number in range(tabs.count()):
            tabs.nth(number).click()
            page.wait_for_load_state("networkidle")
    assert console == []


@pytest.mark.slow
def test_what_alpine_htmx_and_select2_do_is_allowed(
    page: Page, sign_in, root, ana, acme_seat, accounting, console
):
    EnrollmentFactory(user=ana, product=accounting)
    sign_in(page, root)

    page.goto("/admin/core/user/")
    page.get_by_role("link", name="Add User").click()
    expect(page.locator("#dialog")).to_be_visible()
    page.keyboard.press("Escape")

    page.keyboard.press("Control+k")
    page.wait_for_timeout(500)
    page.goto("/admin/")
    page.evaluate("document.documentElement._x_dataStack[0].switchTheme('dark')")
    expect(page.locator("html")).to_have_class("dark")
    assert console == []


def test_the_colours_come_with_the_file(page: Page):
    page.goto("/admin/login/")

    colour = page.evaluate(
        "getComputedStyle(document.documentElement).getPropertyValue('--color-primary-600')"
    )
    button = page.locator("button[type=submit]").evaluate(
        "element => getComputedStyle(element).backgroundColor"
    )

    assert colour.strip() == "oklch(51.1% .262 276.966)"
    assert button not in ("rgba(0, 0, 0, 0)", "rgb(255, 255, 255)")


@pytest.mark.parametrize(
    "script",
    [
        "const s = document.createElement('script'); s.text = 'window.ran = 1'; document.body.append(s)",
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 1\">')",
        "document.head.appendChild(Object.assign(document.createElement('style'), {textContent: 'p {}'}))",
        "document.body.insertAdjacentHTML('beforeend', '<img src=\"https://elsewhere.example/x.png\">')",
    ],
)
def test_what_was_smuggled_into_a_page_does_not_run(browser, live_server, script):
    page = browser.new_page()  # one that may be refused something
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.add_init_script(
        f"document.addEventListener('securitypolicyviolation', () => console.error('{REFUSED}'))"
    )
    page.goto(f"{live_server.url}/admin/login/")

    page.evaluate(script)
    page.wait_for_timeout(300)

    assert page.evaluate("window.ran") is None
    assert any(text.startswith(REFUSED) for text in said)
    page.close()


def test_a_page_of_an_error_has_its_style_and_nothing_else(page: Page):
    page.goto("/nothing-here/")

    assert page.locator("main").evaluate("element => getComputedStyle(element).borderRadius") == "12px"
