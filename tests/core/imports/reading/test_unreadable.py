"""Files that hold no table: each gets a sentence of its own, and none takes the memory or another error."""

import codecs
import io
import struct
import zipfile

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.errors import Refusal
from core.imports.reading.lines import LARGEST_FILE, MOST_COLUMNS
from core.imports.reading.table import Table, Unreadable, open_table
from tests.core.imports.reading.workbooks import MAIN, archive, parts_of, workbook

pytestmark = pytest.mark.once

OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)
SHEET = "xl/worksheets/sheet1.xml"
ROW = '<row><c t="inlineStr"><is><t>Name</t></is></c></row>'


def read(data: bytes) -> tuple[Table, list]:
    table = open_table(data, name="staff.csv")
    return table, [*table.rows()]


def refused(data: bytes) -> str:
    with pytest.raises(Unreadable) as raised:
        read(data)
    text = str(raised.value)
    assert isinstance(raised.value, Refusal)
    assert text.endswith(".")
    return text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "“staff.csv” is empty. Choose a file"),
        (b"\n \r\n,,\n", "has no header: its first row must name"),
        (codecs.BOM_UTF8, "has no header"),
        (b"ana@acme.example,Ana\nbo@acme.example,Bo\n", "it holds the e-mail address ana@acme.example"),
        (b"Name\n" + b"\n" * LARGEST_FILE, "has 50 MB; files must be smaller than 50 MB. Split it"),
        (b",".join([b"x"] * (MOST_COLUMNS + 1)), "has more than 500 columns. Delete those"),
        (b"%PDF-1.7\n", "is a PDF document. Save the list"),
        (b"\x89PNG\r\n\x1a\n", "is an image"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "is an image"),
        (b"\x1f\x8b\x08", "is a compressed file (GZIP)"),
        (b"{\\rtf1 Name}", "is a text document (RTF)"),
        (OLE + "Workbook\0".encode("utf-16-le"), "is a workbook of an old Excel (.xls). Open it, save it"),
        (OLE + "EncryptedPackage\0".encode("utf-16-le"), "is protected by a password. Save it without"),
        (OLE + "WordDocument\0".encode("utf-16-le"), "is a document of an old Office program"),
        (b"\r\n<html><table><tr><td>Name", "is a web page (HTML), even if a spreadsheet program opens it"),
        (codecs.BOM_UTF16_LE + "<!DOCTYPE html>".encode("utf-16-le"), "is a web page (HTML)"),
        (b'<?xml version="1.0"?><Workbook xmlns="urn:x">', "is an XML file"),
        (b'[\n {"name": "Ana"}]', "is a JSON file"),
        (b"Name\n" + bytes(range(256)) * 50, "is neither a text file nor an XLSX file"),
        (b"Name,Email\nAna\x00,a@b.example\n", "is neither a text file nor an XLSX file"),
        ("Name\nAna".encode("utf-32"), "is written in UTF-32. Save it as CSV in UTF-8"),
        # Cyrillic letters.
        ("Имя,Город\nИван Петров,Москва\n".encode("cp1251"), "are not Western European"),  # noqa: RUF001
        (b"Name\n\x81\x8d", "is text neither in UTF-8 nor in UTF-16 or Windows-1252"),
        (
            "Name\nJosé Müller Łuk".encode() + b"\xff",
            "is written in UTF-8, but some of its characters are broken",
        ),
        (codecs.BOM_UTF16_LE + "Name\nAna".encode("utf-16-le") + b"x", "is written in UTF-16, but some"),
        (codecs.BOM_UTF8 + b"Name\n\xe9", "is written in UTF-8, but some"),
    ],
)
def test_other_files_are_named(data, said):
    assert said in refused(data)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (
            {"mimetype": "application/vnd.oasis.opendocument.spreadsheet"},
            "is an OpenDocument spreadsheet (.ods)",
        ),
        ({"mimetype": "application/vnd.oasis.opendocument.text"}, "is a text document or presentation"),
        ({"Index/Document.iwa": "x"}, "is a document of Numbers"),
        ({"[Content_Types].xml": "x", "xl/workbook.bin": "x"}, "is a binary workbook (.xlsb)"),
        ({"[Content_Types].xml": "x", "word/document.xml": "x"}, "is a text document or presentation"),
        ({"staff.csv": "Name"}, "is an archive (ZIP). Unpack it"),
        ({"[Content_Types].xml": "x"}, "is damaged, or is no XLSX file"),
        (parts_of("") | {"xl/workbook.xml": f'<workbook xmlns="{MAIN}"/>'}, "has no sheet with rows"),
        (parts_of(""), "“staff.csv” is empty: its first row must name the columns"),
        (parts_of('<row><c r="XFD1"><v>1</v></c><c r="B1"><v>2</v></c></row>'), "more than 500 columns"),
        (parts_of("<row>"), "is damaged"),
        (parts_of('<row><c t="s"><v>7</v></c></row>'), "is damaged"),
        (parts_of('<row><c t="s"><v>-1</v></c></row>'), "is damaged"),
        (parts_of('<row r="99999999999">' + ROW[5:]), "is damaged"),
        (parts_of('<row><c r="XFE1"><v>1</v></c></row>'), "is damaged"),
        (parts_of("<row><c><v>many</v></c></row>"), "is damaged"),
        (
            parts_of(ROW.replace("Name", "x" * 200_000)),
            "A cell of “staff.csv” has more than 131,072 characters",
        ),
        (parts_of(ROW + "<a>" * 200_000), "is damaged"),
        (parts_of(ROW + "".join(f"<a{number}/>" for number in range(20_000))), "is damaged"),
        (parts_of(ROW + '<row a="' + "x" * 5_000_000 + '"/>'), "is damaged"),
        (
            parts_of(ROW)
            | {SHEET: f'<!DOCTYPE x [<!ENTITY a "b">]><worksheet xmlns="{MAIN}">&a;</worksheet>'},
            "holds definitions (a DTD)",
        ),
        (
            parts_of(ROW) | {"xl/workbook.xml": '<!DOCTYPE x SYSTEM "file:///etc/passwd"><workbook/>'},
            "holds definitions (a DTD)",
        ),
    ],
)
def test_other_archives_and_damaged_workbooks_are_named(parts, said):
    assert said in refused(archive(parts))


