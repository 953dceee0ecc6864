"""XLSX files: their sheets, header and rows.

Read by the XML parser itself: openpyxl keeps an element for each row and shared text that it has read, and
takes over three times as long.
"""

from collections.abc import Iterator
from functools import partial

from core.folding import fold
from core.imports.reading.archive import Archive, breaks_named
from core.imports.reading.csv_rows import fitted
from core.imports.reading.lines import Line, Table, Unreadable, check_headers, remarks_about
from core.imports.reading.recognising import refuse_other_archives
from core.imports.reading.sheet_rows import Row, SheetRows
from core.imports.reading.source import Source
from core.imports.reading.workbook import Workbook
from core.wording import first_of, plural

_MOST_BEFORE_HEADER = 20_000_000  # bytes of a sheet
_SHEETS_TRIED = 20


def open_xlsx(source: Source, name: str, sheet: str) -> Table:
    archive = Archive(source, name)
    with breaks_named(name):
        refuse_other_archives(archive)
        workbook = Workbook(archive)
    if not (sheets := workbook.sheets or workbook.hidden):
        raise Unreadable(f"“{name}” has no sheet with rows. Save the list as CSV, and upload that file.")
    wanted = _named(sheets | workbook.hidden, sheet, name) if sheet else [*sheets.items()][:_SHEETS_TRIED]
    tried = ((own, part, _header(workbook, part)) for own, part in wanted)
    found = next(((own, part, header) for own, part, header in tried if header), None)
    if not found:
        where = f"The sheet “{wanted[0][0]}” of “{name}”" if sheet else f"“{name}”"
        raise Unreadable(f"{where} is empty: its first row must name the columns, the others hold the list.")
    chosen, part, (number, cells, _) = found
    headers = check_headers(cells, name)
    remark = f"Read from the sheet “{chosen}”"
    remark += f", one of {plural(len(sheets), 'sheet')}." if len(sheets) > 1 else "."
    return Table(
        format="XLSX",
        headers=headers,
        read=partial(_lines, workbook, part, number, len(headers)),
        sheet=chosen,
        sheets=tuple(sheets),
        remarks=(remark, *remarks_about(headers)),
    )


def _named(sheets: dict[str, str], wanted: str, name: str) -> list[tuple[str, str]]:
    same = [own for own in sheets if own == wanted] or [own for own in sheets if fold(own) == fold(wanted)]
    if not same:
        raise Unreadable(
            f"“{name}” has no sheet “{wanted[:80]}”; it has {first_of([f'“{own}”' for own in sheets])}. "
            "Choose one of them."
        )
    return [(same[0], sheets[same[0]])]


def _header(workbook: Workbook, part: str) -> Row | None:
    rows = SheetRows(workbook, part).rows(_MOST_BEFORE_HEADER)
    return next((row for row in rows if any(row[1])), None)


def _lines(workbook: Workbook, part: str, header: int, width: int) -> Iterator[Line]:
    rows = SheetRows(workbook, part).rows()
    for number, cells, mangled in rows:
        if number > header and (mangled or any(cells)):
            yield fitted(number, cells, tuple(i for i in mangled if i < width), width)
