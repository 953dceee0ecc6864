"""CSV files: their delimiter, header and rows."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, islice, repeat
from operator import itemgetter

from core.imports.reading.decoding import Text
from core.imports.reading.lines import (
    LONGEST_CELL,
    Line,
    LongLine,
    Table,
    Unreadable,
    check_headers,
    remarks_about,
)
from core.imports.reading.mangled import MARKS, mangled_cells
from core.imports.reading.recognising import refuse_other_text
from core.imports.reading.source import Source
from core.imports.reading.tidying import is_tidy, tidy, tidy_row

DELIMITERS = {"\t": "tabs", ";": "semicolons", "|": "vertical bars", ",": "commas"}
_FIRST_ROWS = 50  # that tell the delimiter
_BATCH = 64
_END = "\x00"  # in no text that is read
_MARKS = (*MARKS, '="')
_line: Callable[[tuple], Line] = partial(tuple.__new__, Line)
_first = itemgetter(0)


def open_csv(source: Source, name: str) -> Table:
    text = Text(source, name)
    first = next(text.blocks(), "")
    refuse_other_text(first, name)
    named = _named_delimiter(first)
    delimiter = named or _likely_delimiter(first)
    row, cells = _header(_Rows(text, delimiter, above=1 if named else 0, number=1))
    headers = check_headers(cells, name)
    below = _Rows(text, delimiter, above=row + 1 if named else row, number=row + 1)
    read = f"Read as {text.label}, "
    read += f"separated by {DELIMITERS[delimiter]}." if len(headers) > 1 else "with one column."
    if text.label == "Windows-1252":
        read += " If letters look wrong, save the file as “CSV UTF-8” and upload it again."
    return Table(
        format="CSV",
        headers=headers,
        read=partial(_lines, below, len(headers)),
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
    best, chosen = (0.0, 1), ","
    for delimiter in DELIMITERS:
        lines = io.StringIO(text, newline="")
        try:
            rows = [*islice(filter(any, _reader(lines, delimiter)), _FIRST_ROWS)]
        except csv.Error:
            continue
        width = len(rows[0]) if rows else 0
        if width > 1:
            alike = sum(len(row) == width for row in rows) / len(rows)
            if (alike, width) > best:
                best, chosen = (alike, width), delimiter
    return chosen


def _reader(lines: Iterable[str], delimiter: str):
    # Some programs write a space before the quotes: `Ana, "Berg, Bo"`.
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True)


class _Blocks:
    """The lines for the CSV reader; `look` is True while cells that it has returned must be looked at."""

    def __init__(self, text: Text, delimiter: str) -> None:
        self.text = text
        self.delimiter = delimiter
        self.current = self.look = False

    def lines(self) -> Iterator[str]:
        return chain(chain.from_iterable(self._blocks()), [_END])

    def taken(self) -> None:
        """The rows returned so far are dealt with."""
        self.look = self.current

    def _blocks(self) -> Iterator[Iterable[str]]:
        for block in self.text.blocks():
            self.current = not is_tidy(block, self.delimiter) or any(mark in block for mark in _MARKS)
            self.look = self.look or self.current
            yield io.StringIO(block, newline="")


class _Rows:
    """The rows of a file from the one below `above` others on, which has the number `number`."""

    def __init__(self, text: Text, delimiter: str, *, above: int, number: int) -> None:
        self.text = text
        self.delimiter = delimiter
        self.above = above
        self.number = number

    def batches(self) -> Iterator[tuple[int, list[list[str]], bool]]:
        """Yields some rows with the number of the first, and whether their cells must be looked at."""
        blocks = _Blocks(self.text, self.delimiter)
        reader = _reader(blocks.lines(), self.delimiter)
        number, read = self.number, 0
        try:
            for _ in islice(reader, self.above):
                read = reader.line_num
            while batch := [*islice(reader, _BATCH)]:
                look = blocks.look or reader.line_num - read != len(batch)  # line breaks inside quotes
                blocks.taken()
                read = reader.line_num
                ended = batch[-1] == [_END]
                if not ended and batch[-1] and batch[-1][-1].endswith(_END):
                    raise self._open_quote(number + len(batch) - 1)
                yield number, batch[:-1] if ended else batch, look
                number += len(batch)
        except csv.Error as error:
            raise self._open_quote(number) from error

    def _open_quote(self, row: int) -> Unreadable:
        return Unreadable(
            f"“{self.text.name}” cannot be read from row {row:,} on: a quotation mark begins a cell "
            f"that never ends, or has more than {LONGEST_CELL:,} characters. Correct or remove the mark."
        )


def _header(rows: _Rows) -> tuple[int, list[str]]:
    """Returns the first row that is not blank, and its number."""
    for first, batch, _ in rows.batches():
        for number, row in enumerate(map(tidy_row, batch), first):
            if any(row):
                return number, row
    return 1, []


def _lines(rows: _Rows, width: int) -> Iterator[Line]:
    for number, batch, look in rows.batches():
        if look or {*map(len, batch)} != {width} or not all(map(_first, batch)):
            yield from _looked_at(number, batch, width)
        else:
            yield from map(_line, zip(range(number, number + len(batch)), batch, repeat(())))


def _looked_at(first: int, batch: list[list[str]], width: int) -> Iterator[Line]:
    for number, row in enumerate(map(tidy_row, batch), first):
        text = "".join(row)
        if not text:
            continue
        mangled: tuple[int, ...] = ()
        if any(mark in text for mark in _MARKS):
            row = [_typed(cell) for cell in row]
            mangled = mangled_cells(row[:width])
        yield fitted(number, row, mangled, width)


def fitted(number: int, cells: list[str], mangled: tuple[int, ...], width: int) -> Line:
    """Returns the line with as many cells as there are headers."""
    if len(cells) <= width:
        return Line(number, cells + [""] * (width - len(cells)), mangled)
    surplus = tuple(filter(None, cells[width:]))
    if not surplus:
        return Line(number, cells[:width], mangled)
    line = LongLine(number, cells[:width], mangled)
    line.surplus = surplus
    return line


def _typed(cell: str) -> str:
    """Returns 00123 for `="00123"`, by which people keep the zeros."""
    if cell.startswith('="') and cell.endswith('"') and len(cell) > 2 and '"' not in cell[2:-1]:
        return tidy(cell[2:-1])
    return cell
