"""CSV files as spreadsheet programs and people write them."""

import codecs
import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.imports.reading.lines import LONGEST_LINE
from core.imports.reading.table import LongLine, Table, Unreadable, open_table
from core.imports.reading.tidying import tidy
from core.services.spreadsheets import csv_parts, undefused

pytestmark = pytest.mark.once

HEADERS = ("Name", "Email", "Team")
ANA = ["Ána Müller", "ana@acme.example", "Acme"]


def table(data: bytes | str, name: str = "staff.csv") -> Table:
    return open_table(data.encode() if isinstance(data, str) else data, name=name)


def cells(data: bytes | str) -> list[list[str]]:
    return [line.cells for line in table(data).rows()]


def written(delimiter: str, end: str = "\r\n") -> str:
    return end.join([delimiter.join(HEADERS), delimiter.join(ANA), ""])


@pytest.mark.parametrize(
    ("data", "encoding", "delimiter"),
    [
        pytest.param(codecs.BOM_UTF8 + written(",").encode(), "UTF-8", ",", id="Excel: CSV UTF-8"),
        pytest.param(codecs.BOM_UTF8 + written(";").encode(), "UTF-8", ";", id="Excel: CSV UTF-8, German"),
        pytest.param(written(";").encode("cp1252"), "Windows-1252", ";", id="Excel: CSV, German"),
        pytest.param(
            codecs.BOM_UTF16_LE + written("\t").encode("utf-16-le"), "UTF-16", "\t", id="Excel: Unicode Text"
        ),
        pytest.param(
            codecs.BOM_UTF16_BE + written(",").encode("utf-16-be"), "UTF-16", ",", id="UTF-16, big end first"
        ),
        pytest.param(written(";").encode("utf-16-le"), "UTF-16", ";", id="UTF-16 LE without a mark"),
        pytest.param(written("|").encode("utf-16-be"), "UTF-16", "|", id="UTF-16 BE without a mark"),
        pytest.param(written(",", "\n").encode(), "UTF-8", ",", id="LibreOffice"),
        pytest.param(written(",").rstrip().encode(), "UTF-8", ",", id="Google Sheets"),
        pytest.param(
            written(";", "\r").encode("cp1252"), "Windows-1252", ";", id="ends of lines of old Macs"
        ),
        pytest.param(("sep=|\r\n" + written("|")).encode(), "UTF-8", "|", id="Excel's sep="),
        pytest.param(('"sep=,"\n' + written(",")).encode(), "UTF-8", ",", id="Excel's sep= in quotes"),
        pytest.param(
            b"\xef\xbb\xbfsep=\t\r\n" + written("\t").encode(), "UTF-8", "\t", id="sep= behind a mark"
        ),
        pytest.param(
            b'"Name","Email","Team"\n"\xc3\x81na M\xc3\xbcller","ana@acme.example","Acme"\n',
            "UTF-8",
            ",",
            id="LibreOffice: all text quoted",
        ),
    ],
)
def test_every_way_to_write_a_csv_is_read(data, encoding, delimiter):
    read = table(data)

    assert (read.format, read.encoding, read.delimiter) == ("CSV", encoding, delimiter)
    assert (read.headers, read.sheet, read.sheets) == (HEADERS, "", ())
    assert [*read.rows()] == [(2, ANA, ())]
    assert [*read.rows()] == [(2, ANA, ())]  # again


def test_encoding_and_delimiter_are_told():
    assert table(written(";").encode("cp1252")).remarks == (
        "Read as Windows-1252, separated by semicolons. If letters look wrong, save the file as “CSV UTF-8” "
        "and upload it again.",
    )
    assert table("Email\nana@acme.example\n").remarks == ("Read as UTF-8, with one column.",)


def test_rows_are_as_wide_as_the_header_and_numbered_as_in_a_spreadsheet():
    read = table(
        '\nName,Email,Team\n"Ana\nAmes",ana@acme.example\n\n,,\n , \u00a0,\nBo,bo@acme.example,Acme,,\n'
    )

    assert [*read.rows()] == [
        (3, ["Ana\nAmes", "ana@acme.example", ""], ()),
        (7, ["Bo", "bo@acme.example", "Acme"], ()),
    ]


def test_cells_that_a_delimiter_has_moved_are_not_lost():
    (line,) = table("Name,Email\nAmes, Ana,ana@acme.example\n").rows()

    assert isinstance(line, LongLine)
    assert line == (2, ["Ames", "Ana"], ())
    assert line.surplus == ("ana@acme.example",)


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("Name;Tags\nAmes, Ana;a, b\nBerg, Bo;\n", ";"),
        ("Name,Tags\nAna,a;b;c\nBo,d;e\n", ","),
        ('"Name, first and last";Email\n"Ames, Ana";ana@acme.example\n', ";"),
        ('Name,"Tags (a;b;c)",Team\nAna,a;b,Acme\n', ","),
        ("Name|Email|Note\nAna|ana@acme.example|a, b; c, d\n", "|"),
        ('Name, "Email", Team\nAna, "ana@acme.example", "Acme, Inc."\n', ","),
        ("Email\n", ","),
        ("\n\nName;Email", ";"),
    ],
)
def test_the_delimiter_is_found_from_the_header_and_the_first_rows(text, delimiter):
    assert table(text).delimiter == delimiter


