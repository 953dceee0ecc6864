"""Cells as they are compared and stored, whatever program wrote them."""

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
# What makes a block of Latin-1 text untidy, apart from spaces; ends of lines and tabs have their own rule.
_RARE = [c for c in CONTROLS if c not in "\t\n\r"]
_RARE_LATIN = [*_RARE, "\x85", "\xa0", "\xad"]


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
    if " " in block and (
        block[0] == " " or block[-1] == " " or any(edge in block for edge in _space_at_an_edge(delimiter))
    ):
        return False
    if ('"' if delimiter == "\t" else "\t") in block:
        return False
    if block.isascii():
        return not any(c in block for c in _RARE)
    try:
        block.encode("latin-1")  # quicker than a look at each character
    except UnicodeEncodeError:
        printed = block.replace("\r", "").replace("\n", "").replace("\t", "")
        return printed.isprintable() and unicodedata.is_normalized("NFC", block)
    return not any(c in block for c in _RARE_LATIN)


def _space_at_an_edge(delimiter: str) -> tuple[str, ...]:
    return (
        f"{delimiter} ",
        f" {delimiter}",
        *("\n ", " \n", " \r", "\r ", '" ', ' "'),
    )
