"""Upload Group Matching: choose a file, validate, correct, import; and its page under Imports."""

import io
import re

import pytest
from openpyxl import load_workbook

from core.imports import batches, running
from core.models import Direction, GroupAssignment, ImportBatch
from core.permissions import scope
from integrations.models import SyncRun
from tests.core.admin.imports.conftest import OPTIONS, UPLOAD, a_book, a_file
from tests.factories import GroupAssignmentFactory, RoleFactory, ThinkificGroupFactory, UserFactory

pytestmark = pytest.mark.django_db
FIRST = "/admin/tools/group-matching/"
LIST = "/admin/core/importbatch/"
WRONG = """Group,Team,Direction,Role
Sales Muller,Acme,Disabled,
Twice,Acme,,
North,Acne,,
North,Acme,sideways,
South,Acme,,Manager
"""
COLUMNS = {"m-0": "group", "m-1": "team", "m-2": "direction", "m-3": "role"}


@pytest.fixture
def groups(db):
    ThinkificGroupFactory(name="Twice", thinkific_id=5001)
    ThinkificGroupFactory(name="twice", thinkific_id=5002)
    return {name: ThinkificGroupFactory(name=name) for name in ("Sales Müller", "North", "South")}


@pytest.fixture
def matcher(mara):
    """Mara, who may match groups of her team, and may not use Tools."""
    codes = ("tools.csv", "users.create", "groups.assign")
    mara.memberships.update(overrides=dict.fromkeys(codes, "allow"))
    return mara


def match(steps, text, name="groups.csv", **fields) -> str:
    return steps.upload(text, name, **{"way": "groups", **fields})


def figures(page: str) -> dict[str, str]:
    return dict(re.findall(r"<dt[^>]*>([^<]+)</dt><dd[^>]*>([\d,]+)</dd>", page))


# --- the way --------------------------------------------------------------------------------------------


def test_a_card_leads_to_the_page(flow, root):
    steps = flow(root)
    assert f'href="{FIRST}"' in steps.get("/admin/tools/")
    page = steps.get(FIRST)
    assert "Validate" in page and "Sync the matched groups at once" in page
    assert "Dashboard-to-Thinkific: only the first." in page and "Its Thinkific ID, its token" in page


def test_templates_have_the_columns(flow, root):
    browser = flow(root).client
    answer = browser.get(f"{FIRST}template.csv")
    assert answer.content.decode("utf-8-sig").strip() == '"Group","Team","Direction","Role"'
    assert 'filename="group-matching.csv"' in answer["Content-Disposition"]
    answer = browser.get(f"{FIRST}template.xlsx")
    rows = load_workbook(io.BytesIO(answer.content)).active.iter_rows(values_only=True)
    assert list(rows) == [("Group", "Team", "Direction", "Role")]
    assert browser.get(f"{FIRST}template.ods").status_code == 404


def test_names_are_corrected_on_the_screen_and_the_import_undone(flow, root, acme, groups):
    steps = flow(root)
    page = match(steps, WRONG)
    assert steps.at == f"{FIRST}{steps.batch.pk}/"
    assert "4 lines with problems" in page and "Import 1 line<" in page
    assert re.search(r'<input name="c-2-0"[^>]*value="Sales Muller"[^>]*aria-invalid="true"', page)
    assert "Did you mean “Sales Müller”?" in page and "Write the Thinkific ID of one: 5001 and 5002." in page
    assert "Did you mean “Acme”?" in page and "“sideways” is no direction." in page
    assert not GroupAssignment.objects.exists()

    cells = {"c-2-0": "Sales Müller", "c-3-0": "5001", "c-4-1": "Acme", "c-5-2": "Disabled"}
    page = steps.post(steps.at, {**COLUMNS, **cells})
    assert "1 line with problems" in page and "Line 4 is about the same group and team." in page
    assert figures(page)["New assignments"] == "4"
    steps.start(page, way="groups")
    batch = steps.carry_out()
    assert (batch.status, batch.rows_created, batch.rows_failed) == ("partial", 4, 1)
    found = GroupAssignment.objects.values_list("group__name", "direction", "role__code")
    assert set(found) == {
        ("Sales Müller", "disabled", None),
        ("Twice", "bidirectional", None),
        ("North", "bidirectional", None),
        ("South", "bidirectional", "manager"),
    }
    failed = b"".join(steps.client.get(f"{LIST}{batch.pk}/failures/")).decode()
    assert "Line 4 is about" in failed and "South" not in failed

    undo = f"{LIST}{batch.pk}/do/undo/"
    assert "4 assignments" in steps.get(undo)
    steps.post(undo, dict(steps.client.get(undo).context["asked"]))
    running.run_due()
    assert steps.batch.status == "undone" and not GroupAssignment.objects.exists()


