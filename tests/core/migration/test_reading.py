"""Uploads: both formats, and everything that is neither."""

import io
import json
import zipfile

import pytest
from django.conf import settings
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from core.migration import cells, life
from core.migration.format import LAYOUTS
from core.migration.reading import archives, documents
from core.migration.reading.entries import Unusable
from core.models import Migration, MigrationRow
from core.services.spreadsheets import undefused
from tests.core.migration.carrying import archive, checked, document, problems

PERSON = {"id": "7", "email": "ana@new.example", "first_name": "Ana"}


def refused(content: bytes, root, name: str = "old.zip") -> str:
    """Returns why a file is refused, at once or by the check."""
    try:
        migration = checked(content, by=root, name=name)
    except Unusable as unusable:
        assert not Migration.objects.exists()
        return str(unusable)
    assert migration.status == "failed"
    return migration.remark


def zipped(files: dict[str, bytes | str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files.items():
            made.writestr(name, text)
    return packed.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\x00\xff\x13rubbish", "neither a ZIP archive of CSV files nor a JSON document"),
        (b"id,name\n1,Acme\n", "Single CSV files are imported by the tab CSV Import"),
        (b"PK\x03\x04 and then nothing", "damaged ZIP archive"),
        (zipped({"teams.csv": "id,name\n"}), "migration.csv is missing in it"),
        (zipped({"[Content_Types].xml": "<x/>"}), "is an Excel workbook"),
        (zipped({"migration.csv": "a,b\n1,2\n"}), "is no migration"),
        (archive({}, version="99"), "version “99” of the format; this dashboard reads version 1"),
        (b'{"format": "b2b-dashboard-migration"}', "version “” of the format"),
        (b'{"format": "other"}', "is no migration"),
        (b'{"teams": [{"id": 1},', "no JSON document, or a damaged one"),
        (b'{"teams": 7}', "no JSON document"),
        (b'{"teams": [7]}', "teams, entry 1"),
        (b"{" * 5000, "no JSON document"),
        (b'{"a": ' + b"[" * 100_000, "no JSON document"),
        (b'{"teams": [], "teams": []}', "two lists called teams"),
    ],
)
def test_what_is_no_migration_is_refused_with_what_helps(content, says, root):
    assert says in refused(content, root)


@pytest.mark.django_db
def test_a_missing_column_is_named(root):
    head = archive({})
    with zipfile.ZipFile(io.BytesIO(head)) as opened:
        files = {"migration.csv": opened.read("migration.csv"), "teams.csv": "id,name\n1,Acme\n"}

    said = refused(zipped(files), root)

    assert "teams.csv in “old.zip” has no column owner" in said
    assert "id, name, owner" in said


@pytest.mark.django_db
def test_a_file_that_unpacks_to_too_much_is_refused(root, monkeypatch):
    monkeypatch.setattr(archives, "UNPACKED", 100_000)
    bomb = archive({"notes": [{"person": "1", "text": "x" * 200_000}]})

    assert "unpacks to more than" in refused(bomb, root)


@pytest.mark.django_db
def test_an_archive_of_many_files_is_not_read(root):
    assert "too many files" in refused(zipped({f"{n}.csv": "" for n in range(3000)}), root)


@pytest.mark.django_db
def test_a_large_row_of_json_ends_the_reading(root, monkeypatch):
    monkeypatch.setattr(documents, "LONGEST_VALUE", 100_000)

    assert "no JSON document" in refused(document({"notes": [{"text": "x" * 500_000}]}), root, "old.json")


@pytest.mark.django_db
@pytest.mark.parametrize("write", [archive, document])
def test_unknown_columns_are_named_and_ignored(write, root):
    migration = checked(write({"people": [{**PERSON, "shoe size": "41"}]}), by=root)

    assert "shoe size" in migration.remark
    assert "ignored" in migration.remark
    assert migration.rows.get().verdict == "new"


@pytest.mark.django_db
def test_files_that_are_missing_are_taken_as_empty(root):
    migration = checked(archive({"people": [PERSON]}), by=root)

    assert "taken as empty" in migration.remark
    assert migration.counts.get().total == 1


@pytest.mark.django_db
def test_a_spreadsheet_may_have_written_the_files(root):
    text = "\ufeffId;EMAIL;first_name\r\n7;Ana@New.example;Ana\r\n".encode("utf-16")
    head = zipfile.ZipFile(io.BytesIO(archive({}))).read("migration.csv")

    migration = checked(zipped({"export/migration.csv": head, "export/People.csv": text}), by=root)

    assert migration.rows.get().values["email"] == "ana@new.example"


@pytest.mark.django_db
def test_each_problem_says_file_line_and_what_helps(root):
    rows = [
        PERSON,
        {"id": "8", "email": "ana@new.example"},
        {"id": "7", "email": "bo@new.example"},
        {"id": "9", "email": "no address"},
        {"id": "", "email": "cleo@new.example"},
        {"id": "10", "email": "dan@new.example", "active": "perhaps"},
    ]
    team = {"id": "1", "name": "Acme", "owner": "99"}

    migration = checked(archive({"people": rows, "teams": [team]}), by=root)

    assert problems(migration) == [
        "people 3: email: line 2 says the same. Leave one of the two.",
        "people 4: id: line 2 has the id “7” already. Give each row its own.",
        "people 5: email: “no address” is not an e-mail address. Correct it.",
        "people 6: id: is empty, and needed.",
        "people 7: active: “perhaps” is neither yes nor no.",
        "teams 2: owner: people.csv has no “99” before this row. Add it there, or correct the id.",
    ]


def test_the_format_is_documented():
    rows = (settings.BASE_DIR / "docs/migration.md").read_text().splitlines()
    for layout in LAYOUTS.values():
        columns = ", ".join(f"**{c.name}**" if c.needed else c.name for c in layout.columns)
        assert any(row.startswith(f"| `{layout.file}` | {columns} |") for row in rows), layout.kind


@given(st.text(alphabet=st.sampled_from("=+-@';\n\t\" \u200bax\uff1d"), max_size=12))
@example("abc;\n=x")
@example("'=x")
def test_a_cell_is_read_as_it_was_before_it_was_defused(text):
    assert undefused(cells.written(text)) == text


@pytest.fixture(scope="module")
def pieces() -> list[bytes]:
    good = archive({"people": [PERSON], "teams": [{"id": "1", "name": "Acme", "owner": "7"}]})
    return [good, document({"people": [PERSON]}), b"PK\x03\x04", b'{"teams": [', b"\xff\xfe", b'{"format":']


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@examples(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_end_in_a_refusal_or_a_check(data, pieces, django_user_model):
    root = django_user_model.objects.filter(is_superuser=True).first() or (
        django_user_model.objects.create_superuser("root@any.example")
    )
    content = bytearray(data.draw(st.sampled_from(pieces)) + data.draw(st.binary(max_size=60)))
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        migration = checked(bytes(content), by=root)
    except Unusable:
        return
    assert migration.status in {"checked", "failed"}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@examples(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(sorted(LAYOUTS)), data=st.data())
def test_any_values_end_in_a_verdict(kind, data, django_user_model):
    root = django_user_model.objects.filter(is_superuser=True).first() or (
        django_user_model.objects.create_superuser("root@any.example")
    )
    row = {column.name: data.draw(JSON_VALUES) for column in LAYOUTS[kind].columns}
    text = json.loads(document({kind: [row, row]}))

    migration = checked(json.dumps(text).encode(), by=root)
    life.apply(migration, by=root)

    assert migration.status == "checked"
    assert all(row.verdict for row in MigrationRow.objects.filter(migration=migration))
