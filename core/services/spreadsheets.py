"""CSV for people who open it in a spreadsheet: written row by row, and harmless there."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from core import moments

# Where a spreadsheet may take text for a formula (OWASP, CSV injection): at the start of a cell, and after
# each character at which another setting or language splits the line, because the quotes around our cells
# mean nothing there. A spreadsheet passes over blanks, characters without a shape, and quotes. The wide
# characters are what keyboards for Chinese and Japanese type.
_PASSED_OVER = r'\s"\x00-\x1f\x7f\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufeff'
_FORMULA = re.compile(rf"(?:^|(?<=[;\t\r\n\v\f]))(?=[{_PASSED_OVER}]*[=+\-@\uff1d\uff0b\uff0d\uff20])")
_BLANK_STARTS = ("\t", "\r", "\n")


def defuse(value: Any) -> str:
    """A cell that a spreadsheet shows and never runs: an apostrophe stands before each part of a text that
    looks like a formula."""
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
    """A file that hands each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def csv_lines(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The file, line by line; memory does not grow with the rows. It begins with the mark by which
    Excel knows UTF-8.

    Every cell is quoted, numbers too (a spreadsheet reads "5" as a number): what stands inside of the
    quotes never ends a cell where the spreadsheet splits at commas, as it should.
    """
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL)
    yield "\ufeff" + writer.writerow([defuse(heading) for heading in headings])
    for row in rows:
        yield writer.writerow([defuse(cell) for cell in row])
