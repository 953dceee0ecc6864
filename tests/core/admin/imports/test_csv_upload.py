"""CSV Upload on the Users page: upload, map columns, review, import."""

import io
import zipfile

import pytest
from django.urls import reverse

from core.imports import batches
from core.models import Enrollment, ImportBatch, Membership, SiteSettings, Team, User
from tests.core.admin.imports.conftest import OPTIONS, UPLOAD, a_book, a_file
from tests.factories import MembershipFactory, TeamFactory, UserFactory, builtin_role

pytestmark = pytest.mark.django_db
PEOPLE = "Who,Mail,Squad,Shoe size\nCarla Cruz,carla@new.example,Acme,43\nDan,dan@localhost,Acme,44\n"


def test_the_four_steps(flow, root, acme):
    steps = flow(root)
    first = steps.get("/admin/imports/new/")
    assert "Template (CSV)" in first and "Assign to Team" in first

    page = steps.upload(PEOPLE)
    assert steps.at.endswith("/columns/")
    assert "Carla Cruz" in page and "carla@new.example" in page
    page = steps.map("name", "email", "team", "")
    assert steps.at.endswith("/review/")
    assert "1 line with problems" in page and "what follows the @ has no dot" in page
    assert "Ignored columns" in page and "Shoe size" in page
    assert not User.objects.filter(email="carla@new.example").exists()

    page = steps.start(page)
    assert steps.at == f"/admin/core/importbatch/{steps.batch.pk}/change/"
    assert "Waits for a worker" in page and 'role="progressbar"' in page
    batch = steps.carry_out()
    assert batch.status == ImportBatch.Status.PARTIAL
    assert Membership.objects.filter(user__email="carla@new.example", team=acme).exists()
    page = steps.get(f"/admin/core/importbatch/{batch.pk}/change/?tab=rows")
    assert "dan@localhost" in page and "carla@new.example" in page


def test_columns_are_guessed_and_remembered(flow, root, acme):
    steps = flow(root)
    page = steps.upload("E-Mail-Adresse;Abteilung;Who\na@new.example;Acme;Ada\n")
    assert '<option value="email" selected>' in page and '<option value="team" selected>' in page
    assert '<option value="name" selected>' not in page
    assert "separated by semicolons" in page
    steps.map("email", "team", "name")

    again = steps.upload("E-Mail-Adresse;Abteilung;Who\nb@new.example;Acme;Bea\n")
    assert '<option value="name" selected>' in again


def test_a_mapping_that_cannot_be_is_said_and_kept(flow, root):
    steps = flow(root)
    steps.upload(PEOPLE)
    page = steps.map("name", "", "team", "role")
    assert steps.at.endswith("/columns/")
    assert "No column is mapped to E-mail" in page
    assert '<option value="role" selected>' in page
    assert steps.batch.status == ImportBatch.Status.UPLOADED


def test_everybody_joins_the_team_that_was_assigned(flow, root, acme):
    steps = flow(root)
    steps.upload("Email\ncarla@new.example\n", team=acme.pk)
    assert "Everybody joins Acme." in steps.map("email", team=acme.pk)
    steps.start(steps.get(steps.at))
    assert steps.carry_out().rows_created == 1
    assert acme.memberships.filter(user__email="carla@new.example").exists()


def test_options_do_what_they_say(flow, root, acme, ana, mailoutbox):
    steps = flow(root)
    steps.upload(f"Name,Email,Team\nNew Name,{ana.email},Fresh\nCarla,carla@new.example,Fresh\n")
    page = steps.map("name", "email", "team", existing="update", create_teams="on", in_thinkific="")
    assert "New teams" in page and "Fresh" in page
    steps.start(page)
    steps.carry_out()
    ana.refresh_from_db()
    assert str(ana) == "New Name"
    assert Team.objects.filter(name="Fresh").exists()
    assert not mailoutbox
    assert Enrollment.objects.count() == 0


def test_cells_are_corrected_in_the_review(flow, root, acme):
    steps = flow(root)
    steps.upload(PEOPLE)
    steps.map("name", "email", "team", "")
    page = steps.post(steps.at, {"c-3-1": "dan@new.example", "c-2-1": "evil@new.example"})
    assert "No problems found" in page
    assert "Lines corrected here (1)" in page
    # Cells without a problem cannot be changed here: line 2 stays as the file has it.
    assert batches.corrections_of(steps.batch) == {3: {1: "dan@new.example"}}
    steps.start(page)
    assert steps.carry_out().rows_created == 2
    assert set(User.objects.filter(email__endswith="new.example").values_list("email", flat=True)) == {
        "carla@new.example",
        "dan@new.example",
    }


