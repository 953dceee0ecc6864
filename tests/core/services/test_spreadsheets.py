"""CSV that is harmless in a spreadsheet and does not grow in memory."""

import csv
import io
import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.services.spreadsheets import TOGETHER, csv_parts, defuse, may_be_defused, undefused


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "  =1",
        "\u00a0=1",
        "\ufeff=1",
        '=HYPERLINK("x")',
    ],
)
def test_a_cell_that_looks_like_a_formula_is_shown_and_not_run(cell):
    assert defuse(cell) == f"'{cell}"


@pytest.mark.parametrize("start", ["\t", "\r", "\n"])
def test_where_a_spreadsheet_may_split_there_is_another_start(start):
    assert defuse(f"{start}=1") == f"'{start}'=1"
    assert defuse(f"{start}one") == f"'{start}one"


@pytest.mark.parametrize("cell", ["Ana", "ana@acme.example", "1-2", "a=b", "", "'quoted"])
def test_other_text_stays_as_it_is(cell):
    assert defuse(cell) == cell


@pytest.mark.parametrize(("cell", "shown"), [(None, ""), (-5, "-5"), (True, "yes"), (0.5, "0.5")])
def test_numbers_are_numbers(cell, shown):
    assert defuse(cell) == shown


def test_quotes_commas_and_lines_survive():
    text = "".join(csv_parts(["Name"], [['Ana "A", Ames\nBerg']]))

    assert list(csv.reader(io.StringIO(text.removeprefix("\ufeff")))) == [["Name"], ['Ana "A", Ames\nBerg']]


def test_lines_are_written_as_they_are_asked_for():
    endless = ([number] for number in itertools.count())

    heading, first, second = itertools.islice(csv_parts(["N"], endless), 3)

    assert heading == '\ufeff"N"\r\n'
    assert first.startswith('"0"\r\n"1"\r\n') and first.endswith(f'"{TOGETHER - 1}"\r\n')
    assert second.startswith(f'"{TOGETHER}"\r\n')


def test_a_column_of_one_type_is_written_as_its_values_alone():
    moments = [None, datetime(2029, 3, 14, 22, 30, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
    values = [*FORMULA_STARTS, None, "", "a;=1", "Ana", 5, True, *moments]
    for column in ([value] * 3 for value in values):
        _, text = csv_parts(["N"], [[value] for value in column])

        assert list(csv.reader(io.StringIO(text))) == [[defuse(value)] for value in column]
    _, mixed = csv_parts(["N"], [[value] for value in values])
    assert list(csv.reader(io.StringIO(mixed))) == [[defuse(value)] for value in values]


FORMULA_STARTS = "=+-@\uff1d\uff0b\uff0d\uff20"
TRICKS = [
    "=1+1",
    "a;=1+1",
    "a;=1+1;b",
    "a; \u00a0=1+1",
    "a\t=1+1\tb",
    "a\n=1+1\nb",
    "a\r\n@SUM(1)",
    "a\rb;+1",
    'a;"=1+1;b',
    'a;""=1+1',
    'a";=1+1;"',
    '",=1+1,"',
    '";=1+1;"',
    "\uff1d1+1",
    "a;\uff20SUM(1)",
    "\u200b=1+1",
    "\x0b=1+1",
    "a;\u3000\uff0d1",
    ";;=1",
]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("trick", TRICKS)
def test_no_cell_is_a_formula_wherever_a_spreadsheet_splits(trick, separator):
    """Also not in the second cell of a line, whose quotes mean nothing where the commas do not split."""
    text = "".join(csv_parts(["One", "Two", "Three"], [["x", trick, "y"], [trick, trick, 5]]))

    table = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=separator)
    cells = [cell for line in table for cell in line]

    starts = [cell.lstrip('" \t\r\n\x0b\u00a0\u200b\u3000\ufeff')[:1] for cell in cells]
    assert not [start for start in starts if start and start in FORMULA_STARTS], cells


@pytest.mark.parametrize(
    "text", ["Ames; Ana", "one, -1, two", "A = B; C - D", "a\nb\n", "x;1=1", "C++; Java"]
)
def test_separators_alone_change_nothing(text):
    assert defuse(text) == text


@given(st.text(st.sampled_from('=+-@;,ab \t\n\uff1d\u200b"'), max_size=8))
def test_what_was_defused_is_read_as_it_was(text):
    text = text.strip()  # as cells are read
    assert undefused(defuse(text)) == text
    assert may_be_defused(defuse(text)) or defuse(text) == text


@pytest.mark.parametrize("text", ["O'Brien", "O'-Brien", "'tis", "rock 'n' roll; 'n", "a '=b"])
def test_other_apostrophes_stay(text):
    assert undefused(text) == text


def test_every_cell_is_quoted_and_comes_back_as_it_was():
    row = ['Ana "A"; Ames', -5, None, 0.5, "Zürich, Ost\nWest"]

    text = "".join(csv_parts(["A", "B", "C", "D", "E"], [row]))

    assert text.splitlines()[0] == '\ufeff"A","B","C","D","E"'
    assert "-5" in text and "\"'-5" not in text  # a number is no formula
    back = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))[1]
    assert back == ['Ana "A"; Ames', "-5", "", "0.5", "Zürich, Ost\nWest"]
