"""CSV that is harmless in a spreadsheet and does not grow in memory."""

import csv
import io
import itertools

import pytest

from core.services.spreadsheets import csv_lines, defuse


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "\u00a0=1",
        "\ufeff=1",
        '=HYPERLINK("x")',
    ],
)
def test_a_cell_that_looks_like_a_formula_is_shown_and_not_run(cell):
    assert defuse(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["Ana", "ana@acme.example", "1-2", "a=b", "", "'quoted"])
def test_other_text_stays_as_it_is(cell):
    assert defuse(cell) == cell


@pytest.mark.parametrize(("cell", "shown"), [(None, ""), (-5, "-5"), (True, "yes"), (0.5, "0.5")])
def test_numbers_are_numbers(cell, shown):
    assert defuse(cell) == shown


def test_quotes_commas_and_lines_survive():
    text = "".join(csv_lines(["Name"], [['Ana "A", Ames\nBerg']]))

    assert list(csv.reader(io.StringIO(text.removeprefix("\ufeff")))) == [["Name"], ['Ana "A", Ames\nBerg']]


def test_lines_are_written_as_they_are_asked_for():
    endless = ([number] for number in itertools.count())

    assert [*itertools.islice(csv_lines(["N"], endless), 3)] == ["\ufeffN\r\n", "0\r\n", "1\r\n"]
