"""What is read from an uploaded file, and how much of it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from core.errors import Refusal
from core.folding import fold
from core.wording import listed

LARGEST_FILE = 50_000_000  # bytes; a file of this size is refused already
LONGEST_LINE = 1_000_000  # characters of a line in a CSV file
LONGEST_CELL = 131_072  # characters; the csv module's own limit, far above a spreadsheet's 32,767
MOST_COLUMNS = 500

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Unreadable(Refusal):
    """The file holds no table that can be read. The text says what was uploaded and what helps."""


class Line(NamedTuple):
    """A row under the header that is not blank.

    `number` is the row's number in a spreadsheet program: the header and blank rows count, a line break
    inside quotes does not, and neither does Excel's line `sep=;`, which no program shows.
    `cells` are tidy (Unicode form NFC; spaces, no-break spaces and invisible characters around them are
    gone), and as many as the headers. `mangled` are the indexes of cells that do not hold what somebody
    typed: core/imports/reading/mangled.py says what became of each.
    """

    number: int
    cells: list[str]
    mangled: tuple[int, ...]


class LongLine(Line):
    """A row with something to the right of the last header, `surplus`. Most likely a delimiter stands inside
    a cell without quotes and has moved the cells after it: nobody can tell which cell is which."""

    surplus: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """The header of an uploaded file, and a way to its rows.

    `encoding` and `delimiter` are empty for XLSX, `sheet` and `sheets` for CSV. `remarks` are sentences for
    the screen.
    """

    format: str
    headers: tuple[str, ...]
    read: Callable[[], Iterator[Line]] = field(repr=False, compare=False)
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    sheets: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def rows(self) -> Iterator[Line]:
        """Yields the rows from the first one on, each time it is called, without holding them in memory.

        Raises Unreadable where the file turns out to be broken; the rows before that place have been
        yielded by then.
        """
        return self.read()


def column_letters(index: int) -> str:
    """Returns the name of a column as spreadsheets write it: 0 is A, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def check_headers(headers: list[str], name: str) -> tuple[str, ...]:
    """Returns the headers up to the last that is not empty."""
    while headers and not headers[-1]:
        headers = headers[:-1]
    if not headers:
        raise Unreadable(f"“{name}” has no header: its first row must name the columns. Add one.")
    if len(headers) > MOST_COLUMNS:
        raise Unreadable(f"“{name}” has more than {MOST_COLUMNS} columns. Delete those that you do not need.")
    address = next((header for header in headers if _ADDRESS.fullmatch(header)), "")
    if address:
        raise Unreadable(
            f"“{name}” has no header: its first row must name the columns, and it holds the e-mail address "
            f"{address[:80]}. Put a row with the names of the columns above it."
        )
    return tuple(headers)


def remarks_about(headers: tuple[str, ...]) -> list[str]:
    """Returns a sentence for each header that stands more than once, and one for columns without a header."""
    columns: dict[str, list[int]] = {}
    for index, header in enumerate(headers):
        columns.setdefault(fold(header), []).append(index)
    without = columns.pop("", [])
    remarks = [
        f"The header “{headers[same[0]][:80]}” stands in columns {listed([*map(column_letters, same)])}."
        for same in columns.values()
        if len(same) > 1
    ]
    if without:
        word = "Column" if len(without) == 1 else "Columns"
        remarks.append(f"{word} {listed([*map(column_letters, without)])}: no header.")
    return remarks
