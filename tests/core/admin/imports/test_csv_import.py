"""CSV Import under Tools: choose a file, validate, correct, import."""

import re

import pytest

from core.imports import batches
from core.models import ImportBatch, Team, User
from core.permissions import scope
from tests.core.admin.imports.conftest import OPTIONS, UPLOAD, Flow, a_book, a_file
from tests.factories import ProductFactory, RoleFactory, SeatFactory, UserFactory

pytestmark = pytest.mark.django_db
WRONG = """Name,Email,Team
Carla Cruz,carla@new.example,Acme
Dan,dan@localhost,Acme
Erin,erin@new.example,Acmee
"""


def test_the_tab_is_the_second_one(flow, root):
    page = flow(root).get("/admin/tools/")
    tabs = page.partition('aria-label="Tools"')[2].partition("</nav>")[0]
    assert re.findall(r">(\w[\w ]*)</a>", tabs) == ["Import", "CSV Import", "Teams", "Migration"]
    assert 'href="/admin/tools/csv/"' in tabs


def test_validate_marks_cells_and_writes_nothing(flow, root, acme):
    steps = flow(root)
    page = steps.in_tools(WRONG)
    assert steps.at == f"/admin/tools/csv/{steps.batch.pk}/"
    assert "2 lines with problems" in page
    assert re.search(r'<input name="c-3-1"[^>]*value="dan@localhost"[^>]*aria-invalid="true"', page)
    assert re.search(r'<input name="c-4-2"[^>]*value="Acmee"', page)
    assert "Did you mean “Acme”?" in page
    assert not User.objects.filter(email__endswith="new.example").exists()


def test_fixed_in_the_file_and_validated_again(flow, root, acme):
    steps = flow(root)
    steps.in_tools(WRONG, existing="update")
    fixed = WRONG.replace("localhost", "new.example").replace("Acmee", "Acme")
    page = steps.upload(fixed, way="tools", replaces=steps.batch.pk)
    assert "No problems found" in page and steps.at == f"/admin/tools/csv/{steps.batch.pk}/"
    assert batches.options_of(steps.batch).existing == "update"
    steps.start(page, way="tools")
    assert steps.carry_out().rows_created == 3


def test_corrected_on_the_screen_and_validated_again(flow, root, acme):
    steps = flow(root)
    steps.in_tools(WRONG)
    columns = {"m-0": "name", "m-1": "email", "m-2": "team", **OPTIONS}
    page = steps.post(steps.at, {**columns, "c-3-1": "dan@new.example", "c-4-2": "Acmee"})
    assert "1 line with problems" in page
    page = steps.post(steps.at, {**columns, "c-3-1": "dan@new.example", "c-4-2": "Acme"})
    assert "No problems found" in page and "Import 3 lines" in page
    steps.start(page, way="tools")
    assert steps.carry_out().rows_created == 3


def test_valid_lines_go_in_and_failures_come_back(flow, root, acme):
    steps = flow(root)
    page = steps.in_tools(WRONG)
    assert "Import 1 line<" in page and "2 lines with problems will be left out" in page
    steps.start(page, way="tools")
    batch = steps.carry_out()
    assert (batch.status, batch.rows_created, batch.rows_failed) == ("partial", 1, 2)
    answer = steps.client.get(f"/admin/core/importbatch/{batch.pk}/failures/")
    failed = b"".join(answer).decode()
    assert 'filename="people-failed.csv"' in answer["Content-Disposition"]
    assert "dan@localhost" in failed and "carla@new.example" not in failed

    # Corrected, it is uploaded again; its column Error is nothing to import.
    page = steps.in_tools(failed.replace("localhost", "new.example").replace("Acmee", "Acme"))
    assert "No problems found" in page and "Ignored columns" not in page
    steps.start(page, way="tools")
    assert steps.carry_out().rows_created == 2


