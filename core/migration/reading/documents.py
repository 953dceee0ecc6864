"""A JSON document -> its rows, one by one: memory does not grow with the document."""

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from core.migration.format import HEAD_COLUMNS, KINDS, LAYOUTS
from core.migration.reading.entries import HELP, Entry, Head, Unusable, check_head
from core.wording import listed

PART = 64 * 1024  # bytes
LONGEST_VALUE = 2_000_000  # characters of one row
_BLANKS = " \t\r\n"


class Document:
    """An open JSON document. `head` is complete when all entries were read; raises Unusable meanwhile."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.file, self.name = file, name
        self.head = Head("JSON")
        self.values: dict[str, Any] = {}

    def check(self) -> None:
        """Read the whole document, to say what is wrong with it."""
        for _ in self.entries():
            pass

    def entries(self) -> Iterator[Entry]:
        text, seen = _Text(self.file, self.name), set[str]()
        text.expect("{")
        more = text.peek() != "}"
        while more:
            key = text.value()
            if not isinstance(key, str):
                raise text.broken()
            text.expect(":")
            if key in KINDS:
                if key in seen:
                    raise Unusable(f"“{self.name}” has two lists called {key}. Put them into one.")
                seen.add(key)
                yield from self._rows(key, text)
            else:
                value = text.value()
                if key in HEAD_COLUMNS:
                    self.values[key] = value
                else:
                    self.head.remark(f"Not read, as the format has no such key: {key[:100]}.")
            more = text.goes_on("}")
        if text.peek():
            raise text.broken()
        self.head.source = check_head(self.values, self.name)
        if missing := [kind for kind in KINDS if kind not in seen]:
            self.head.remark(f"Not in the document, and taken as empty: {listed(missing)}.")

    def _rows(self, kind: str, text: "_Text") -> Iterator[Entry]:
        layout = LAYOUTS[kind]
        text.expect("[")
        if text.peek() == "]":
            text.expect("]")
            return
        number, more = 0, True
        while more:
            number += 1
            cells = text.value()
            if not isinstance(cells, dict):
                raise Unusable(f"{kind}, entry {number:,} in “{self.name}” is not an object. {HELP}")
            if unknown := [key for key in cells if key not in layout.names]:
                self.head.remark(f"{kind}: ignored keys: {listed(unknown[:10])[:300]}.")
            yield Entry(kind, number, cells)
            more = text.goes_on("]")


class _Text:
    """The text of the document, read in parts as far as it is needed."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        file.seek(0)
        self.file, self.name = file, name
        self.decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self.json = json.JSONDecoder()
        self.text, self.at, self.ended = "", 0, False

    def broken(self) -> Unusable:
        return Unusable(f"“{self.name}” is no JSON document, or a damaged one. {HELP}")

    def peek(self) -> str:
        """Returns the next character that is not blank, without passing it; empty at the end."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in _BLANKS:
                self.at += 1
            if self.at < len(self.text):
                return self.text[self.at]
            if not self._more():
                return ""

    def expect(self, character: str) -> None:
        if self.peek() != character:
            raise self.broken()
        self.at += 1

    def goes_on(self, end: str) -> bool:
        """Pass a comma, or the end of a list or an object. Returns whether it was a comma."""
        found = self.peek()
        if found not in {",", end}:
            raise self.broken()
        self.at += 1
        return found == ","

    def value(self) -> Any:
        self.peek()
        while True:
            try:
                value, end = self.json.raw_decode(self.text, self.at)
            except RecursionError:
                raise self.broken() from None
            except ValueError:
                end = -1
            # A number that ends where the text ends may go on.
            if end >= 0 and (end < len(self.text) or self.ended):
                self.at = end
                return value
            if len(self.text) - self.at > LONGEST_VALUE or not self._more():
                if end >= 0:
                    continue
                raise self.broken()

    def _more(self) -> bool:
        """Read on. Returns False at the end."""
        if self.ended:
            return False
        part = self.file.read(PART)
        self.ended = not part
        try:
            self.text = self.text[self.at :] + self.decoder.decode(part, final=not part)
        except UnicodeDecodeError:
            raise self.broken() from None
        self.at = 0
        return True
