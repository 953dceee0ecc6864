"""Starting a run from Tools: its progress bar moves, and a notice says when it is over."""

import threading

import pytest
from django.db import connection
from django.utils import timezone
from playwright.sync_api import Page, expect

from core.models import Notice
from core.services.site import notices
from integrations.models import SyncRun
from integrations.thinkific.kinds import carry_out
from integrations.thinkific.runs.lifecycle import claim
from tests.factories import SyncRunFactory

WITHIN = 12_000  # milliseconds: three looks of the page


def tick(run: SyncRun, **fields) -> None:
    SyncRun.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now(), **fields)


@pytest.mark.django_db(transaction=True)
def test_a_run_started_from_tools_moves_its_bar_and_ends_in_a_notice(
    page: Page, sign_in, root, settings, screenshot
):
    settings.THINKIFIC_SUBDOMAIN, settings.THINKIFIC_API_KEY = "acme", "0" * 32
    sign_in(page, root)
    page.goto("/admin/tools/")

    page.click("[data-dialog=tool-sync-products]")
    page.click("#tool-sync-products button[type=submit]")
    card = page.locator("#card-sync-products")
    expect(card).to_contain_text("Waiting for a worker")
    run = SyncRun.objects.get()

    tick(run, status="running", started_at=timezone.now(), pages_done=1, pages_total=4, fetched=250)
    expect(card.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "25", timeout=WITHIN)
    tick(run, pages_done=3, fetched=750)
    expect(card.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "75", timeout=WITHIN)
    expect(card).to_contain_text("3 of 4 pages")
    screenshot(page, "tools-running")

    page.goto("/admin/core/user/")  # the person has gone elsewhere by then
    tick(run, status="succeeded", finished_at=timezone.now(), pages_done=4)
    notices.tell([root], "Products are in step with Thinkific.", url="/admin/tools/")

    expect(page.locator(".d-toast")).to_contain_text("Products are in step", timeout=WITHIN)
    screenshot(page, "notice", full_page=False)
    page.wait_for_timeout(1000)
    assert Notice.objects.get().seen_at is not None
    page.reload()
    page.wait_for_timeout(1500)
    expect(page.locator(".d-toast")).to_have_count(0)


@pytest.mark.django_db(transaction=True)
def test_a_real_pull_shows_on_the_page_of_its_run(page: Page, sign_in, root, connected):
    sign_in(page, root)
    page.goto("/admin/tools/")
    page.click("[data-dialog=tool-import-users]")
    page.click("#tool-import-users button[type=submit]")
    page.get_by_role("link", name="See the run").click()
    expect(page.get_by_role("button", name="Cancel…")).to_be_visible()
    run = SyncRun.objects.get()

    def work():
        carry_out(claim(run.pk, worker="test"))
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()

    expect(page.locator("[data-region=run] .pill").first).to_have_text("Succeeded", timeout=WITHIN)
    expect(page.locator("[data-field=fetched]")).to_have_text(str(SyncRun.objects.get().fetched))
    expect(page.get_by_role("button", name="Cancel…")).to_have_count(0)
    expect(page.locator(".d-toast")).to_contain_text("Users: the sync is done", timeout=WITHIN)


@pytest.mark.django_db(transaction=True)
def test_cancelling_asks_first_and_says_what_stays(page: Page, sign_in, root):
    run = SyncRunFactory(
        status="running",
        heartbeat_at=timezone.now(),
        worker="elsewhere",
        pages_done=2,
        pages_total=9,
        fetched=500,
    )
    sign_in(page, root)
    page.goto(f"/admin/integrations/syncrun/{run.pk}/change/")

    page.get_by_role("button", name="Cancel…").click()
    expect(page.get_by_role("dialog")).to_contain_text("500 rows read so far stay stored")
    page.get_by_role("button", name="Let it run").click()
    run.refresh_from_db()
    assert run.cancel_requested_at is None

    page.get_by_role("button", name="Cancel…").click()
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.get_by_text("The run stops within seconds")).to_be_visible()
    run.refresh_from_db()
    assert run.cancel_requested_at is not None


@pytest.mark.django_db(transaction=True)
def test_both_toggles_say_at_once_that_nothing_is_sent(page: Page, sign_in, root):
    sign_in(page, root)
    page.goto("/admin/tools/")
    page.click("[data-dialog=tool-import-users]")
    hint = page.get_by_text("Both are on: no e-mails are sent")
    expect(hint).to_be_hidden()

    page.locator("#tool-import-users [name=allow_emails]").click()

    expect(hint).to_be_visible()


@pytest.mark.django_db(transaction=True)
def test_a_team_is_found_by_typing_inside_the_dialog(page: Page, sign_in, root, acme, globex):
    sign_in(page, root)
    page.goto("/admin/tools/")
    page.click("[data-dialog=tool-import-users]")
    page.locator("#tool-import-users .select2-selection").click()

    page.locator("#tool-import-users .select2-search__field").fill("glo")

    expect(page.locator("#tool-import-users .select2-results__option")).to_have_text(["Globex"])


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "path", ["/admin/", "/admin/tools/", "/admin/integrations/syncrun/", "/admin/notices/"]
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_of_a_narrow_window(path, scheme, page: Page, sign_in, root, screenshot):
    SyncRunFactory(
        kind="users", status="partial", errors=[{"object": "x" * 300, "message": "A" * 500}], failed=1
    )
    notices.tell([root], "W" * 300)
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, root)

    page.goto(path)

    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    screenshot(page, f"narrow-{scheme}-{path.strip('/').replace('/', '-')}")
