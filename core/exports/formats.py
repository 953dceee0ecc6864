"""The formats of exported files, and writing rows in one of them.

Every format is written row by row, so that memory does not grow with the rows. Tablib, which writes all of
them, builds a whole table first; so it is not used, for small files neither: there is one way to write a
file. For XLSX this is the write-only mode of openpyxl, by which tablib writes too.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from core.exports import csv_files, json_files, xlsx_files

BLOCK = 256 * 1024  # bytes, about


class Head(NamedTuple):
    """A column of a file."""

    key: str  # its name in JSON
    heading: str


Row = Sequence[Any]


@dataclass(frozen=True)
class Format:
    name: str
    label: str
    content_type: str
    # Yields the parts of the file: from its title, the columns and the rows.
    write: Callable[[str, Sequence[Any], Iterable[Row]], Iterator[bytes]]


FORMATS = {
    one.name: one
    for one in (
        Format("csv", "CSV", "text/csv; charset=utf-8", csv_files.write),
        Format(
            "xlsx",
            "Excel (XLSX)",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            xlsx_files.write,
        ),
        Format("json", "JSON", "application/json", json_files.write),
    )
}


CONTENT_TYPES = {one.name: one.content_type for one in FORMATS.values()} | {"zip": "application/zip"}


def written(name: str, title: str, heads: Sequence[Head], rows: Iterable[Row]) -> Iterator[bytes]:
    """Yields the bytes of a file in the format with this name, in parts of about BLOCK."""
    waiting: list[bytes] = []
    size = 0
    for part in FORMATS[name].write(title, heads, rows):
        waiting.append(part)
        size += len(part)
        if size >= BLOCK:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)
