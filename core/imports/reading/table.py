"""The bytes of an uploaded file -> its header and rows."""

from typing import BinaryIO

from core.folding import tidy_name
from core.imports.reading import recognising
from core.imports.reading.csv_files import open_csv
from core.imports.reading.lines import LARGEST_FILE, Line, LongLine, Table, Unreadable
from core.imports.reading.source import Source
from core.imports.reading.xlsx_files import open_xlsx

__all__ = ["LARGEST_FILE", "Line", "LongLine", "Table", "Unreadable", "open_table"]


def open_table(file: BinaryIO | bytes, *, name: str, sheet: str = "") -> Table:
    """Returns the table of a CSV or XLSX file, recognised by what it holds. `name` is the file's name, for
    messages; `sheet` that of a sheet; if empty, the first one that has cells is read. A file must be able to
    seek, and stay open while rows are read.

    Raises Unreadable for everything else, with a sentence for the person who uploaded it.
    """
    source = Source(file)
    name = tidy_name(name)[:80] or "The file"
    if not source.size:
        raise Unreadable(f"“{name}” is empty. Choose a file with a header and a row for each person.")
    if source.size >= LARGEST_FILE:
        raise Unreadable(
            f"“{name}” has {source.size / 1_000_000:,.0f} MB; files must be smaller than "
            f"{LARGEST_FILE // 1_000_000} MB. Split it into several files."
        )
    if recognising.is_zip(source, name):
        return open_xlsx(source, name, sheet)
    return open_csv(source, name)
