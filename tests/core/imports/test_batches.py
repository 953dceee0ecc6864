"""The life of an import: uploaded, validated, started, cancelled, taken over, undone."""

import io
import json
import os
from unittest.mock import ANY

import openpyxl
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core import acting
from core.errors import Refusal
from core.imports import batches, kinds, running
from core.imports.people.columns import guess
from core.imports.people.options import Options
from core.models import (
    Enrollment,
    ImportBatch,
    ImportRow,
    Membership,
    OutboxEntry,
    Team,
    User,
    UserTag,
)
from tests.core.imports.conftest import carried_out, messages, outcomes, upload, validated
from tests.factories import TagFactory

pytestmark = pytest.mark.django_db
TWO = "Email,Team\na@new.example,Acme\nb@new.example,Acme\n"


def test_headers_in_four_languages():
    assert guess(["Vorname", "Nachname", "E-Mail", "Abteilung"]) == {
        0: "first_name",
        1: "last_name",
        2: "email",
        3: "team",
    }
    assert guess(["Prénom", "Nom", "Courriel"]) == {0: "first_name", 1: "last_name", 2: "email"}
    assert guess(["Nombre", "Apellidos", "Correo electrónico"]) == {
        0: "first_name",
        1: "last_name",
        2: "email",
    }
    assert guess(["NAME", "e-mail address", "Shoe size", "Error"]) == {0: "name", 1: "email"}
    assert guess(["Nom", "Mail"]) == {0: "name", 1: "email"}


def test_a_mapping_is_remembered_for_the_next_file_with_the_same_headers(root, alma, acme):
    text = "Who,Where,Shoe size\na@new.example,Acme,43\n"
    batch = upload(root, text)
    assert batches.mapping_of(batch) == {}
    mapping = {0: "email", 1: "team"}
    report = batches.validate(batch, mapping=mapping, options=Options())
    assert (report.valid, report.ignored) == (1, ["Shoe size"])

    assert batches.mapping_of(upload(root, text)) == mapping
    assert batches.mapping_of(upload(alma, text)) == {}


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({1: "team"}, "No column is mapped to E-mail"),
        ({0: "email", 1: "email"}, "both mapped to E-mail"),
        ({0: "email", 7: "team"}, "no column 8"),
        ({0: "email", 1: "shoe"}, "no field “shoe”"),
        ({0: "email", 1: "name", 2: "last_name"}, "either Name, or"),
    ],
)
def test_a_mapping_that_cannot_be(root, mapping, says):
    batch = upload(root, "A,B,C\n1,2,3\n")
    with pytest.raises(Refusal, match=says):
        batches.validate(batch, mapping=mapping, options=Options())


def test_each_cell_says_what_to_do(root, acme):
    text = (
        "Name,Email,Team,Role,Tags\n"
        "A,,Acme,,\n"
        "B,b@localhost,Acme,,\n"
        "C,Cee@New.example,Acme,,\n"
        "D,cee@new.EXAMPLE,Acme,,\n"
        "E,e@münchen.example,Acm,,\n"
        f"{'F' * 256},f@new.example,Acme,,\n"
        "G,g@new.example,Acme,Studnet,\n"
        "H,h@new.example,Acme,,Vipp\n"
    )
    TagFactory(name="VIP")
    _, report = validated(root, text)
    assert messages(report) == [
        (2, "Email", "Every person needs an e-mail address. Enter it, or delete the line."),
        (3, "Email", "“b@localhost” is not an e-mail address: what follows the @ has no dot. Correct it."),
        (5, "Email", "Line 4 has the same address. Delete one of the two, or correct the address."),
        (6, "Team", "There is no team “Acm”. Did you mean “Acme”?"),
        (7, "Name", "This has 256 characters; 255 is the most."),
        (8, "Role", "There is no role “Studnet” for teams. Did you mean “Student”?"),
        (9, "Tags", "There is no tag “Vipp”. Did you mean “VIP”?"),
    ]
    assert report.problems[0].column == 1