def test_quotes_after_a_space_hold_a_cell_together():
    assert cells('Name, "Team"\nAna, "Acme, Inc."\n') == [["Ana", "Acme, Inc."]]


@pytest.mark.parametrize(
    "around", [" ", "\t", "\u00a0", "\u200b", "\ufeff", "\u2003", "\u200e \u00ad", "\x0b"]
)
@pytest.mark.parametrize("quote", ["", '"'])
def test_what_nobody_sees_around_a_cell_is_cut(around, quote):
    text = f"{quote}{around}Ana Ames{around}{quote}"

    assert cells(f"Name,{text},Team,Role\n{text},x,,{text}\n") == [["Ana Ames", "x", "", "Ana Ames"]]
    assert table(f"Name;{text};Team;Role\n").headers == ("Name", "Ana Ames", "Team", "Role")


def test_letters_with_their_accents_apart_are_put_together():
    assert cells("Name,Email\nJose\u0301,j@acme.example\n") == [["José", "j@acme.example"]]


def test_what_a_spreadsheet_has_mangled_is_told():
    read = table('Name,Phone,Id,Code\nAna,1.234E+11,"1,234e+11",#N/A\nBo,=A1,"=""00123""",E+1\n')

    assert [*read.rows()] == [
        (2, ["Ana", "1.234E+11", "1,234e+11", "#N/A"], (1, 2, 3)),
        (3, ["Bo", "=A1", "00123", "E+1"], ()),
    ]


def test_headers_that_stand_twice_are_told_and_kept_as_written():
    read = table("EMail,Name,email , ,Team,,\nana@acme.example\n")

    assert read.headers == ("EMail", "Name", "email", "", "Team")
    assert read.remarks[1:] == ("The header “EMail” stands in columns A and C.", "Column D: no header.")


def test_a_header_alone_is_a_table_without_rows():
    assert [*table("Name,Email").rows()] == []


def test_a_file_can_be_read_by_two_at_once():
    read = open_table(io.BytesIO(b"Name\n" + b"Ana\n" * 100_000), name="staff.csv")

    pairs = [*zip(read.rows(), read.rows(), strict=True)]

    assert len(pairs) == 100_000
    assert all(one == other for one, other in pairs)


def test_a_row_across_the_pieces_of_a_file_is_one_row():
    name = "Ana\n" * 30_000  # longer than a piece that is read at once

    assert cells(f'Name,Email\n"{name}",a@b.example\nBo,c@d.example\n') == [
        [name.strip(), "a@b.example"],
        ["Bo", "c@d.example"],
    ]


@pytest.mark.parametrize(
    ("text", "row"), [('Name,Email\nAna,"a@b.example\nBo,c@d.example\n', 2), ('Name\n\n"x', 3)]
)
def test_a_quotation_mark_that_never_ends_is_named(text, row):
    with pytest.raises(Unreadable, match=f"cannot be read from row {row} on: a quotation mark"):
        cells(text)


def test_a_line_that_is_too_long_is_named():
    with pytest.raises(Unreadable, match=r"Line 3 of “staff.csv” has more than 1,000,000 characters"):
        table(b"Name\nAna\n" + b"x" * (LONGEST_LINE + 100_000))
    with pytest.raises(Unreadable, match=r"Line 1 of"):
        table(b"x" * 10_000_000)


_CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"), max_size=8)
_PLAIN = st.text("Aaé,;\t|\"'\n #E+1= \u00a0\u200b\u0301ł", max_size=6)


@settings(deadline=None)
@given(
    st.lists(st.lists(_CELLS | _PLAIN, min_size=3, max_size=3), max_size=5),
    st.sampled_from(",;\t|"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
# A bare \r is left out: without QUOTE_ALL the writer does not quote it.
@example([["a\r", "\n", "b "], ["\x1f", "", ""]], ",", csv.QUOTE_ALL, "\n", "utf-8")
def test_what_the_csv_writer_wrote_comes_back(rows, delimiter, quoting, end, encoding):
    file = io.StringIO()
    if end == "\r":  # the writer quotes no other end of a line
        quoting = csv.QUOTE_ALL
    writer = csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerow(HEADERS)
    writer.writerows(rows)
    expected = {
        number: [undefused(tidy(cell)) for cell in row]
        for number, row in enumerate(rows, 2)
        if any(map(tidy, row))
    }

    read = table(file.getvalue().encode(encoding))

    assert read.delimiter == delimiter
    assert {line.number: line.cells for line in read.rows()} == expected


def test_apostrophes_before_formulas_are_the_files_own():
    """A file of ours comes back: it defuses cells that a spreadsheet would run."""
    rows = [["=1+1", "-a@acme.example", "+A; @B;x"], ["O'Brien", "b@acme.example", "rock 'n' roll"]]
    text = "".join(csv_parts(["-Name", "Email", "Tags"], rows))
    assert "'=1+1" in text and "'+A;' @B" in text
    read = table(text)
    assert read.headers[0] == "-Name"
    assert [line.cells for line in read.rows()] == rows
