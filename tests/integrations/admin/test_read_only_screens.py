import pytest

from core.models import OutboxEntry
from integrations.models import SyncConflict
from tests.factories import InboundEventFactory, OutboxEntryFactory, SyncConflictFactory

SCREENS = {
    "/admin/core/outboxentry/": OutboxEntryFactory,
    "/admin/integrations/syncconflict/": SyncConflictFactory,
    "/admin/integrations/inboundevent/": InboundEventFactory,
}


@pytest.mark.parametrize(("url", "factory"), SCREENS.items())
def test_an_administrator_reads_list_and_detail(url, factory, signed_in, alma):
    row = factory()
    browser = signed_in(alma)

    assert browser.get(url).status_code == 200
    assert browser.get(f"{url}{row.pk}/change/").status_code == 200


@pytest.mark.parametrize("person", ["mara", "owen", "ana"])
@pytest.mark.parametrize(("url", "factory"), SCREENS.items())
def test_people_of_a_team_read_neither(person, url, factory, request, signed_in, db):
    row = factory()
    browser = signed_in(request.getfixturevalue(person))

    assert browser.get(url).status_code == 403
    assert browser.get(f"{url}{row.pk}/change/").status_code in {302, 403, 404}


@pytest.mark.parametrize(("url", "factory"), SCREENS.items())
def test_nothing_is_added_changed_or_deleted_there(url, factory, signed_in, root):
    row = factory()
    browser = signed_in(root)

    assert browser.get(f"{url}add/").status_code == 403
    assert browser.post(f"{url}{row.pk}/change/", {"error": "x"}).status_code == 403
    assert browser.post(f"{url}{row.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_payload_is_shown_as_text(signed_in, root):
    event = InboundEventFactory(payload={"name": "<script>alert(1)</script>"})

    page = signed_in(root).get(f"/admin/integrations/inboundevent/{event.pk}/change/").content.decode()

    assert "<script>alert(1)</script>" not in page
    assert "&lt;script&gt;" in page


def test_a_failed_change_stands_there_with_thinkifics_words(signed_in, root):
    OutboxEntryFactory(status=OutboxEntry.Status.FAILED, error="Email has already been taken")
    OutboxEntryFactory(status=OutboxEntry.Status.DONE, error="not shown")

    page = signed_in(root).get("/admin/core/outboxentry/?status=failed").content.decode()

    assert "Email has already been taken" in page
    assert "not shown" not in page


def settle(browser, conflict):
    data = {"action": "settle_selected", "_selected_action": [conflict.pk]}
    return browser.post("/admin/integrations/syncconflict/", data, follow=True)


def test_a_conflict_is_settled_by_name(signed_in, root):
    conflict = SyncConflictFactory()

    page = settle(signed_in(root), conflict).content.decode()

    conflict.refresh_from_db()
    assert conflict.settled_by == root
    assert "Settled 1 conflict" in page


def test_people_of_a_team_settle_nothing(signed_in, mara):
    conflict = SyncConflictFactory()

    settle(signed_in(mara), conflict)

    assert SyncConflict.objects.get().settled_at is None
