"""`manage.py export` does what the screens do."""

import csv
import io
import json

import openpyxl
import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from tests.factories import EnrollmentFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def export(tmp_path):
    def run(kind: str, *options: str) -> bytes:
        path = tmp_path / "file"
        call_command("export", kind, "--output", str(path), *options)
        return path.read_bytes()

    return run


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def test_it_is_the_file_of_the_screen(root, export, signed_in):
    EnrollmentFactory.create_batch(3)
    EnrollmentFactory(expired=True)
    asked = {"status": "active", "o": "1", "file_columns": "email.status"}

    screen = signed_in(root).get(reverse("admin:core_enrollment_export_file"), asked)

    options = ["--filter", "status=active", "--filter", "o=1", "--columns", "email,status"]
    assert export("enrollments", *options) == b"".join(screen)
    assert len(rows_of(export("enrollments", *options))) == 3


def test_every_format(root, export):
    EnrollmentFactory(user=UserFactory(email="ana@acme.example"))

    assert json.loads(export("enrollments", "--format", "json"))[0]["email"] == "ana@acme.example"
    book = openpyxl.load_workbook(io.BytesIO(export("enrollments", "--format", "xlsx")))
    assert list(book.worksheets[0].values)[1][1] == "ana@acme.example"


def test_the_standard_output(root, capfdbinary):
    EnrollmentFactory(user=UserFactory(email="ana@acme.example"))

    call_command("export", "enrollments")

    assert rows_of(capfdbinary.readouterr().out)[0]["Email"] == "ana@acme.example"


def test_a_manager_gets_their_own_rows(mara, acme, ana, bo, otto, globex, export):
    rows = rows_of(export("users", "--as", mara.email))
    tab = rows_of(export("teams-users", "--of", str(acme.pk), "--as", mara.email))

    assert otto.email not in {row["Email"] for row in rows}
    assert {ana.email, bo.email, mara.email} <= {row["Email"] for row in rows}
    assert {row["Email"] for row in rows} == {row["Email"] for row in tab}


def test_a_person(root, ana, export):
    found = json.loads(export("person", "--about", ana.email, "--format", "json"))

    assert found["account"]["email"] == ana.email


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["planets"], "nothing that is called planets"),
        (["users", "--filter", "password__startswith=a"], "the filter is none"),
        (["users", "--filter", "nonsense"], "NAME=VALUE"),
        (["users", "--columns", "email,password"], "No column is called password. There are name, email"),
        (["users", "--as", "nobody@acme.example"], "Nobody has an active account"),
        (["impersonations", "--as", "mara@acme.example"], "may not export impersonations"),
        (["teams-users", "--of", "999999"], "nothing that is called teams-users"),
        (["person"], "--about"),
        (["person", "--about", "ana@acme.example"], "--format json"),
        (["person", "--about", "nobody@acme.example", "--format", "json"], "Nobody has an account"),
        (["users", "--output", "/nowhere/file.csv"], "cannot be written"),
    ],
)
def test_what_is_wrong_is_said_and_fails(root, mara, ana, acme, options, said):
    with pytest.raises(CommandError, match=said):
        call_command("export", *options)


def test_without_a_superuser_it_asks_for_whom(alma, export):
    with pytest.raises(CommandError, match="--as"):
        export("users")

    assert rows_of(export("users", "--as", alma.email))