def test_a_corrected_file_takes_the_place_of_the_first(flow, root, acme):
    steps = flow(root)
    steps.upload(PEOPLE)
    steps.map("name", "email", "team", "", existing="update")
    first = steps.batch
    page = steps.upload(PEOPLE.replace("dan@localhost", "dan@new.example"), replaces=first.pk)
    assert steps.batch != first and steps.at == f"/admin/imports/{steps.batch.pk}/review/"
    assert "No problems found" in page
    assert batches.options_of(steps.batch).existing == "update"


def test_a_sheet_is_chosen(flow, root, acme):
    steps = flow(root)
    book = a_book(
        {
            "Notes": [["Remember"], ["the milk"]],
            "People": [["Email", "Team"], ["carla@new.example", "Acme"]],
        }
    )
    page = steps.upload(book, "people.xlsx")
    assert "Show this sheet" in page and "the milk" in page
    url = f"/admin/imports/{steps.batch.pk}/columns/"
    page = steps.get(f"{url}?sheet=People")
    assert "carla@new.example" in page and '<option value="email" selected>' in page
    assert "carla@new.example" not in steps.get(f"{url}?sheet=Nothing")
    page = steps.map("email", "team", sheet="People")
    assert "No problems found" in page and "carla@new.example" in page
    steps.start(page)
    assert steps.carry_out().rows_created == 1


def test_lines_are_found_by_their_problem(flow, root, acme):
    lines = [f"p{n}@new.example,{'Acme' if n % 2 else f'Team {n}'}" for n in range(150)]
    steps = flow(root)
    steps.upload("Email,Team\n" + "\n".join([*lines, "wrong,Acme"]) + "\n")
    page = steps.map("email", "team")
    assert "Lines with problems (76)" in page and "Lines without problems (75)" in page
    assert "Team: There is no team … (75)" in page.replace("..", ".") or "There is no team …" in page
    at = steps.at
    assert steps.get(f"{at}?show=all&p=4").count("<tr") == 2  # the header and line 152
    good = steps.get(f"{at}?show=valid&p=2")
    assert "p101@new.example" in good and "p100@new.example" not in good
    assert "No line is like this" in steps.get(f"{at}?show=k-000000000000")
    assert steps.get(f"{at}?show=all&p=99999999999999999999999")


# --- files that cannot be ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"", "a.csv", "is empty"),
        (b"\x00\x01\x02\xff" * 400, "a.csv", "a.csv"),
        (b"PK\x03\x04rubbish", "a.xlsx", "a.xlsx"),
        (b"Email,Name\n" + b"x" * 2_000_000, "a.csv", "a.csv"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_beside_the_field(flow, root, content, name, says):
    steps = flow(root)
    page = steps.upload(content, name)
    alert = page.partition("data-file-error")[2].partition("</p>")[0]
    assert says in alert
    assert not ImportBatch.objects.exists()


def test_a_large_file_gets_a_sentence(flow, root):
    page = flow(root).upload(b"Email\n" + b"a@b.example\n" * 4_400_000, "big.csv")
    assert "files must be smaller than 50 MB" in page
    assert not ImportBatch.objects.exists()


def test_without_a_file(flow, root):
    steps = flow(root)
    assert "Choose a CSV or XLSX file." in steps.post(UPLOAD, {"way": "users"})
    assert "Choose a CSV or XLSX file." in steps.post(UPLOAD, {"way": "tools", **OPTIONS})


def test_a_zip_bomb_is_refused(flow, root):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * 300_000_000)
    assert not ImportBatch.objects.exists()
    assert "data-file-error" in flow(root).upload(file.getvalue(), "bomb.xlsx")
    assert not ImportBatch.objects.exists()


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>.csv", "a\x00b\x07\n.csv", "a" * 900 + ".csv", "‮gnp.csv"]
)
def test_names_of_files_are_shown_and_downloaded_safely(flow, root, name):
    steps = flow(root)
    answer = steps.client.post(UPLOAD, {"file": a_file(PEOPLE, name), "way": "users"}, follow=True)
    assert b"<script>alert(1)" not in answer.content
    file = steps.client.get(f"/admin/core/importbatch/{steps.batch.pk}/file/")
    assert b"".join(file) == PEOPLE.encode()
    disposition = file["Content-Disposition"]
    assert disposition.startswith("attachment") and len(disposition) < 1000
    assert not set(disposition) & set("<>\n\r\x00\x07")


