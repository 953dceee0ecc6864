"""The rows of a CSV file, many at once."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice, repeat
from operator import itemgetter

from core.imports.reading.decoding import Text
from core.imports.reading.lines import LONGEST_CELL, LONGEST_LINE, Line, LongLine, Unreadable
from core.imports.reading.mangled import mangled_cells, may_be_mangled
from core.imports.reading.tidying import is_tidy, tidy, tidy_row
from core.services.spreadsheets import may_be_defused, undefused

END = "\x00"  # in no text that is read
_line: Callable[[tuple], Line] = partial(tuple.__new__, Line)
_first = itemgetter(0)


def reader(lines: Iterable[str], delimiter: str):
    # Some programs write a space before the quotes: `Ana, "Berg, Bo"`.
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True)


class Rows:
    """The rows of a file. Where nothing is quoted they are split, which takes half the time of the CSV
    reader; a block is looked at as a whole, and its cells only if that finds something."""

    def __init__(self, text: Text, delimiter: str, *, first: int) -> None:
        """`first` is the number of the first row: 0 for one that no spreadsheet program shows."""
        self.text = text
        self.delimiter = delimiter
        self.first = first

    def header(self) -> tuple[int, list[str]]:
        """Returns the first row that is not blank, and its number."""
        for first, rows, _ in self._blocks():
            for number, row in enumerate(map(tidy_row, rows), first):
                if number > 0 and any(row):
                    return number, [*map(undefused, row)]
        return 1, []

    def below(self, header: int, width: int) -> Iterator[Line]:
        """Yields the rows below that number which are not blank."""
        for number, rows, look in self._blocks():
            if number <= header:
                rows = rows[header + 1 - number :]
                number = header + 1
            if look or {*map(len, rows)} != {width} or not all(map(_first, rows)):
                yield from _looked_at(number, rows, width)
            else:
                yield from map(_line, zip(range(number, number + len(rows)), rows, repeat(())))

    def _blocks(self) -> Iterator[tuple[int, list[list[str]], bool]]:
        """Yields some rows with the number of the first, and whether their cells must be looked at."""
        number, begun = self.first, ""
        for block in self.text.blocks():
            rows, begun, look = self._parsed(begun + block, number)
            if len(begun) > LONGEST_LINE:
                raise self._open_quote(number + len(rows))
            yield number, rows, look
            number += len(rows)
        if begun:
            raise self._open_quote(number)

    def _parsed(self, block: str, number: int) -> tuple[list[list[str]], str, bool]:
        """Returns the rows of the block, the beginning of one that ends in a later block, and whether the
        cells must be looked at."""
        tidy = is_tidy(block, self.delimiter)
        look = not tidy or _is_marked(block)
        # Only text that is not tidy can hold other characters at which `splitlines` splits.
        lines = block.splitlines(keepends=True) if tidy else [*io.StringIO(block, newline="")]
        if '"' not in block and len(block) < LONGEST_CELL:
            bare = block.splitlines() if tidy else [line.rstrip("\r\n") for line in lines]
            return [*map(str.split, bare, repeat(self.delimiter))], "", look
        rows: list[list[str]] = []
        try:
            rows += reader([*lines, END], self.delimiter)
        except csv.Error as error:
            raise self._open_quote(number + len(rows)) from error
        begun = "" if rows.pop() == [END] else "".join(lines[self._lines_of(len(rows), lines) :])
        return rows, begun, look or len(rows) != len(lines)  # line breaks inside quotes

    def _lines_of(self, rows: int, lines: list[str]) -> int:
        counting = reader(lines, self.delimiter)
        for _ in islice(counting, rows):
            pass
        return counting.line_num

    def _open_quote(self, row: int) -> Unreadable:
        return Unreadable(
            f"“{self.text.name}” cannot be read from row {row:,} on: a quotation mark begins a cell "
            f"that never ends, or has more than {LONGEST_CELL:,} characters. Correct or remove the mark."
        )


def _looked_at(first: int, rows: list[list[str]], width: int) -> Iterator[Line]:
    for number, row in enumerate(map(tidy_row, rows), first):
        text = "".join(row)
        if not text:
            continue
        mangled: tuple[int, ...] = ()
        if _is_marked(text):
            row = [undefused(_typed(cell)) for cell in row]
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


def _is_marked(text: str) -> bool:
    return may_be_mangled(text) or ("=" in text and '="' in text) or may_be_defused(text)


def _typed(cell: str) -> str:
    """Returns 00123 for `="00123"`, by which people keep the zeros."""
    if cell.startswith('="') and cell.endswith('"') and len(cell) > 2 and '"' not in cell[2:-1]:
        return tidy(cell[2:-1])
    return cell