def test_a_sheet_that_unpacks_to_too_much_is_refused_by_what_it_says(monkeypatch):
    monkeypatch.setattr("core.imports.reading.archive.LARGEST_UNPACKED", 5_000_000)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in (parts_of("") | {SHEET: ""}).items():
            if name != SHEET:
                packed.writestr(name, content)
        with packed.open(SHEET, "w") as sheet:
            for _ in range(6):
                sheet.write(b" " * 1_000_000)

    assert "unpacks to more than 5 MB" in refused(file.getvalue())


def lying(data: bytes, size: int) -> bytes:
    """The workbook, whose directory says that its sheet unpacks to this size."""
    at = data.rindex(SHEET.encode()) - 46
    assert data[at : at + 4] == b"PK\x01\x02"
    return data[: at + 24] + struct.pack("<I", size) + data[at + 28 :]


@pytest.mark.parametrize("size", [50, 400_000_000])
def test_a_sheet_that_lies_about_its_size_is_damaged(size):
    data = lying(workbook(ROW + "<row/>" * 100_000), size)
    if size > 1000:  # as long as the XML is whole, a wrong size does no harm
        assert read(data)[0].headers == ("Name",)
    else:
        assert "is damaged" in refused(data)


def test_texts_that_cells_share_are_bounded(monkeypatch):
    monkeypatch.setattr("core.imports.reading.workbook._MOST_TEXT", 1_000_000)
    texts = "<si><t>" + "x" * 100_000 + "</t></si>"
    data = workbook('<row><c t="s"><v>0</v></c></row>', strings=texts * 11)

    assert "holds too much text to be read as XLSX" in refused(data)


