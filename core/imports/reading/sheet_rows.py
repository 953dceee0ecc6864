"""The rows of a sheet of an XLSX file."""

import re
from collections.abc import Iterator

from core.imports.reading.archive import DEEPEST, breaks_named
from core.imports.reading.lines import LONGEST_CELL, MOST_COLUMNS
from core.imports.reading.mangled import mangled_cells, may_be_mangled
from core.imports.reading.number_formats import shown
from core.imports.reading.tidying import tidy_row
from core.imports.reading.workbook import Workbook, local, too_long, unescaped
from core.services.spreadsheets import may_be_defused, undefused

_LAST_COLUMN = 16_384
_LAST_ROW = 16_777_216  # of LibreOffice with many columns; others end at 1,048,576
_REFERENCE = re.compile(r"([A-Z]{1,3})\d{1,8}")

Row = tuple[int, list[str], list[int]]


class SheetRows:
    """Reads what stands in the cells, in the order of the file; what the file says of its size is ignored."""

    def __init__(self, workbook: Workbook, part: str) -> None:
        self._workbook = workbook
        self._part = part
        self._depth = 0
        self._ready: list[Row] = []
        self._number = 0
        self._column = -1
        self._cells: dict[int, str] = {}
        self._mangled: list[int] = []
        self._cell: dict[str, str] = {}
        self._pieces: list[str] = []
        self._length = 0
        self._reading = self._spoken = self._formula = self._ended = False
        self._columns: dict[str, int] = {}

    def rows(self, most: int = 0) -> Iterator[Row]:
        """Yields number, cells and indexes of mangled cells of each row with something in it. `most` is how
        many bytes of the sheet are read."""
        archive = self._workbook.archive
        with breaks_named(archive.name):
            read = 0
            for count in archive.events(self._part, self._start, self._end, self._text):
                yield from self._ready
                self._ready = []
                read += count
                if self._depth > DEEPEST:
                    raise ValueError("XML nested too deep")
                if self._ended or (most and read > most):
                    return

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if ":" in name:
            name = local(name)
        if name == "c":
            self._cell = attributes
            self._formula = False
            reference = attributes.get("r")
            self._column = self._column_of(reference) if reference else self._column + 1
            if self._column >= _LAST_COLUMN:
                raise ValueError("more columns than a sheet has")
        elif name in ("v", "t"):
            self._reading = not self._spoken
        elif name == "f":
            self._formula = True
        elif name == "row":
            self._number = int(attributes.get("r") or self._number + 1)
            if not 0 < self._number <= _LAST_ROW:
                raise ValueError("more rows than a sheet has")
            self._column = -1
        elif name == "rPh":
            self._spoken = True

    def _text(self, text: str) -> None:
        if self._reading:
            self._pieces.append(text)
            self._length += len(text)
            if self._length > LONGEST_CELL:
                raise too_long(self._workbook.archive.name)

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._reading = False
        if ":" in name:
            name = local(name)
        if name == "c":
            if self._pieces or self._formula:
                self._keep("".join(self._pieces))
                self._pieces, self._length = [], 0
        elif name == "row":
            if self._cells:
                self._ready.append(self._row())
                self._cells, self._mangled = {}, []
        elif name == "rPh":
            self._spoken = False
        elif name == "sheetData":
            self._ended = True

    def _keep(self, raw: str) -> None:
        """Keep what the cell shows; a formula's cell shows its stored result."""
        kind = self._cell.get("t", "n")
        text, mangled = raw, False
        if kind == "s":
            text = self._workbook.texts[int(raw)] if raw.strip() else ""
        elif kind in ("inlineStr", "str"):
            text = unescaped(raw)
        elif kind == "b":
            text = "TRUE" if raw.strip() in ("1", "true") else "FALSE"
        elif kind == "n":
            mangled = not raw.strip()  # a formula without a result
            if not mangled:
                style = self._workbook.style(self._cell.get("s"))
                text, mangled = shown(raw, style, from_1904=self._workbook.from_1904)
        if text or mangled:
            self._cells[self._column] = text
            if mangled:
                self._mangled.append(self._column)

    def _row(self) -> Row:
        cells = [""] * min(max(self._cells) + 1, MOST_COLUMNS)
        for column, text in self._cells.items():
            if column < MOST_COLUMNS:
                cells[column] = text
            else:  # no header stands above it: that it is there is enough
                cells.append(text)
        cells = tidy_row(cells)
        mangled, text = self._mangled, "".join(cells)
        if may_be_defused(text):
            cells = [*map(undefused, cells)]
        if may_be_mangled(text):
            mangled = sorted({*mangled, *mangled_cells(cells)})
        return self._number, cells, mangled

    def _column_of(self, reference: str) -> int:
        letters = reference.rstrip("0123456789")
        if letters not in self._columns:
            if not (found := _REFERENCE.fullmatch(reference.replace("$", ""))):
                raise ValueError("no reference to a cell")
            column = 0
            for letter in found[1]:
                column = column * 26 + ord(letter) - ord("A") + 1
            self._columns[letters] = column - 1
        return self._columns[letters]
