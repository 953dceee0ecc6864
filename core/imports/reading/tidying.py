"""Cells as they are compared and stored, whatever program wrote them."""

import re
import unicodedata

# Cut from both ends of a cell: blanks of every kind, controls, and characters that nobody sees.
_UNSEEN = (
    0xAD,
    0x61C,
    0x180E,
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    0xFEFF,
)
CONTROLS = "".join(map(chr, [*range(0x20), 0x7F]))
_EDGES = (
    CONTROLS + "".join(chr(c) for c in range(0x80, 0x3001) if chr(c).isspace()) + "".join(map(chr, _UNSEEN))
)
# The bytes of Latin and Cyrillic letters in UTF-8, and of ASCII without controls: no other text consists of
# them, and all of it is in form NFC.
_TIDY_IN_UTF_8 = bytes([9, 10, 13, *range(0x20, 0x7F), *range(0x80, 0xC0), *range(0xC3, 0xCC), 0xD0, 0xD1])
# A pattern that begins with a plain character is searched for many times as fast as another.
_SPACE_AT_AN_EDGE = {
    delimiter: re.compile(rf' (?:[{delimiter}"\r\n]|(?<=[{delimiter}"\r\n] ))') for delimiter in ",;\t|"
}


def tidy(cell: str) -> str:
    """Returns the cell in Unicode form NFC, without blanks, controls and invisible characters around it."""
    if cell.isascii():
        return cell.replace("\x00", "").strip(CONTROLS + " ")
    return unicodedata.normalize("NFC", cell.replace("\x00", "")).strip(_EDGES + " ")


def tidy_row(row: list[str]) -> list[str]:
    """Returns the cells, each as `tidy` returns it."""
    row = [cell.strip() for cell in row]
    text = "".join(row)
    if text.isprintable() and unicodedata.is_normalized("NFC", text):
        return row
    return [tidy(cell) for cell in row]


def is_tidy(block: str, delimiter: str) -> bool:
    """Returns True if `tidy` would change no cell of these lines of a CSV file, by searches that are far
    quicker than a look at each cell. Line breaks inside quotes are not looked for."""
    if block[0] == " " or block[-1] == " " or ('"' if delimiter == "\t" else "\t") in block:
        return False
    if " " in block and _SPACE_AT_AN_EDGE[delimiter].search(block):
        return False
    if not block.encode().translate(None, _TIDY_IN_UTF_8):
        return True
    printed = block.replace("\r", "").replace("\n", "").replace("\t", "")
    return printed.isprintable() and unicodedata.is_normalized("NFC", block)