def test_a_directory_of_a_million_parts_is_not_read():
    entry = b"PK\x01\x02" + bytes(24) + struct.pack("<HHHHHII", 1, 0, 0, 0, 0, 0, 0)[:18] + b"x"
    directory = entry.ljust(47, b"x") * 100_000
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 65_535, 65_535, len(directory), 4, 0)

    with pytest.raises(Unreadable, match="is damaged") as raised:
        read(b"PK\x03\x04" + directory + end)
    assert "a directory of too many parts" in str(raised.value.__cause__)


def test_other_compressions_are_refused():
    assert "is damaged" in refused(archive(parts_of(ROW), zipfile.ZIP_BZIP2))


def test_empty_rows_that_are_formatted_are_no_rows():
    table, rows = read(workbook(ROW + ROW + '<row r="1048576"><c s="1"/></row>' * 100_000))

    assert (table.headers, len(rows)) == (("Name",), 1)


def test_cells_at_the_end_of_a_sheet_are_a_surplus():
    _, (line,) = read(workbook(ROW + '<row><c r="A2"><v>1</v></c><c r="XFD2"><v>2</v></c></row>'))

    assert (line, line.surplus) == ((2, ["1"], ()), ("2",))


def test_a_name_of_the_file_is_shortened_and_in_one_line():
    with pytest.raises(Unreadable) as raised:
        open_table(b"", name="a\n" + "x" * 500)

    assert len(str(raised.value)) < 200
    assert "\n" not in str(raised.value)


def whole_workbook() -> bytes:
    book = openpyxl.Workbook()
    for row in (["Name", "Email"], ["Ana", 5], ["=A1", True]):
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


WORKBOOK = whole_workbook()
BEGINNINGS = [
    b"",
    b"PK\x03\x04",
    OLE,
    b"\xff\xfe",
    b"\xfe\xff",
    b"\xef\xbb\xbf",
    b"Name,Email\n",
    b"sep=",
    b'"',
]


@settings(deadline=None)
@given(st.sampled_from(BEGINNINGS), st.binary(max_size=200))
@example(b"", b"\r")
@example(b"", b'"\n"\r')
def test_any_bytes_are_a_table_or_unreadable(beginning, data):
    try:
        read(beginning + data)
    except Unreadable as refusal:
        assert str(refusal)


@settings(deadline=None)
@given(
    st.text(alphabet='Aa@,;\t|"\r\n =E+1#\x00\ufeff\u00a0ł', max_size=60),
    st.sampled_from(["utf-8", "utf-16"]),
)
def test_any_text_is_a_table_or_unreadable(text, encoding):
    try:
        read(text.encode(encoding))
    except Unreadable as refusal:
        assert str(refusal)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(WORKBOOK) - 1), st.integers(0, 255)), min_size=1, max_size=5))
def test_a_workbook_with_other_bytes_is_a_table_or_unreadable(changes):
    data = bytearray(WORKBOOK)
    for place, byte in changes:
        data[place] = byte
    try:
        read(bytes(data))
    except Unreadable as refusal:
        assert str(refusal)


PIECES = [
    "<row>",
    "</row>",
    '<c t="s">',
    '<c s="9">',
    "<c>",
    "</c>",
    "<v>",
    "</v>",
    "<f>",
    "</f>",
    "<is><t>",
    "1E999",
]
PIECES += [
    "</t></is>",
    "7",
    "-1",
    "nan",
    "é",
    "<!-- x -->",
    "<![CDATA[1]]>",
    '<c r="B7" t="n">',
    '<c t="d">',
    "1e9",
]


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_any_sheet_is_a_table_or_unreadable(pieces):
    try:
        read(workbook(ROW + "".join(pieces), styles='<cellXfs><xf numFmtId="14"/></cellXfs>'))
    except Unreadable as refusal:
        assert str(refusal)