def test_failures_with_formulas_are_uploaded_again_unchanged(flow, root, acme):
    steps = flow(root)
    text = "=Name,Email,Team,Tags\n+Carla,wrong,Acme,-a;=b\n"
    columns = {"m-0": "name", "m-1": "email", "m-2": "team", "m-3": "tags"}
    steps.in_tools(text, create_tags="on")
    steps.post(steps.at, {**columns, **OPTIONS, "create_tags": "on"})
    failed = b"".join(steps.client.get(f"/admin/core/importbatch/{steps.batch.pk}/failures/"))
    assert b"'+Carla" in failed and b"'-a;'=b" in failed  # no spreadsheet runs it

    page = steps.in_tools(failed, "people-failed.csv", create_tags="on")
    page = steps.post(steps.at, {**columns, **OPTIONS, "create_tags": "on", "c-2-1": "carla@new.example"})
    assert "New tags" in page
    steps.start(page, way="tools")
    steps.carry_out()
    carla = User.objects.get(email="carla@new.example")
    assert str(carla) == "+Carla" and {tag.name for tag in carla.tags.all()} == {"-a", "=b"}


def test_missing_teams_are_made_only_where_that_is_ticked(flow, root):
    steps = flow(root)
    text = "Email,Team\ncarla@new.example,Fresh\n"
    assert "There is no team “Fresh”" in steps.in_tools(text)
    page = steps.in_tools(text, create_teams="on")
    assert "New teams" in page and "Fresh" in page
    steps.start(page, way="tools")
    steps.carry_out()
    assert Team.objects.get(name="Fresh").memberships.filter(user__email="carla@new.example").exists()


def test_a_seat_that_is_too_small_is_said_before(flow, root, acme):
    product = ProductFactory(name="Safety 101")
    seat = SeatFactory(product=product, max_seats=2)
    seat.assignments.create(team=acme, product=product)
    lines = "".join(f"p{n}@new.example,Acme,Safety 101\n" for n in range(3))
    page = flow(root).in_tools("Email,Team,Enrollments\n" + lines)
    assert "needs 3 places, 2 are free" in page and "Safety 101" in page


def test_a_file_whose_columns_are_unknown_asks_for_them(flow, root, acme):
    steps = flow(root)
    page = steps.in_tools("Who,Where\ncarla@new.example,Acme\n")
    assert steps.at == f"/admin/tools/csv/{steps.batch.pk}/"
    assert "No column is mapped to E-mail" in page and '<details class="import-details" open>' in page
    assert "Import 1 line" not in page
    page = steps.post(steps.at, {"m-0": "email", "m-1": "team", **OPTIONS})
    assert "Import 1 line<" in page


def test_a_wrong_option_is_refused_beside_its_field(flow, root):
    steps = flow(root)
    page = steps.in_tools(WRONG, existing="rubbish")
    assert "Select a valid choice" in page and not ImportBatch.objects.exists()
    steps.in_tools(WRONG)
    assert "Correct what is marked" in steps.post(steps.at, {"m-1": "email", **OPTIONS, "emails": "maybe"})


def test_another_sheet_is_shown_without_the_result_of_the_first(flow, root, acme):
    steps = flow(root)
    book = a_book({"One": [["Email", "Team"], ["wrong", "Acme"]], "Two": [["Mail"], ["carla@new.example"]]})
    assert "1 line with problems" in steps.in_tools(book, "people.xlsx")
    other = steps.get(f"{steps.at}?sheet=Two")
    assert "carla@new.example" in other and "lines with problems" not in other and 'id="result"' not in other
    page = steps.post(steps.at, {"sheet": "Two", "m-0": "email", **OPTIONS, "team": acme.pk})
    assert "Import 1 line<" in page and steps.batch.headers == ["Mail"]


# --- exactly what was validated --------------------------------------------------------------------------


def test_a_stale_page_starts_nothing(flow, root, acme):
    steps = flow(root)
    old = steps.in_tools(WRONG)
    steps.post(steps.at, {"m-1": "email", "m-2": "team", **OPTIONS})  # another window, without names
    page = steps.start(old, way="tools")
    assert "validated again since" in page and steps.at == f"/admin/tools/csv/{steps.batch.pk}/"
    assert steps.batch.status == ImportBatch.Status.VALIDATED
    assert "validated again since" in steps.start("", way="tools")


