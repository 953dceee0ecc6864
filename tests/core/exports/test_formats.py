"""The formats of exported files: each is opened again by what reads it."""

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count

import openpyxl
import pytest
from django.utils import timezone

from core.exports import xlsx_files
from core.exports.formats import BLOCK, FORMATS, Head, written

HEADS = [Head("name", "Name"), Head("when", "When"), Head("amount", "Amount"), Head("yes", "Yes")]
MOMENT = datetime(2029, 3, 14, 22, 30, 5, 123456, tzinfo=UTC)
ROW = ["Zoë; =1+1", MOMENT, Decimal("-12.50"), True]


@pytest.fixture(autouse=True)
def _in_berlin():
    with timezone.override("Europe/Berlin"):
        yield


def made(name: str, rows, heads=HEADS) -> bytes:
    return b"".join(written(name, "People / of: Acme", heads, rows))


def book(content: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(content))


def test_csv():
    content = made("csv", [ROW, [None, date(2030, 1, 2), 0, False]])

    assert content.startswith(b"\xef\xbb\xbf")
    assert list(csv.reader(io.StringIO(content.decode("utf-8-sig")))) == [
        ["Name", "When", "Amount", "Yes"],
        ["Zoë;' =1+1", "2029-03-14 23:30:05+01:00", "-12.50", "yes"],
        ["", "2030-01-02", "0", "no"],
    ]


def test_json_has_values_for_programs():
    rows = json.loads(made("json", [ROW, [None, date(2030, 1, 2), 7, False]]))

    assert rows == [
        {"name": "Zoë; =1+1", "when": "2029-03-14T23:30:05.123456+01:00", "amount": -12.5, "yes": True},
        {"name": None, "when": "2030-01-02", "amount": 7, "yes": False},
    ]


def test_json_of_no_rows_is_an_empty_array():
    assert json.loads(made("json", [])) == []


def test_a_workbook_has_dates_numbers_and_text():
    opened = book(made("xlsx", [ROW, [None, date(2030, 1, 2), 7, False]]))
    sheet = opened.worksheets[0]

    assert sheet.title == "People   of  Acme"
    assert list(sheet.values) == [
        ("Name", "When", "Amount", "Yes"),
        ("Zoë;' =1+1", datetime(2029, 3, 14, 23, 30, 5), -12.5, True),
        (None, datetime(2030, 1, 2), 7, False),
    ]
    assert sheet.cell(2, 2).is_date
    assert "Europe/Berlin" in opened.properties.description


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '"=1', "x;=1", "\u200b=1"])
def test_no_cell_of_a_workbook_is_a_formula(formula):
    cell = book(made("xlsx", [[formula, None, None, None]])).worksheets[0].cell(2, 1)

    assert cell.data_type == "s"
    assert "'" in cell.value
    assert not cell.value.startswith("=")


def test_a_workbook_without_rows_has_its_headings():
    assert list(book(made("xlsx", [])).worksheets[0].values) == [("Name", "When", "Amount", "Yes")]


def test_more_rows_than_a_sheet_holds_go_on_a_second_one(monkeypatch):
    monkeypatch.setattr(xlsx_files, "LAST_ROW", 3)
    rows = [[number, None, None, None] for number in range(5)]

    sheets = book(made("xlsx", rows)).worksheets

    assert [[row[0] for row in sheet.values] for sheet in sheets] == [
        ["Name", 0, 1],
        ["Name", 2, 3],
        ["Name", 4],
    ]
    assert len({sheet.title for sheet in sheets}) == 3


@pytest.mark.parametrize("letter", ["x", "😀"])
def test_a_text_that_is_too_long_for_a_cell_is_cut_and_says_so(letter):
    value = book(made("xlsx", [[letter * 40_000, None, None, None]])).worksheets[0].cell(2, 1).value

    assert len(value.encode("utf-16-le")) // 2 <= 32_767
    assert value.endswith("(cut: a cell of a workbook holds no more)")


def test_what_a_workbook_cannot_hold_is_written_otherwise():
    strange = ["a\x00b\x0bc", datetime(1066, 10, 14, 12, tzinfo=UTC), 12345678901234567890, None]
    text, moment, number, _ = next(iter(list(book(made("xlsx", [strange])).worksheets[0].values)[1:]))

    assert text == "abc"
    assert str(moment).startswith("1066-10-14T12:")
    assert number == "12345678901234567890"


@pytest.mark.parametrize("name", ["csv", "json"])
def test_a_file_is_written_while_it_is_read(name):
    endless = ([number, None, None, None] for number in count())
    parts = written(name, "People", HEADS, endless)

    assert all(BLOCK <= len(next(parts)) < 2 * BLOCK for _ in range(3))


def test_formats_have_their_names():
    assert list(FORMATS) == ["csv", "xlsx", "json"]
