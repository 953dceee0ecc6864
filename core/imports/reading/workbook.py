"""What an XLSX file says beside its cells: the sheets, the texts that cells share, the number formats."""

import posixpath
import re
from array import array
from collections.abc import Callable
from typing import Any

from core.imports.reading.archive import Archive, Depth
from core.imports.reading.lines import LONGEST_CELL, Unreadable
from core.imports.reading.number_formats import PLAIN, Style, style_of

_MOST_TEXT = 80_000_000  # bytes of all texts together: they are held in memory
_MOST_STRINGS = 200_000_000  # bytes of their XML
_MOST_ABOUT = 20_000_000  # bytes of each other part
_MOST_TEXTS = 5_000_000
_MOST_STYLES = 66_000
_MOST_SHEETS = 1_000
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


class Workbook:
    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.sheets: dict[str, str] = {}  # name -> part
        self.hidden: dict[str, str] = {}
        self.styles: list[Style] = []
        self.from_1904 = False
        part = self._targets("_rels/.rels", "").get("officeDocument", "xl/workbook.xml")
        folder, file = posixpath.split(part)
        self._ids: dict[str, str] = {}
        targets = self._targets(f"{folder}/_rels/{file}.rels", folder)
        self._read(part, self._sheet)
        self._strings_part = targets.get("sharedStrings", "")
        self._texts: Texts | None = None
        if (styles := targets.get("styles", "")) in archive:
            self._read_styles(styles)

    @property
    def texts(self) -> "Texts":
        """The shared texts, read when they are first needed."""
        if self._texts is None:
            self._texts = Texts(self.archive, self._strings_part)
        return self._texts

    def style(self, number: str | None) -> Style:
        index = int(number or 0)
        return self.styles[index] if 0 <= index < len(self.styles) else PLAIN

    def _read(self, part: str, start: Callable[[str, dict[str, str]], Any]) -> None:
        depth = Depth()

        def begin(name: str, attributes: dict[str, str]) -> None:
            depth.down()
            start(local(name), attributes)

        for _ in self.archive.events(
            part, begin, lambda name: depth.up(), lambda text: None, most=_MOST_ABOUT
        ):
            pass

    def _targets(self, part: str, folder: str) -> dict[str, str]:
        """Returns the parts by kind; those of sheets are kept by their ids."""
        found: dict[str, str] = {}

        def start(name: str, attributes: dict[str, str]) -> None:
            if name == "Relationship" and attributes.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, attributes["Target"])).lstrip("/")
                kind = attributes["Type"].rpartition("/")[2]
                found.setdefault(kind, target)
                if folder and kind == "worksheet" and len(self._ids) < _MOST_SHEETS:
                    self._ids[attributes["Id"]] = target

        if part in self.archive:
            self._read(part, start)
        return found

    def _sheet(self, name: str, attributes: dict[str, str]) -> None:
        if name == "workbookPr":
            self.from_1904 = attributes.get("date1904", "0") in ("1", "true")
        elif name == "sheet":
            own = next((value for key, value in attributes.items() if local(key) == "id" and ":" in key), "")
            if own in self._ids:
                shown = attributes.get("state", "visible") == "visible"
                (self.sheets if shown else self.hidden)[attributes["name"]] = self._ids[own]

    def _read_styles(self, part: str) -> None:
        codes: dict[int, str] = {}
        above = ""

        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal above
            if name == "numFmt" and len(codes) < _MOST_STYLES:
                codes[int(attributes["numFmtId"])] = attributes["formatCode"][:255]
            elif name in ("cellXfs", "cellStyleXfs", "dxfs"):
                above = name
            elif name == "xf" and above == "cellXfs" and len(self.styles) < _MOST_STYLES:
                number = int(attributes.get("numFmtId", 0))
                style = style_of(number, codes.get(number, ""))
                self.styles.append(PLAIN if style == PLAIN else style)

        self._read(part, start)


class Texts:
    """The texts that cells share, in one piece of memory: a list of them would take three times as much."""

    def __init__(self, archive: Archive, part: str) -> None:
        self._name = archive.name
        self._bytes = bytearray()
        self._ends = array("Q", [0])
        self._depth = Depth()
        self._pieces: list[str] = []
        self._length = 0
        self._reading = self._spoken = False
        if part in archive:
            for _ in archive.events(part, self._start, self._end, self._text, most=_MOST_STRINGS):
                pass

    def __getitem__(self, index: int) -> str:
        if index < 0:
            raise IndexError(index)
        return self._bytes[self._ends[index] : self._ends[index + 1]].decode()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth.down()
        if name == "t" or local(name) == "t":
            self._reading = not self._spoken
        elif local(name) == "rPh":  # how Japanese letters are spoken
            self._spoken = True

    def _text(self, text: str) -> None:
        if self._reading:
            self._pieces.append(text)
            self._length += len(text)
            if self._length > LONGEST_CELL:
                raise too_long(self._name)

    def _end(self, name: str) -> None:
        self._depth.up()
        self._reading = False
        if name == "si" or local(name) == "si":
            self._bytes += unescaped("".join(self._pieces)).encode()
            self._ends.append(len(self._bytes))
            self._pieces, self._length = [], 0
            if len(self._bytes) > _MOST_TEXT or len(self._ends) > _MOST_TEXTS:
                raise Unreadable(
                    f"“{self._name}” holds too much text to be read as XLSX. Save it as CSV, and upload "
                    "that file."
                )
        elif local(name) == "rPh":
            self._spoken = False


def local(name: str) -> str:
    """Returns the name without its prefix."""
    return name.rpartition(":")[2] if ":" in name else name


def unescaped(text: str) -> str:
    """Returns the text with the characters that XML cannot hold, which are written as _x000D_."""
    if "_x" not in text:
        return text
    text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def too_long(name: str) -> Unreadable:
    return Unreadable(f"A cell of “{name}” has more than {LONGEST_CELL:,} characters. Shorten it.")
