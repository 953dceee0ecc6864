"""The parts of an XLSX file, which is a ZIP archive of XML files, unpacked piece by piece."""

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from xml.parsers import expat  # nothing of a DTD is read: `events` refuses it

from core.imports.reading.lines import Unreadable
from core.imports.reading.source import CHUNK, Source

LARGEST_UNPACKED = 500_000_000  # bytes of one part; a million rows of ten columns have less
_LARGEST_DIRECTORY = 1_000_000
_LONGEST_TOKEN = 2_000_000
DEEPEST = 100
_MOST_NAMES = 5_000
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    expat.ExpatError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    LookupError,
    OverflowError,
)


@contextmanager
def breaks_named(name: str) -> Iterator[None]:
    """Whatever a damaged file leads to becomes one sentence."""
    try:
        yield
    except _BROKEN as error:
        raise Unreadable(
            f"“{name}” is damaged, or is no XLSX file. Open it in a spreadsheet program, save it as XLSX "
            "or CSV, and upload that file."
        ) from error


class Archive:
    def __init__(self, source: Source, name: str) -> None:
        self.name = name
        with breaks_named(name):
            self._zip = zipfile.ZipFile(_Window(source))
        self._parts = {info.filename.replace("\\", "/").lower(): info for info in self._zip.infolist()}

    def __contains__(self, part: str) -> bool:
        return part.lower() in self._parts

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def beginning(self, part: str) -> bytes:
        with self._open(part, LARGEST_UNPACKED) as stream:
            return stream.read(200)

    def events(
        self,
        part: str,
        start: Callable[[str, dict[str, str]], Any],
        end: Callable[[str], Any],
        text: Callable[[str], Any],
        *,
        most: int = 0,
    ) -> Iterator[int]:
        """Feeds the XML to the functions, with names without their prefix; yields after each piece how many
        bytes it was. A part of more than `most` bytes is refused."""
        names: dict[str, str] = {}
        parser = expat.ParserCreate(intern=names)
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse_dtd
        parser.StartElementHandler = start
        parser.EndElementHandler = end
        parser.CharacterDataHandler = text
        fed = 0
        with self._open(part, most or LARGEST_UNPACKED) as stream:
            while piece := stream.read(CHUNK):
                parser.Parse(piece, False)
                fed += len(piece)
                # Each would let the parser's memory grow with the file.
                if fed - parser.CurrentByteIndex > _LONGEST_TOKEN or len(names) > _MOST_NAMES:
                    raise ValueError("XML of no spreadsheet program")
                yield len(piece)
            parser.Parse(b"", True)
            yield 0

    def _open(self, part: str, most: int):
        info = self._parts[part.lower()]
        if info.flag_bits & 1:
            raise Unreadable(
                f"“{self.name}” is protected by a password. Save it without the password and upload it again."
            )
        if info.file_size > most:
            raise Unreadable(
                f"“{self.name}” unpacks to more than {most // 1_000_000} MB. Copy the rows "
                "that you need into a new workbook, or save the list as CSV, and upload that file."
            )
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError("a compression that spreadsheet programs do not use")
        return self._zip.open(info)

    def _refuse_dtd(self, *told: Any) -> None:
        raise Unreadable(
            f"“{self.name}” holds definitions (a DTD) that no spreadsheet program writes. Open it in one, "
            "save it as XLSX, and upload that file."
        )


class Depth:
    """How deep the XML is nested: a file of nothing but beginnings would fill the memory."""

    def __init__(self) -> None:
        self.depth = 0

    def down(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ValueError("XML nested too deep")

    def up(self) -> None:
        self.depth -= 1


class _Window(io.RawIOBase):
    """The archive for `zipfile`, which reads its directory at once: one that is too long is refused."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._at = 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._source.size}[whence]
        if start + offset < 0:
            raise ValueError("before the beginning")
        self._at = start + offset
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            size = max(self._source.size - self._at, 0)
        if size > _LARGEST_DIRECTORY:
            raise ValueError("a directory of too many parts")
        piece = self._source.read(self._at, size)
        self._at += len(piece)
        return piece
