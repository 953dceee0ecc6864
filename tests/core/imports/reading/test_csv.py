"""CSV files as people upload them, read row by row."""

import pytest

from core.imports.reading.table import open_table

pytestmark = pytest.mark.once


def lines(data: bytes | str) -> list:
    return [*open_table(data.encode() if isinstance(data, str) else data, name="staff.csv").rows()]


def cells(data: bytes | str) -> list[list[str]]:
    return [line.cells for line in lines(data)]


def test_rows_are_as_wide_as_the_header_and_numbered_as_in_a_spreadsheet():
    read = lines('Name,Email,Team\n"Ana\nAmes",ana@acme.example\n\n,,\nBo,bo@acme.example,Acme,,\n')

    assert read == [
        (2, ["Ana\nAmes", "ana@acme.example", ""], ()),
        (5, ["Bo", "bo@acme.example", "Acme"], ()),
    ]