def test_cells_are_corrected_on_the_screen(root, acme):
    text = "Email,Team\nwrong,Acme\nb@new.example,Acmee\n"
    batch, report = validated(root, text)
    assert report.valid == 0
    fixes = {2: {0: " right@new.example "}, 3: {1: "Acme"}}
    report = batches.validate(batch, mapping=batches.mapping_of(batch), options=Options(), corrections=fixes)
    assert report.valid == 2
    assert outcomes(carried_out(batch)) == [(2, "created"), (3, "created")]
    assert User.objects.filter(email="right@new.example").exists()


def test_failed_lines_come_back_as_a_file(root, acme):
    batch, _ = validated(
        root, 'Email,Team,Shoe size\n"x, y",Acme,43\nb@new.example,Acme,44\nc@new.example,Nope,45\n'
    )
    batch = carried_out(batch)
    lines = list(batches.failures(batch))
    assert lines[0] == ["Email", "Team", "Shoe size", "Error"]
    assert [line[:3] for line in lines[1:]] == [["x, y", "Acme", "43"], ["c@new.example", "Nope", "45"]]
    assert lines[2][3].startswith("Team: There is no team “Nope”.")

    again = "\n".join(",".join(f'"{cell}"' for cell in line) for line in lines).replace("Nope", "Acme")
    batch, report = validated(root, again)
    assert (report.rows, report.valid, report.ignored) == (2, 1, ["Shoe size"])
    assert next(iter(batches.failures(batch))) == ["Email", "Team", "Shoe size", "Error"]


def test_who_starts_second_is_told(root, acme):
    batch, report = validated(root, TWO)
    with pytest.raises(Refusal, match="validated again since"):
        batches.start(batch, by=root, digest="another")
    batches.start(batch, by=root, digest=report.digest)
    with pytest.raises(Refusal, match="started already"):
        batches.start(batch, by=root)
    with pytest.raises(Refusal, match="started meanwhile"):
        batches.validate(batch, mapping={0: "email"}, options=Options())
    running.run_due()
    running.run_due()
    assert outcomes(batch) == [(2, "created"), (3, "created")]


def test_only_who_uploaded_it_starts_it(root, alma, acme):
    batch, _ = validated(root, TWO)
    with pytest.raises(Refusal, match="Only Root"):
        batches.start(batch, by=alma)


def test_nobody_starts_one_as_somebody_else(root, alma, acme):
    batch, _ = validated(root, TWO)
    with acting.begun(acting.Acting(1, alma.pk, "Alma", "Root")), pytest.raises(Refusal, match="act as Root"):
        batches.start(batch, by=root)


def test_a_sheet_of_a_workbook(root, acme):
    book = openpyxl.Workbook()
    book.active.append(["Notes"])
    people = book.create_sheet("People")
    people.append(["E-Mail", "Abteilung"])
    people.append(["a@new.example", "Acme"])
    file = io.BytesIO()
    book.save(file)
    file.seek(0)
    batch = batches.upload(file, name="people.xlsx", by=root)
    assert batch.headers == ["Notes"]
    batches.choose_sheet(batch, sheet="People")
    assert batches.mapping_of(batch) == {0: "email", 1: "team"}
    report = batches.validate(batch, mapping=batches.mapping_of(batch), options=batches.options_of(batch))
    assert report.valid == 1
    assert outcomes(carried_out(batch)) == [(2, "created")]


def test_a_cancelled_import_ends_within_its_chunk(root, alma, acme, monkeypatch):
    monkeypatch.setattr(running, "CHUNK", 1)
    batch, _ = validated(root, TWO)
    batches.start(batch, by=root)
    looks = []

    def beat():
        looks.append(1)
        if len(looks) == 2:  # before the second chunk
            assert batches.cancel(ImportBatch.objects.get(pk=batch.pk), by=alma)

    running.run_due(beat=beat)
    batch.refresh_from_db()
    assert (batch.status, batch.rows_done, outcomes(batch)) == ("cancelled", 1, [(2, "created")])
    assert not batches.cancel(batch, by=root)
    assert not User.objects.filter(email="b@new.example").exists()


