"""CSV files that are safe to open in a spreadsheet, written while the rows are read."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from core import moments

# Where a spreadsheet may take text for a formula (OWASP, CSV injection): at the start of a cell, and after
# each character at which a spreadsheet in another language may split the line, as it ignores our quotes
# then. Blanks, invisible characters and quotes before the formula do not matter. The wide characters are
# those of Chinese and Japanese keyboards.
PASSED_OVER = r'\s"\x00-\x1f\x7f\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufeff'
FORMULA_STARTS = r"=+\-@\uff1d\uff0b\uff0d\uff20"
_FORMULA = re.compile(rf"(?:^|(?<=[;\t\r\n\v\f]))(?=[{PASSED_OVER}]*[{FORMULA_STARTS}])")
_DEFUSED = re.compile(rf"'(?=[{PASSED_OVER}']*[{FORMULA_STARTS}])")
_PUT_BEFORE = re.compile(rf"(?:^|(?<=[;\t\r\n\v\f])){_DEFUSED.pattern}")
_BLANK_STARTS = ("\t", "\r", "\n")
TOGETHER = 500  # lines that are written at once


def defuse(value: Any) -> str:
    """Returns the text of a cell that a spreadsheet shows and never runs: an apostrophe is put before each
    part that looks like a formula."""
    if value is None:
        return ""
    if isinstance(value, str):
        return defused(value)
    if isinstance(value, datetime):
        return moments.local(value).isoformat(sep=" ", timespec="seconds")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal | date):
        return str(value)
    return defused(str(value))


def defused(text: str) -> str:
    # Most texts: nothing stands before the first letter or digit, and no character begins another part.
    if text[:1].isalnum() and ";" not in text and text.isprintable():
        return text
    text = _FORMULA.sub("'", text)
    return f"'{text}" if text.startswith(_BLANK_STARTS) else text


def may_be_defused(text: str) -> bool:
    """Returns False for most texts that `undefused` does not change, and for none that it does."""
    return "'" in text and _DEFUSED.search(text) is not None


def undefused(text: str) -> str:
    """Returns a cell without the apostrophes that `defused` puts before parts that look like a formula: a
    file of ours that comes back holds the same again. To a spreadsheet they only say that it is text."""
    return _PUT_BEFORE.sub("", text) if "'" in text else text


def csv_parts(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Yields the file: first its headings, then TOGETHER lines at a time. It begins with the byte order mark,
    by which Excel recognises UTF-8. Memory does not grow with the rows.

    Every cell is quoted, numbers too (a spreadsheet reads "5" as a number), so that a comma in a cell does
    not end it.
    """
    yield "\ufeff" + _written([list(map(defuse, headings))])
    rows = iter(rows)
    while some := list(islice(rows, TOGETHER)):
        # By columns: most have values of one type, so that the type is asked for once and not for each cell.
        yield _written(zip(*map(_texts, zip(*some, strict=True)), strict=True))


def _written(rows: Iterable[Sequence[str]]) -> str:
    lines = io.StringIO()
    csv.writer(lines, quoting=csv.QUOTE_ALL).writerows(rows)
    return lines.getvalue()


def _texts(values: Sequence[Any]) -> Iterable[str]:
    """Returns what `defuse` returns for each value of a column."""
    types = set(map(type, values)) - {type(None)}
    if types == {str}:
        return ["" if value is None else defused(value) for value in values]
    if types == {datetime}:
        zone = ZoneInfo(timezone.get_current_timezone_name())  # the site's asks the settings each time
        try:
            return [value.astimezone(zone).isoformat(" ", "seconds") if value else "" for value in values]
        except OverflowError:  # at the ends of the calendar
            return map(defuse, values)
    return map(defuse, values)