def test_a_second_click_starts_nothing_twice(flow, root, acme):
    steps = flow(root)
    page = steps.in_tools(WRONG)
    steps.start(page, way="tools")
    again = steps.start(page, way="tools")
    assert "was started already" in again
    assert steps.at == f"/admin/core/importbatch/{steps.batch.pk}/change/"
    steps.carry_out()
    assert User.objects.filter(email="carla@new.example").count() == 1
    for url in (f"/admin/tools/csv/{steps.batch.pk}/", f"/admin/imports/{steps.batch.pk}/columns/"):
        steps.post(url, {"m-1": "email", **OPTIONS})
        assert steps.at == f"/admin/core/importbatch/{steps.batch.pk}/change/"


def test_a_corrected_file_after_the_start_is_an_import_of_its_own(flow, root, acme):
    steps = flow(root)
    first = steps.in_tools(WRONG, existing="update")
    key = steps.batch.pk
    steps.start(first, way="tools")
    page = steps.upload(WRONG.replace("localhost", "new.example"), way="tools", replaces=key)
    assert steps.batch.pk != key and "1 line with problems" in page
    assert batches.options_of(steps.batch).existing == "update"
    assert "is empty" in steps.upload("", way="tools", replaces=key)


def test_what_is_on_the_screen_and_not_validated_is_not_imported(flow, root, acme):
    steps = flow(root)
    page = steps.in_tools(WRONG)
    steps.start(page, way="tools", **{"c-3-1": "dan@new.example", "create_teams": "on"})
    assert steps.carry_out().rows_created == 1


# --- who ------------------------------------------------------------------------------------------------


def test_who_may_use_the_tab(flow, root, alma, owen, mara, ana):
    steps = flow(root)
    steps.in_tools(WRONG)
    url = f"/admin/tools/csv/{steps.batch.pk}/"
    for person in (owen, mara, ana):  # Owen imports files for his team, on the Users page
        assert flow(person).client.get("/admin/tools/csv/").status_code == 403
    assert [flow(person).client.get(url).status_code for person in (alma, owen, mara)] == [404, 404, 403]
    helper = UserFactory(global_role=RoleFactory(is_global=True, permissions=["tools.import", "users.view"]))
    assert not scope.holds(helper, "tools.csv")
    assert "CSV Import" not in flow(helper).get("/admin/tools/")
    assert flow(helper).client.get("/admin/tools/csv/").status_code == 403


def test_anothers_file_is_out_of_reach(flow, root, alma, owen, acme):
    steps = flow(owen)
    steps.upload("Email,Team\ncarla@new.example,Acme\n")
    page = steps.map("email", "team")
    key = steps.batch.pk
    for person in (root, alma):
        other = flow(person)
        for url in ("columns", "review"):
            assert other.client.get(f"/admin/imports/{key}/{url}/").status_code == 404
            assert other.client.post(f"/admin/imports/{key}/{url}/", {"m-0": "email"}).status_code == 404
        assert other.client.post(f"/admin/imports/{key}/start/").status_code == 404
        answer = other.client.post(UPLOAD, {"file": a_file(WRONG), "way": "tools", "replaces": key})
        assert answer.status_code == 404
    assert ImportBatch.objects.count() == 1
    assert page and steps.batch.status == ImportBatch.Status.VALIDATED


def test_forms_need_the_token(client_with_csrf, root):
    browser: Flow = client_with_csrf(root)
    for url in (UPLOAD, "/admin/imports/1/columns/", "/admin/imports/1/review/", "/admin/imports/1/start/"):
        assert browser.client.post(url).status_code == 403
    assert browser.client.get("/admin/imports/1/start/").status_code == 405


def test_pickers_offer_only_teams_to_import_into(flow, owen, acme, globex):
    browser = flow(owen).client
    for term, found in (("acm", ["Acme"]), ("glob", [])):
        answer = browser.get("/admin/imports/new/", {"pick": "team", "term": term, "page": "1"})
        assert [one["text"] for one in answer.json()["results"]] == found
    assert browser.get("/admin/imports/new/", {"pick": "file"}).status_code == 404
