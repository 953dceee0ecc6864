"""CSV files: their encoding, delimiter and header."""

import csv
import io
from functools import partial
from itertools import chain

from core.imports.reading.csv_rows import END, Rows, reader
from core.imports.reading.decoding import Text
from core.imports.reading.lines import Table, check_headers, remarks_about
from core.imports.reading.recognising import refuse_other_text
from core.imports.reading.source import Source

DELIMITERS = {"\t": "tabs", ";": "semicolons", "|": "vertical bars", ",": "commas"}
_FIRST_ROWS = 50  # that tell the delimiter


def open_csv(source: Source, name: str) -> Table:
    text = Text(source, name)
    first = text.beginning()
    refuse_other_text(first, name)
    named = _named_delimiter(first)
    delimiter = named or _likely_delimiter(first)
    rows = Rows(text, delimiter, first=0 if named else 1)
    header, cells = rows.header()
    headers = check_headers(cells, name)
    read = f"Read as {text.label}, "
    read += f"separated by {DELIMITERS[delimiter]}." if len(headers) > 1 else "with one column."
    if text.label == "Windows-1252":
        read += " If letters look wrong, save the file as “CSV UTF-8” and upload it again."
    return Table(
        format="CSV",
        headers=headers,
        read=partial(rows.below, header, len(headers)),
        encoding=text.label,
        delimiter=delimiter,
        remarks=(read, *remarks_about(headers)),
    )


def _named_delimiter(text: str) -> str:
    """Returns the delimiter of Excel's first line `sep=;`."""
    line = text.lstrip("\ufeff").splitlines()[:1]
    named = line[0].strip(" \"'") if line else ""
    # A tab, and what a program that quotes or pads the line adds behind it, are blank too.
    delimiter = named[4:5] if named[:4].lower() == "sep=" else ""
    return delimiter if delimiter in DELIMITERS else ""


def _likely_delimiter(text: str) -> str:
    """Returns the delimiter that the header has and that splits most of the first rows like the header; if
    several do, the one that makes more columns, then the one that is rarer inside cells."""
    best, chosen = (False, 0.0, 1), ","
    for delimiter in DELIMITERS:
        lines = chain(io.StringIO(text, newline=""), [END])
        try:
            rows = [*filter(any, reader(lines, delimiter))]
        except csv.Error:
            continue
        ended = rows[-1] == [END]  # not inside quotes
        rows = rows[:-1][:_FIRST_ROWS] if ended else rows[:_FIRST_ROWS]
        width = len(rows[0]) if rows else 0
        if width > 1:
            alike = sum(len(row) == width for row in rows) / len(rows)
            if (ended, alike, width) > best:
                best, chosen = (ended, alike, width), delimiter
    return chosen
