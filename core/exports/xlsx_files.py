"""XLSX: workbooks. A workbook is complete only at its end, so it is written to a temporary file of this
machine first and read from there.

What a workbook cannot hold: a moment with a time zone (it is written as the site's clock shows it; the
workbook's properties name the zone), more rows than LAST_ROW on one sheet (others follow, each with
the headings), more than LONGEST characters in a cell (cut, and the cell says so), and control characters
(left out).
"""

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from core import moments
from core.services.spreadsheets import defused

LAST_ROW = 1_048_576  # of a sheet, with the headings
LONGEST = 32_767  # characters of a cell
CUT = " … (cut: a cell of a workbook holds no more)"
LARGEST = 10**15  # a spreadsheet keeps 15 digits of a number
FIRST_YEAR = 1900
NOT_IN_TITLES = re.compile(r"[\[\]:*?/\\']")
READ = 256 * 1024


def cell(value: Any) -> Any:
    """Returns a value that a cell holds."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int | Decimal):
        return value if -LARGEST < value < LARGEST else str(value)
    if isinstance(value, datetime):
        here = moments.local(value)
        return here.replace(tzinfo=None, microsecond=0) if here.year >= FIRST_YEAR else here.isoformat()
    if isinstance(value, date):
        return value if value.year >= FIRST_YEAR else value.isoformat()
    text = defused(ILLEGAL_CHARACTERS_RE.sub("", str(value)))
    return text if 2 * len(text) <= LONGEST else _cut(text)


def _cut(text: str) -> str:
    """Spreadsheets count in units of UTF-16, of which an emoji has two."""
    units = text.encode("utf-16-le")
    if len(units) <= 2 * LONGEST:
        return text
    return units[: 2 * (LONGEST - len(CUT))].decode("utf-16-le", "ignore") + CUT


def write(title: str, heads: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    book = Workbook(write_only=True)
    book.properties.title = title
    book.properties.description = f"Times are those of {timezone.get_current_timezone_name()}."
    headings = [cell(head.heading) for head in heads]
    name = NOT_IN_TITLES.sub(" ", title)[:25].strip() or "Rows"
    sheet, used = None, LAST_ROW
    for row in rows:
        if sheet is None or used >= LAST_ROW:
            sheet = _next_sheet(book, name, headings)
            used = 1
        sheet.append([cell(value) for value in row])
        used += 1
    if sheet is None:
        _next_sheet(book, name, headings)
    with tempfile.TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        while part := file.read(READ):
            yield part


def _next_sheet(book: Workbook, name: str, headings: list[Any]) -> Any:
    """Returns a new sheet with the headings, which stay in view."""
    count = len(book.worksheets)
    sheet: Any = book.create_sheet(f"{name} {count + 1}" if count else name)
    sheet.freeze_panes = "A2"
    sheet.append(headings)
    return sheet
