"""Cells that do not hold what somebody typed, because a program took them for something else."""

import re

ERRORS = frozenset(
    [
        "#N/A",
        "#REF!",
        "#NAME?",
        "#VALUE!",
        "#DIV/0!",
        "#NUM!",
        "#NULL!",
        "#SPILL!",
        "#CALC!",
        "#ERROR!",
        "#N/V",
    ]
)
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d+)?[Ee]\+\d+")
_LONG_NUMBER = re.compile(r"[+-]?\d{16,}")
_EXPONENT = re.compile(r"\+(?<=[Ee]\+)")


def may_be_mangled(text: str) -> bool:
    """Returns False for most texts without such a cell, and for none with one."""
    return "#" in text or ("+" in text and _EXPONENT.search(text) is not None)


def mangled_cells(cells: list[str]) -> tuple[int, ...]:
    """Returns the indexes of the cells that are numbers in scientific form, or errors of formulas."""
    return tuple(i for i, cell in enumerate(cells) if cell in ERRORS or _SCIENTIFIC.fullmatch(cell))


def what_became_of(cell: str) -> str:
    """Returns a sentence about a cell that `Line.mangled` names."""
    if not cell:
        return (
            "The formula in this cell has no stored result. Open the file in a spreadsheet program, save it, "
            "and upload it again."
        )
    if cell in ERRORS:
        return f"“{cell}” is an error of a formula. Correct the formula, or type the value."
    if _SCIENTIFIC.fullmatch(cell):
        return (
            f"A spreadsheet program has turned this cell into the number {cell}; digits are lost. Format the "
            "column as text, and type the value again."
        )
    if _LONG_NUMBER.fullmatch(cell):
        return (
            "A spreadsheet program has kept only the first 15 digits of this number. Format the column as "
            "text, and type the value again."
        )
    return f"“{cell}” is not a date that a spreadsheet program can show. Type the value again."