def test_what_a_dead_process_had_is_taken_over(root, acme, monkeypatch):
    monkeypatch.setattr(running, "CHUNK", 1)
    batch, _ = validated(root, TWO)
    batches.start(batch, by=root)
    with pytest.raises(KeyboardInterrupt):
        running.run_due(beat=_after(1))
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    host = ImportBatch.objects.get().claimed_by.partition(":")[0]
    ImportBatch.objects.update(claimed_by=f"{host}:{child}#x")

    assert running.run_due() == {"succeeded": 1}
    assert outcomes(batch) == [(2, "created"), (3, "created")]
    batch.refresh_from_db()
    assert (batch.rows_done, batch.rows_created) == (2, 2)


def _after(count: int):
    looks = []

    def beat():
        looks.append(1)
        if len(looks) > count:
            raise KeyboardInterrupt

    return beat


def test_who_lost_the_claim_writes_nothing(root, acme):
    batch, _ = validated(root, TWO)
    batches.start(batch, by=root)

    def lose():
        ImportBatch.objects.update(claimed_by="somebody:1#else")

    assert running.run_due(beat=lose)["lost"] == 1
    assert ImportRow.objects.count() == 0
    assert not User.objects.filter(email="a@new.example").exists()


def test_a_line_that_breaks_fails_alone(root, acme):
    """Two accounts from an older version can share an address; then the database refuses a third."""
    User.objects.bulk_create([User(email="b@new.example", password="!")])
    User.objects.filter(email="b@new.example").update(email_key=None)
    people = "".join(f"p{n}@new.example,Acme\n" for n in range(9))
    batch = carried_out(
        validated(root, f"Email,Team\n{people}b@new.example,Acme\nlast@new.example,Acme\n")[0]
    )
    assert [status for _, status in outcomes(batch)] == ["created"] * 9 + ["failed", "created"]
    assert Membership.objects.filter(team=acme).count() == 11


def test_the_queries_of_a_chunk_do_not_depend_on_its_lines(root, acme):
    TagFactory(name="VIP")

    def queries(count: int, start: int) -> int:
        people = "".join(f"N,p{n}@new.example,Acme,VIP\n" for n in range(start, start + count))
        batch, _ = validated(root, f"Name,Email,Team,Tags\n{people}")
        batches.start(batch, by=root)
        with CaptureQueriesContext(connection) as seen:
            running.run_due()
        batch.refresh_from_db()
        assert batch.rows_created == count
        return len(seen)

    queries(1, 0)
    assert queries(2, 100) == queries(200, 200)


# --- undo --------------------------------------------------------------------------------------------


def undone(batch: ImportBatch, by: User) -> ImportBatch:
    batches.undo(batch, by=by)
    running.run_due()
    batch.refresh_from_db()
    return batch


def test_an_import_is_undone_where_nothing_depends_on_it(root, acme, globex, ana, acme_seat):
    TagFactory(name="VIP")
    text = (
        "Name,Email,Team,Tags\n"
        "Cleo,cleo@new.example,Acme,VIP\n"
        "Dora,dora@new.example,Acme,\n"
        "Eve,eve@new.example,Fresh Team,\n"
        "Ana Adams,ana@acme.example,Globex,VIP\n"
    )
    batch = carried_out(validated(root, text, create_teams=True, existing="update")[0])
    assert batch.status == "succeeded"
    User.objects.filter(email="dora@new.example").update(last_login=batch.created_at)

    preview = batches.undo_preview(batch)
    assert preview == {
        "goes": ["2 accounts", "1 membership", "1 changed name", "1 tag", "1 team"],
        "stays": [{"why": "has signed in", "count": 1}],
    }
    batch = undone(batch, root)
    assert batch.status == "undone"
    assert batch.remark == "Dora has signed in."
    assert set(User.objects.filter(email__endswith="@new.example").values_list("email", flat=True)) == {
        "dora@new.example"
    }
    ana.refresh_from_db()
    assert (ana.last_name, ana.teams.get()) == ("Ames", acme)
    assert not UserTag.objects.exists()
    assert Team.objects.get(name="Fresh Team").archived_at is not None
    assert OutboxEntry.objects.filter(status="pending", entity="user").count() == 1
    with pytest.raises(Refusal, match="nothing to undo"):
        batches.undo(batch, by=root)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"thinkific_id": 7}, "is in Thinkific"),
        ({"password": "pbkdf2_sha256$1"}, "has a password"),
        ({"is_staff": True}, "has rights here"),
    ],
)
def test_accounts_that_are_used_stay(root, acme, change, why):
    batch = carried_out(validated(root, "Email,Team\na@new.example,Acme\n")[0])
    User.objects.filter(email="a@new.example").update(**change)
    assert batches.undo_preview(batch)["stays"] == [{"why": why, "count": 1}]
    assert why in undone(batch, root).remark
    assert User.objects.filter(email="a@new.example").exists()


