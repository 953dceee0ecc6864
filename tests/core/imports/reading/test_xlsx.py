"""XLSX files as spreadsheet programs write them."""

import io
from datetime import date, datetime, time, timedelta

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.imports.reading.mangled import what_became_of
from core.imports.reading.table import LongLine, Table, Unreadable, open_table
from core.imports.reading.tidying import tidy
from core.services.spreadsheets import undefused
from tests.core.imports.reading.workbooks import archive, parts_of, workbook

pytestmark = pytest.mark.once


def table(data: bytes, sheet: str = "") -> Table:
    return open_table(io.BytesIO(data), name="staff.xlsx", sheet=sheet)


def saved(*rows: list, change=None) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if change:
        change(book)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def inline(*texts: str) -> str:
    return "".join(f'<c t="inlineStr"><is><t>{text}</t></is></c>' for text in texts)


def test_cells_are_read_as_the_spreadsheet_shows_them():
    moment = datetime(2024, 3, 1, 10, 30)
    read = table(
        saved(
            ["Name", "n", "half", "day", "moment", "time", "long", "yes", "code"],
            ["Ana\u00a0", 12, 1.5, date(2024, 3, 1), moment, time(9, 5), timedelta(hours=30), True, 123],
            change=lambda book: setattr(book.active["I2"], "number_format", "00000"),
        )
    )

    assert (read.format, read.encoding, read.delimiter) == ("XLSX", "", "")
    assert [*read.rows()] == [
        (
            2,
            [
                "Ana",
                "12",
                "1.5",
                "2024-03-01",
                "2024-03-01 10:30:00",
                "09:05:00",
                "30:00:00",
                "TRUE",
                "00123",
            ],
            (),
        )
    ]


def test_what_a_spreadsheet_has_mangled_is_told():
    rows = f"<row>{inline('a', 'b', 'c', 'd', 'e', 'f')}</row>"
    rows += '<row><c><v>1.23456789012346E+18</v></c><c t="e"><v>#N/A</v></c><c><f>A1</f></c>'
    rows += '<c t="str"><f>""</f><v></v></c><c><f>1+1</f><v>2</v></c>' + inline("1.2E+11") + "</row>"
    rows += "<row><c><f>A1</f><v/></c></row>"
    first, second = table(workbook(rows)).rows()

    assert first == (2, ["1234567890123460000", "#N/A", "", "", "2", "1.2E+11"], (0, 1, 2, 5))
    assert second == (3, [""] * 6, (0,))
    assert [what_became_of(first.cells[index]).split(".")[0] for index in first.mangled] == [
        "A spreadsheet program has kept only the first 15 digits of this number",
        "“#N/A” is an error of a formula",
        "The formula in this cell has no stored result",
        "A spreadsheet program has turned this cell into the number 1",
    ]


@pytest.mark.parametrize(
    ("raw", "code", "text"),
    [
        ("5", "General", "5"),
        ("5.0", "General", "5"),
        ("0.10000000000000001", "General", "0.1"),
        ("1E-7", "General", "0.0000001"),
        ("1.23E+11", "General", "123000000000"),
        ("-0.5", "0%", "-0.5"),
        ("45352", "yyyy\\-mm\\-dd", "2024-03-01"),
        ("45352.25", '[$-407]d". "mmmm', "2024-03-01"),
        ("45352.25", "dd/mm/yy hh:mm", "2024-03-01 06:00:00"),
        ("0.5", "h:mm AM/PM", "12:00:00"),
        ("1.5", "[h]:mm", "36:00:00"),
        ("45352", "mmm", "2024-03-01"),
        ("1", "yyyy-mm-dd", "1900-01-01"),
        ("7", "000", "007"),
        ("7.25", '#,##0.00" days"', "7.25"),
        ("7", '[Red]0;"d"', "7"),
        ("-5", "yyyy-mm-dd", "-5"),
    ],
)
def test_numbers_look_as_their_format_says(raw, code, text):
    escaped = code.replace('"', "&quot;")
    styles = f'<numFmts><numFmt numFmtId="164" formatCode="{escaped}"/></numFmts>'
    styles += '<cellStyleXfs><xf/><xf/></cellStyleXfs><cellXfs><xf numFmtId="164"/></cellXfs>'
    rows = f'<row>{inline("n")}</row><row><c s="0"><v>{raw}</v></c></row>'

    (line,) = table(workbook(rows, styles=styles)).rows()

    assert line.cells == [text]
    assert line.mangled == ((0,) if raw == "-5" else ())


