"""Failed lines as a file of their own."""

from collections.abc import Iterator, Mapping

from core.errors import Refusal
from core.folding import bare
from core.imports import files
from core.imports.people.columns import ERROR_HEADER
from core.imports.reading.lines import Line
from core.models import ImportBatch, ImportRow

Corrections = Mapping[int, Mapping[int, str]]


def of(batch: ImportBatch, corrections: Corrections) -> Iterator[list[str]]:
    """`batches.failures`."""
    if not files.is_kept(batch):
        raise Refusal("The file is no longer kept. Its failed lines are listed on the page of the import.")
    said: dict[int, list[str]] = {}
    if batch.status in (ImportBatch.Status.UPLOADED, ImportBatch.Status.VALIDATED):
        for problem in batch.report.get("problems", ()):
            said.setdefault(problem["line"], []).append(_said(problem["header"], problem["message"]))
    else:
        rows = batch.rows.filter(status=ImportRow.Status.FAILED).values_list("number", "errors")
        for number, errors in rows.iterator(chunk_size=1000):
            said[number] = [_said(one.get("column", ""), one["message"]) for one in errors]
    with files.table_of(batch) as table:
        kept = [index for index, header in enumerate(table.headers) if bare(header) != bare(ERROR_HEADER)]
        yield [*(table.headers[index] for index in kept), ERROR_HEADER]
        for line in table.rows():
            if line.number in said:
                cells = _corrected(line, corrections)
                yield [*(cells[index] for index in kept), " ".join(said[line.number])]


def _corrected(line: Line, corrections: Corrections) -> list[str]:
    changed = corrections.get(line.number, {})
    return [changed.get(index, cell) for index, cell in enumerate(line.cells)]


def _said(column: str, message: str) -> str:
    return f"{column}: {message}" if column else message
