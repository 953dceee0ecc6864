"""What a form about the columns and cells of a file has sent."""

import re
from collections.abc import Mapping

from core.imports import batches, kinds
from core.models import ImportBatch

Corrections = dict[int, dict[int, str]]
_CELL = re.compile(r"c-([0-9]{1,9})-([0-9]{1,3})")
MOST_CHARACTERS = 10_000  # of a corrected cell


def column_input(index: int) -> str:
    """Returns the name of the input that says what a column means."""
    return f"m-{index}"


def cell_input(line: int, column: int) -> str:
    return f"c-{line}-{column}"


def mapping(data: Mapping[str, str], columns: int) -> dict[int, str]:
    """Returns the mapping that was chosen; columns that are ignored are left out."""
    chosen = {index: data.get(column_input(index), "") for index in range(columns)}
    return {index: field for index, field in chosen.items() if field}


def has_mapping(data: Mapping[str, str]) -> bool:
    return any(name.startswith("m-") for name in data)


def corrections(data: Mapping[str, str], batch: ImportBatch) -> Corrections:
    """Returns the corrections of the import with those that were sent. Only cells that have a problem, or
    were corrected before, are taken; a cell that was sent as it was shown is not corrected."""
    kept = {line: dict(cells) for line, cells in batches.corrections_of(batch).items()}
    report = batches.report_of(batch)
    wrong = {(one.line, one.column): one.value for one in report.problems} if report else {}
    for name, sent in data.items():
        if not (found := _CELL.fullmatch(name)):
            continue
        line, column = int(found[1]), int(found[2])
        text = sent.replace("\r\n", "\n")[:MOST_CHARACTERS]
        before = kept.get(line, {}).get(column)
        if before is None and (wrong.get((line, column)) is None or _is_as_shown(text, wrong[line, column])):
            continue
        kept.setdefault(line, {})[column] = text
    return kept


def _is_as_shown(text: str, value: str) -> bool:
    # The report keeps the beginning of a long cell only.
    return text[:500] == value


def choices(kind: str) -> list[tuple[str, str]]:
    """Returns the fields to choose from for a column."""
    return [("", "Do not import"), *kinds.of(kind).fields().items()]