def test_an_enrollment_goes_unless_it_has_begun(root, acme, acme_seat, ana, bo):
    acme_seat.max_seats = 5
    acme_seat.save()
    text = "Email,Enrollments\nana@acme.example,Accounting 101\nbo@acme.example,Accounting 101\n"
    batch = carried_out(validated(root, text)[0])
    assert Enrollment.objects.giving_access().count() == 2
    Enrollment.objects.filter(user=bo).update(percentage_completed="0.5")
    batch = undone(batch, root)
    assert batch.remark == "Bo Berg has begun Accounting 101 and stays enrolled."
    assert Enrollment.objects.giving_access().get().user == bo


# --- the command -------------------------------------------------------------------------------------


def command(tmp_path, text: str, *options: str) -> dict:
    file = tmp_path / "people.csv"
    file.write_text(text)
    out = io.StringIO()
    try:
        call_command("import_csv", str(file), "--json", *options, stdout=out)
    except CommandError as error:
        return json.loads(out.getvalue()) | {"exit": str(error)} if out.getvalue() else {"exit": str(error)}
    return json.loads(out.getvalue())


def test_the_command_imports(root, acme, tmp_path):
    text = "Email,Team\na@new.example,Acme\nwrong,Acme\n"
    only = command(tmp_path, text, "--validate-only")
    assert (only["rows"], only["valid"], only["created"], only["failed"]) == (2, 1, 0, 1)
    assert User.objects.filter(email="a@new.example").count() == 0

    done = command(tmp_path, text)
    assert done == {
        "rows": 2,
        "valid": 1,
        "created": 1,
        "updated": 0,
        "failed": 1,
        "errors": [{"row": 3, "column": "Email", "message": ANY}],
        "exit": ANY,
    }
    assert "exit" not in command(tmp_path, TWO)


def test_the_command_acts_with_the_rights_of_an_account(root, mara, acme, tmp_path):
    assert "cannot import" in command(tmp_path, TWO, "--as", "mara@acme.example")["exit"]
    assert "Nobody has an account" in command(tmp_path, TWO, "--as", "x@y.example")["exit"]
    assert "no column" in command(tmp_path, TWO, "--map", "Mail=email")["exit"]


def test_a_kind_that_cannot_be_imported_is_refused(root):
    with pytest.raises(Refusal, match="cannot be imported"):
        kinds.of("nothing")


def test_a_validation_names_everything_that_is_wrong_with_a_line(root, acme):
    text = "Email,Team,Role,Tags,Enrollments\nana@,Acne,Boss,Night,Alchemy\n"
    _, report = validated(root, text)
    assert [header for _, header, _ in messages(report)] == ["Email", "Team", "Role", "Tags", "Enrollments"]
    assert (report.rows, report.valid, report.new_teams) == (1, 0, [])

    _, report = validated(root, text, create_teams=True, create_tags=True)
    assert [header for _, header, _ in messages(report)] == ["Email", "Role", "Enrollments"]
    assert (report.new_teams, report.new_tags) == ([], [])