def test_a_workbook_says_what_is_there_and_what_changes(flow, root, acme, groups):
    GroupAssignmentFactory(group=groups["North"], team=acme, direction=Direction.BIDIRECTIONAL)
    GroupAssignmentFactory(group=groups["South"], team=acme, direction=Direction.BIDIRECTIONAL)
    rows = [["Group", "Team", "Direction"], ["North", "Acme", ""], ["South", "Acme", "Disabled"]]
    steps = flow(root)
    page = match(steps, a_book({"Sheet": [*rows, ["Sales Müller", "Acme", ""]]}), "groups.xlsx")
    assert "No problems found" in page
    counted = figures(page)
    assert [counted[name] for name in ("New assignments", "Changed assignments", "Already there")] == [
        "1"
    ] * 3
    steps.start(page, way="groups")
    batch = steps.carry_out()
    assert (batch.rows_created, batch.rows_updated, batch.rows_unchanged) == (1, 1, 1)


def test_columns_with_unknown_headers_are_asked_for(flow, root, acme, groups):
    steps = flow(root)
    page = match(steps, "One,Two\nNorth,Acme\n")
    assert "No column is mapped to Group" in page and '<details class="import-details" open>' in page
    assert '<option value="direction">Direction</option>' in page and 'value="email"' not in page
    page = steps.post(steps.at, {"m-0": "group", "m-1": "team"})
    assert "Import 1 line<" in page


def test_a_file_that_cannot_be_read_is_refused_on_the_page(flow, root):
    page = match(flow(root), b"")
    assert "import-wrong" in page and "Upload Group Matching" in page and not ImportBatch.objects.exists()


def test_a_corrected_file_keeps_the_options(flow, root, acme, groups):
    steps = flow(root)
    match(steps, WRONG, sync="on")
    page = match(steps, "Group,Team\nNorth,Acme\n", replaces=steps.batch.pk)
    assert "No problems found" in page and steps.at == f"{FIRST}{steps.batch.pk}/"
    assert batches.options_of(steps.batch).sync


def test_a_stale_page_starts_nothing(flow, root, acme, groups):
    steps = flow(root)
    old = match(steps, "Group,Team,Role\nNorth,Acme,Manager\n")
    steps.post(steps.at, {"m-0": "group", "m-1": "team"})
    assert "validated again since" in steps.start(old, way="groups")
    assert steps.at == f"{FIRST}{steps.batch.pk}/" and steps.batch.status == "validated"


@pytest.mark.usefixtures("connected")
def test_matched_groups_are_synced_if_that_is_chosen(flow, root, acme, groups):
    steps = flow(root)
    page = match(steps, "Group,Team\nNorth,Acme\n", sync="on")
    steps.start(page, way="groups")
    batch = steps.carry_out()
    assert SyncRun.objects.get().options == {"group_id": groups["North"].pk}
    assert "The matched groups are synced afterwards." in steps.get(f"{LIST}{batch.pk}/change/")


# --- its page under Imports -----------------------------------------------------------------------------