def test_days_of_workbooks_from_old_macs_begin_in_1904():
    styles = '<cellXfs><xf numFmtId="14"/></cellXfs>'
    rows = f'<row>{inline("n")}</row><row><c s="0"><v>43890</v></c></row>'
    (line,) = table(workbook(rows, styles=styles, settings='<workbookPr date1904="1"/>')).rows()

    assert line.cells == ["2024-03-01"]


def test_shared_texts_may_have_parts_and_escapes():
    strings = "<si><t>Name</t></si><si><r><t>A</t></r><r><rPr/><t>na</t></r><rPh><t>spoken</t></rPh></si>"
    strings += "<si><t>a_x000D_&#10;b _x005F_x005F_ _xD83D__xDE00_</t></si>"
    rows = '<row><c t="s"><v>0</v></c></row><row><c t="s"><v>1</v></c></row><row><c t="s"><v>2</v></c></row>'

    read = table(workbook(rows, strings=strings))

    assert [line.cells for line in read.rows()] == [["Ana"], ["a\r\nb _x005F_ \U0001f600"]]


def test_rows_and_cells_without_references_and_a_wrong_size_are_read():
    """Google Sheets and other programs leave them out, or write the size "A1"."""
    rows = f'<row>{inline("Name", "Email")}</row><row r="4">{inline("Ana")}<c r="D4" t="b"><v>1</v></c></row>'
    rows += f'<row ht="12">{inline("Bo", "b@c.example")}</row>'
    parts = parts_of(rows)
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = str(parts[sheet]).replace("<sheetData>", '<dimension ref="A1"/><sheetData>')

    moved, plain = table(archive(parts)).rows()

    assert (moved, plain) == ((4, ["Ana", ""], ()), (5, ["Bo", "b@c.example"], ()))
    assert isinstance(moved, LongLine)
    assert moved.surplus == ("TRUE",)


def test_other_prefixes_and_the_strict_form_are_read():
    rows = f"<row>{inline('Name')}</row><row>{inline('Ana')}</row>"
    parts = parts_of(rows)
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = (
        str(parts[sheet])
        .replace("</", "</x:")
        .replace("<", "<x:")
        .replace("<x:/x:", "</x:")
        .replace("xmlns=", "xmlns:x=")
        .replace("http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://purl.oclc.org/ooxml/x")
    )

    assert [line.cells for line in table(archive(parts)).rows()] == [["Ana"]]


def three_sheets(book: openpyxl.Workbook) -> None:
    book.active.title = "Read me"
    book.create_sheet("Secret").append(["Hidden"])
    book["Secret"].sheet_state = "hidden"
    book.create_sheet("Staff").append(["Name"])
    book["Staff"].append(["Ana"])
    book.create_sheet("Empty")


def test_the_first_visible_sheet_with_cells_is_read_or_the_chosen_one():
    data = saved(change=three_sheets)

    first = table(data)

    assert (first.sheet, first.sheets, first.headers) == ("Staff", ("Read me", "Staff", "Empty"), ("Name",))
    assert first.remarks == ("Read from the sheet “Staff”, one of 3 sheets.",)
    assert table(data, "staff").sheet == "Staff"
    assert table(data, "Secret").headers == ("Hidden",)
    with pytest.raises(
        Unreadable, match="has no sheet “Stuff”; it has “Read me”, “Staff”, “Empty” and 1 more"
    ):
        table(data, "Stuff")
    with pytest.raises(Unreadable, match=r"The sheet “Empty” of “staff.xlsx” is empty"):
        table(data, "Empty")


def test_blank_rows_are_counted_and_left_out():
    read = table(saved([], ["Name", "Email"], [None, None], ["", " "], ["Ana", None, None], ["\u200b"]))

    assert [*read.rows()] == [(5, ["Ana", ""], ())]


_TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff_=#+"), max_size=8
)


@settings(deadline=None)
@given(
    st.lists(st.lists(_TEXTS | st.integers(0, 10**14) | st.booleans(), min_size=2, max_size=2), max_size=4)
)
def test_what_openpyxl_wrote_comes_back(rows):
    expected = {}
    for number, row in enumerate(rows, 2):
        cells = [str(cell).upper() if isinstance(cell, bool) else undefused(tidy(str(cell))) for cell in row]
        if any(cells):
            expected[number] = cells

    read = table(saved(["Name", "Email"], *rows))

    assert {line.number: line.cells for line in read.rows()} == expected