def test_the_template_can_be_filled_and_uploaded(flow, root, acme):
    steps = flow(root)
    csv = steps.client.get("/admin/imports/template.csv")
    assert csv["Content-Disposition"] == 'attachment; filename="people.csv"'
    page = steps.upload(csv.content + b"Carla,Cruz,carla@new.example,Acme,,,,\n")
    assert page.count("selected>Do not import") == 0
    book = steps.client.get("/admin/imports/template.xlsx").content
    assert zipfile.is_zipfile(io.BytesIO(book))
    assert steps.client.get("/admin/imports/template.exe").status_code == 404


# --- managers of teams -----------------------------------------------------------------------------------


def test_a_manager_imports_into_their_own_team_only(flow, owen, acme, globex):
    steps = flow(owen)
    page = steps.get(f"/admin/core/team/{acme.pk}/change/?tab=users")
    assert f"/admin/imports/new/?team={acme.pk}" in page
    assert "Globex" not in steps.get(f"/admin/imports/new/?team={globex.pk}")
    page = steps.upload("Email,Team\ncarla@new.example,Globex\n", team=globex.pk)
    assert not ImportBatch.objects.exists()

    steps.upload("Email,Team\ncarla@new.example,\ndan@new.example,Globex\n", team=acme.pk)
    page = steps.map("email", "team", team=acme.pk, create_teams="on")
    assert "You cannot import people into a team “Globex”" in page
    steps.start(page)
    batch = steps.carry_out()
    assert (batch.rows_created, batch.rows_failed) == (1, 1)


def test_a_stranger_looks_like_a_new_address(flow, owen, acme):
    UserFactory(email="secret@elsewhere.example", first_name="Hidden", last_name="Person")
    steps = flow(owen)
    steps.upload("Email\nsecret@elsewhere.example\nnew@elsewhere.example\n", team=acme.pk)
    page = steps.map("email", team=acme.pk)
    assert "Hidden" not in page and "No problems found" in page
    steps.start(page)
    batch = steps.carry_out()
    page = steps.get(f"/admin/core/importbatch/{batch.pk}/change/?tab=rows")
    assert "Hidden" not in page and "secret@elsewhere.example" in page


def test_who_may_not_import_finds_no_button_and_no_page(flow, mara, ana, acme):
    for person in (mara, ana):
        steps = flow(person)
        for url in ("/admin/imports/new/", "/admin/imports/template.csv", UPLOAD, "/admin/tools/csv/"):
            assert steps.client.get(url).status_code == 403
        assert steps.client.post(UPLOAD, {"file": a_file(PEOPLE)}).status_code == 403
    steps = flow(mara)
    assert "/admin/imports/new/" not in steps.get(f"/admin/core/team/{acme.pk}/change/?tab=users")
    assert "CSV Upload" not in steps.get("/admin/core/user/")
    assert steps.client.get(reverse("admin:core_user_csv_upload")).status_code == 403
    assert not ImportBatch.objects.exists()


def test_a_manager_of_one_team_begins_with_it(flow, owen, acme):
    page = flow(owen).get("/admin/imports/new/")
    assert f'<option value="{acme.pk}" selected' in page


def test_the_default_team_is_for_administrators(flow, root, owen, acme):
    SiteSettings.objects.update(default_team=acme)
    steps = flow(root)
    steps.upload("Email\ncarla@new.example\n")
    assert "No problems found" in steps.map("email")
    MembershipFactory(user=owen, team=TeamFactory(), role=builtin_role("owner"))
    steps = flow(owen)
    steps.upload("Email\ndan@new.example\n")
    assert "Every person is in a team" in steps.map("email")


def test_a_file_with_a_header_only_says_so(flow, root):
    steps = flow(root)
    steps.upload("Email,Name\n")
    page = steps.map("email", "name")
    assert "The file has no lines" in page and "Add a row for each person" in page
    assert "data-import" not in page
