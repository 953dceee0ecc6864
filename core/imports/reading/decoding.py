"""The text of a CSV file: which encoding it has, and its lines."""

import codecs
import io
import re
from collections.abc import Iterator

from core.imports.reading.lines import LONGEST_LINE, Unreadable
from core.imports.reading.source import Source
from core.imports.reading.tidying import CONTROLS

SAVE_AS_UTF_8 = "Save it as CSV in UTF-8 (in Excel: “CSV UTF-8”) or as XLSX, and upload it again."
LABELS = {"utf-8": "UTF-8", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "cp1252": "Windows-1252"}
_SAMPLE = 1_000_000  # bytes
_BEGINNING = 10_000  # characters
_WELL_FORMED = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = re.compile(rb"[\x80-\xff]+")
_FOUR_LETTERS = re.compile(rb"[\xc0-\xff]{4,}")


class Text:
    """A file whose bytes are all text in one encoding, without a line that is too long."""

    def __init__(self, source: Source, name: str) -> None:
        self.source = source
        self.name = name
        self.encoding, self.start = self._by_its_beginning()
        try:
            self._check()
        except UnicodeDecodeError as error:
            if self.encoding != "utf-8" or self.start:
                raise self._broken(LABELS[self.encoding]) from error
            self._take_for_windows_1252()

    @property
    def label(self) -> str:
        return LABELS[self.encoding]

    def blocks(self) -> Iterator[str]:
        """Yields the text in pieces of whole lines, with the ends of lines as they are."""
        decode = io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder(self.encoding)(), translate=False
        ).decode
        rest = ""
        for chunk in self.source.chunks(self.start):
            text = rest + decode(chunk)
            end = max(text.rfind("\n"), text.rfind("\r")) + 1
            if end:
                yield text[:end]
            rest = text[end:]
            if len(rest) > LONGEST_LINE:
                raise _TooLong
        if rest := rest + decode(b"", final=True):
            yield rest

    def beginning(self) -> str:
        """Returns the first lines; all of a small file."""
        text = ""
        for block in self.blocks():
            text += block
            if len(text) > _BEGINNING:
                break
        return text

    def _by_its_beginning(self) -> tuple[str, int]:
        head = self.source.read(0, 4096)
        if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
            raise Unreadable(f"“{self.name}” is written in UTF-32. {SAVE_AS_UTF_8}")
        for mark, encoding in (
            (codecs.BOM_UTF8, "utf-8"),
            (codecs.BOM_UTF16_LE, "utf-16-le"),
            (codecs.BOM_UTF16_BE, "utf-16-be"),
        ):
            if head.startswith(mark):
                return encoding, len(mark)
        if b"\x00" in head:
            # Every second byte of a Latin letter, delimiter or digit is zero in UTF-16.
            zeros = head[0::2].count(0), head[1::2].count(0)
            if max(zeros) * 3 > len(head) // 2 and min(zeros) * 50 <= len(head):
                return ("utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"), 0
            raise self._no_text()
        return "utf-8", 0

    def _check(self) -> None:
        line = 1
        try:
            for number, block in enumerate(self.blocks()):
                if "\x00" in block or (
                    number == 0 and sum(map(block.count, CONTROLS)) - _ends(block) > max(20, len(block) // 50)
                ):
                    raise self._no_text()
                line += block.count("\n") or block.count("\r")
        except _TooLong:
            raise Unreadable(
                f"Line {line:,} of “{self.name}” has more than {LONGEST_LINE:,} characters. This is no list "
                "of one row per line: save it as CSV or XLSX in a spreadsheet program, and upload it again."
            ) from None

    def _take_for_windows_1252(self) -> None:
        sample = self.source.read(0, _SAMPLE)
        high = sum(map(len, _HIGH.findall(sample)))
        if sum(map(len, _WELL_FORMED.findall(sample))) * 2 > high:
            raise self._broken("UTF-8")
        if high >= 20 and sum(map(len, _FOUR_LETTERS.findall(sample))) * 2 > high:
            raise Unreadable(
                f"The letters of “{self.name}” are not Western European, and the file does not say which "
                f"ones they are. {SAVE_AS_UTF_8}"
            )
        self.encoding = "cp1252"
        try:
            self._check()
        except UnicodeDecodeError as error:
            raise Unreadable(
                f"“{self.name}” is text neither in UTF-8 nor in UTF-16 or Windows-1252. {SAVE_AS_UTF_8}"
            ) from error

    def _broken(self, label: str) -> Unreadable:
        return Unreadable(
            f"“{self.name}” is written in {label}, but some of its characters are broken. {SAVE_AS_UTF_8}"
        )

    def _no_text(self) -> Unreadable:
        return Unreadable(
            f"“{self.name}” is neither a text file nor an XLSX file. Save the list as CSV or XLSX in a "
            "spreadsheet program, and upload that file."
        )


class _TooLong(Exception):
    pass


def _ends(block: str) -> int:
    return sum(map(block.count, "\t\r\n"))
