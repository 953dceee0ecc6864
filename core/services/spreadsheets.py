"""CSV files that are safe to open in a spreadsheet, written row by row."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from core import moments

# Where a spreadsheet may take text for a formula (OWASP, CSV injection): at the start of a cell, and after
# each character at which a spreadsheet in another language may split the line, as it ignores our quotes
# then. Blanks, invisible characters and quotes before the formula do not matter. The wide characters are
# those of Chinese and Japanese keyboards.
PASSED_OVER = r'\s"\x00-\x1f\x7f\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufeff'
FORMULA_STARTS = r"=+\-@\uff1d\uff0b\uff0d\uff20"
_FORMULA = re.compile(rf"(?:^|(?<=[;\t\r\n\v\f]))(?=[{PASSED_OVER}]*[{FORMULA_STARTS}])")
_BLANK_STARTS = ("\t", "\r", "\n")


def defuse(value: Any) -> str:
    """Returns the text of a cell that a spreadsheet shows and never runs: an apostrophe is put before each
    part that looks like a formula."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return moments.local(value).isoformat(sep=" ", timespec="seconds")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | date):
        return str(value)
    text = _FORMULA.sub("'", str(value))
    return f"'{text}" if text.startswith(_BLANK_STARTS) else text


class _Echo:
    """A file whose `write` returns the line, so that the CSV writer returns it too."""

    def write(self, line: str) -> str:
        return line


def csv_lines(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Yields the lines of the file, beginning with the byte order mark, by which Excel recognises UTF-8.
    Memory does not grow with the rows.

    Every cell is quoted, numbers too (a spreadsheet reads "5" as a number), so that a comma in a cell does
    not end it.
    """
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL)
    yield "\ufeff" + writer.writerow([defuse(heading) for heading in headings])
    for row in rows:
        yield writer.writerow([defuse(cell) for cell in row])