def test_the_page_of_the_import_speaks_of_groups(flow, root, acme, groups):
    steps = flow(root)
    page = match(steps, WRONG)
    url = f"{LIST}{steps.batch.pk}/change/"
    assert f'href="{FIRST}{steps.batch.pk}/"' in steps.get(url)
    steps.start(page, way="groups")
    steps.carry_out()
    page = steps.get(url)
    assert "Group matching" in page and "Created" in page and "Invited" not in page and "Joined" not in page
    lines = steps.get(f"{url}?tab=matches")
    assert "South" in lines and "Sales Muller" in lines and "Did you mean “Sales Müller”?" in lines
    assert ">Person<" not in lines and "Invited" not in lines
    good = steps.get(f"{url}?tab=matches&outcome=1")
    assert "South" in good and "Sales Muller" not in good
    assert "groups.csv" in steps.get(f"{LIST}?kind=group-matching")
    assert "groups.csv" not in steps.get(f"{LIST}?kind=users")


# --- who ------------------------------------------------------------------------------------------------


def test_without_both_rights_there_is_neither_card_nor_page(flow, root, mara, ana, acme, groups):
    steps = flow(root)
    match(steps, WRONG)
    url = f"{FIRST}{steps.batch.pk}/"
    for codes in (["tools.import", "tools.csv", "users.create"], ["tools.import", "groups.assign"]):
        helper = UserFactory(global_role=RoleFactory(is_global=True, permissions=[*codes, "users.view"]))
        browser = flow(helper)
        assert FIRST not in browser.get("/admin/tools/")
        for address in (FIRST, url, f"{FIRST}template.csv"):
            assert browser.client.get(address).status_code == 403
        sent = {"file": a_file(WRONG, "groups.csv"), "way": "groups"}
        assert browser.client.post(UPLOAD, sent).status_code == 403
    for person in (mara, ana):
        assert flow(person).client.get(FIRST).status_code == 403
    assert ImportBatch.objects.count() == 1


def test_whoever_may_start_no_runs_is_not_offered_the_sync(flow, matcher, acme, groups):
    GroupAssignmentFactory(group=groups["North"], team=acme)
    assert not scope.may_start_runs(matcher)
    steps = flow(matcher)
    assert steps.post("/admin/core/thinkificgroup/group_matching") and steps.at == FIRST
    page = steps.get(FIRST)
    assert "Sync the matched groups" not in page and 'href="/admin/tools/"' not in page
    page = match(steps, "Group,Team,Direction\nNorth,Acme,Disabled\nSouth,Acme,\n", sync="on")
    assert "There is no group “South”" in page and "Import 1 line<" in page
    assert "Sync the matched groups" not in page and not batches.options_of(steps.batch).sync
    steps.post(steps.at, {**COLUMNS, "sync": "on"})
    assert not batches.options_of(steps.batch).sync
    steps.start(steps.get(steps.at), way="groups")
    assert steps.carry_out().rows_updated == 1 and not SyncRun.objects.exists()


def test_addresses_of_another_kind_or_person_answer_404(flow, root, alma, acme, groups):
    steps = flow(root)
    page = match(steps, WRONG)
    key = steps.batch.pk
    people = [f"/admin/tools/csv/{key}/", f"/admin/imports/{key}/columns/", f"/admin/imports/{key}/review/"]
    for url in people:
        assert steps.client.get(url).status_code == 404
        assert steps.client.post(url, {"m-0": "email"}).status_code == 404
    digest = re.search(r'name="digest" value="(\w+)"', page)[1]
    start = f"/admin/imports/{key}/start/"
    for way in ("users", "tools"):
        assert steps.client.post(start, {"way": way, "digest": digest}).status_code == 404
        sent = {"file": a_file(WRONG, "groups.csv"), "way": way, "replaces": key}
        assert steps.client.post(UPLOAD, sent).status_code == 404
    assert flow(alma).client.get(f"{FIRST}{key}/").status_code == 404
    assert flow(alma).client.post(start, {"way": "groups", "digest": digest}).status_code == 404

    steps.in_tools("Email,Team\ncarla@new.example,Acme\n", **OPTIONS)
    other = steps.batch.pk
    assert steps.client.get(f"{FIRST}{other}/").status_code == 404
    assert steps.client.post(f"/admin/imports/{other}/start/", {"way": "groups"}).status_code == 404
    assert set(ImportBatch.objects.values_list("status", flat=True)) == {"validated"}
