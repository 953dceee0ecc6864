"""A ZIP archive of CSV files -> their rows."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from tempfile import TemporaryFile
from typing import BinaryIO

from core.folding import fold
from core.imports.reading.csv_files import open_csv
from core.imports.reading.lines import LongLine, Table, Unreadable
from core.imports.reading.source import Source
from core.migration.format import HEAD, HEAD_COLUMNS, KINDS, LAYOUTS, Layout
from core.migration.reading.entries import HELP, Entry, Head, Unusable, check_head
from core.wording import listed

UNPACKED = 500_000_000  # bytes of all files together
DIRECTORY = 100_000  # bytes of the archive's list of files: a migration has 13
PART = 1_000_000
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


class Archive:
    """An open ZIP archive; `head` says what it is. Raises Unusable, here and while rows are read."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.name, self.left = name, UNPACKED
        _check_directory(file, name)
        try:
            self.zip = zipfile.ZipFile(file)
            self.members = self._members()
        except BROKEN as broken:
            raise Unusable(f"“{name}” is a damaged ZIP archive. {HELP}") from broken
        self.head = Head("CSV")
        if HEAD not in self.members:
            raise Unusable(self._no_head())
        self._read_head()

    def entries(self) -> Iterator[Entry]:
        for kind in KINDS:
            if kind in self.members:
                yield from self._rows(LAYOUTS[kind])

    def _members(self) -> dict[str, zipfile.ZipInfo]:
        found: dict[str, zipfile.ZipInfo] = {}
        for member in self.zip.infolist():
            path = PurePosixPath(member.filename.replace("\\", "/"))
            if member.is_dir() or path.name.startswith(".") or "__MACOSX" in path.parts:
                continue
            kind = path.stem.lower() if path.suffix.lower() == ".csv" else path.name
            if kind in found:
                raise Unusable(f"“{self.name}” holds two files called {path.name}. Leave one of them.")
            found[kind] = member
        return found

    def _no_head(self) -> str:
        if "[Content_Types].xml" in self.members:
            return (
                f"“{self.name}” is an Excel workbook. Save each sheet as CSV, and put the files into a ZIP "
                f"archive together with {HEAD}.csv."
            )
        return f"“{self.name}” is no migration: {HEAD}.csv is missing in it. {HELP}"

    def _read_head(self) -> None:
        with self._table(HEAD) as table:
            line = next(iter(table.rows()), None)
            at = {fold(header): index for index, header in enumerate(table.headers)}
            texts = line.cells if line is not None else [""] * len(table.headers)
            values = {key: texts[at[key]] for key in HEAD_COLUMNS if key in at}
        self.head.source = check_head(values, self.name)
        others = [m.filename for kind, m in self.members.items() if kind not in {HEAD, *KINDS}]
        if others:
            self.head.remark(f"Not read, as the format has no such file: {listed(others[:5])[:300]}.")
        missing = [LAYOUTS[kind].file for kind in KINDS if kind not in self.members]
        if missing:
            self.head.remark(f"Not in the archive, and taken as empty: {listed(missing)}.")

    def _rows(self, layout: Layout) -> Iterator[Entry]:
        with self._table(layout.kind) as table:
            columns = self._columns(layout, table)
            rows = table.rows()
            while (line := self._next(rows, layout)) is not None:
                problem = "The line has more cells than the header." if isinstance(line, LongLine) else ""
                found = {name: line.cells[index] for name, index in columns.items()}
                yield Entry(layout.kind, line.number, found, problem)

    def _next(self, rows: Iterator, layout: Layout) -> "LongLine | None":
        try:
            line: LongLine | None = next(rows, None)
        except Unreadable as unreadable:
            raise Unusable(str(unreadable)) from None
        return line

    def _columns(self, layout: Layout, table: Table) -> dict[str, int]:
        headers = {fold(header): index for index, header in reversed([*enumerate(table.headers)])}
        unknown = [header for header in table.headers if header and fold(header) not in layout.names]
        if unknown:
            self.head.remark(f"{layout.file}: ignored columns: {listed(unknown[:10])[:300]}.")
        missing = [c.name for c in layout.columns if c.needed and c.name not in headers]
        if missing:
            raise Unusable(
                f"{layout.file} in “{self.name}” has no column {listed(missing)}. Its columns are "
                f"{listed(layout.names)}."
            )
        return {name: headers[name] for name in layout.names if name in headers}

    @contextmanager
    def _table(self, kind: str) -> Iterator[Table]:
        with TemporaryFile() as file:
            self._unpack(kind, file)
            try:
                table = open_csv(Source(file), f"{kind}.csv")
            except Unreadable as unreadable:
                raise Unusable(str(unreadable)) from None
            yield table

    def _unpack(self, kind: str, file: BinaryIO) -> None:
        member = self.members[kind]
        if member.flag_bits & 1:
            raise Unusable(f"“{self.name}” is protected by a password. Make the archive without one.")
        try:
            with self.zip.open(member) as packed:
                while part := packed.read(PART):
                    self.left -= len(part)
                    if self.left < 0:
                        raise Unusable(
                            f"“{self.name}” unpacks to more than {UNPACKED // 1_000_000:,} MB. Split it into "
                            "several migrations, for example one for each organization."
                        )
                    file.write(part)
        except BROKEN as broken:
            raise Unusable(f"{kind}.csv in “{self.name}” is damaged. {HELP}") from broken


def _check_directory(file: BinaryIO, name: str) -> None:
    """Refuse an archive with a long list of files before it is read into memory."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 66_000))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at >= 0 and int.from_bytes(tail[at + 12 : at + 16], "little") > DIRECTORY:
        raise Unusable(f"“{name}” holds too many files. {HELP}")
    file.seek(0)
