"""Comparing both sides in a browser, viewing and repairing the differences, with real runs and drains."""

import threading

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from core.models import User
from core.processes import this_process
from integrations.models import SyncRun
from integrations.thinkific.kinds import PULLS, carry_out
from integrations.thinkific.push.drain import drain
from integrations.thinkific.runs import lifecycle

pytestmark = pytest.mark.django_db(transaction=True)


def work(*kinds: str) -> None:
    """Does what the worker does: carries out runs of these kinds (starting those not queued), then drains."""

    def carry() -> None:
        for kind in kinds:
            run, _ = lifecycle.open_run(kind)
            claimed = lifecycle.claim(run.pk, worker=this_process())
            assert claimed is not None
            carry_out(claimed)
        drain(seconds=20)
        connection.close()

    worker = threading.Thread(target=carry)
    worker.start()
    worker.join()
    assert not SyncRun.objects.exclude(status="succeeded").exists()


@pytest.mark.slow
def test_drift_is_compared_looked_at_previewed_and_repaired(page: Page, sign_in, root, connected, screenshot):
    work(*PULLS)
    first, second = User.objects.filter(thinkific_id__isnull=False).order_by("pk")[:2]
    User.objects.filter(pk=first.pk).update(first_name="Wilhelmina")
    User.objects.filter(pk=second.pk).update(first_name="Zenobia")
    sign_in(page, root)
    page.goto("/admin/integrations/drift/")
    screenshot(page, "drift-empty")
    page.get_by_role("button", name="Compare now…").click()
    page.get_by_role("button", name="Compare now", exact=True).click()
    expect(page.get_by_text("The comparison has started")).to_be_visible()
    work("reconciliation")

    page.goto("/admin/")
    page.get_by_role("link", name="Repair").click()
    report = page.get_by_test_id("drift-report")
    expect(report).to_contain_text("2 drifted")
    report.get_by_role("link", name="Users").click()
    expect(page.locator("#result_list")).to_contain_text("Wilhelmina")
    screenshot(page, "drift")

    page.locator("#result_list tr", has_text="Wilhelmina").get_by_role("link", name="Push ours").click()
    preview = page.get_by_test_id("repair-preview")
    expect(preview).to_contain_text(f"{first.first_name} → Wilhelmina")
    screenshot(page, "drift-preview")
    page.get_by_role("button", name="Push ours for 1").click()
    expect(page.get_by_text("The repair has started")).to_be_visible()
    work("repair")
    assert connected.site.users[first.thinkific_id].first_name == "Wilhelmina"

    page.goto("/admin/integrations/drift/?state=open")
    page.get_by_role("row", name="Zenobia").get_by_role("checkbox").check()
    page.get_by_label("Select action to run").select_option("take_selected")
    page.get_by_role("button", name="Run").click()
    page.get_by_role("button", name="Take theirs for 1").click()
    work("repair")
    second.refresh_from_db()
    assert second.first_name != "Zenobia"
    page.goto("/admin/integrations/drift/")
    expect(page.locator("#result_list")).to_contain_text("Ours sent")
    expect(page.locator("#result_list")).to_contain_text("Theirs taken")
    screenshot(page, "drift-repaired")
