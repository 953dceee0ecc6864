"""The lines of an uploaded file as a review shows them: a page at a time, read from the file each time, so
that memory does not grow with it."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from django.core.paginator import Paginator

from core.admin.imports.sent import cell_input
from core.admin.kit.lists.filters import key_of
from core.admin.kit.lists.pager import Pager, pager
from core.imports.reading.lines import Line
from core.imports.reading.table import Table
from core.imports.report import Problem, Report
from core.models import ImportBatch

PER_PAGE = 50
SHOWN_CHARACTERS = 300
LONGEST_WORD = 40  # longer ones break anywhere
ALL, WRONG, GOOD, CORRECTED = "all", "problems", "valid", "corrected"
_QUOTED = re.compile(r"“[^”]*”|\d[\d,.]*")
_FIRST_SENTENCE = re.compile(r"(?<=[.!?:])\s")


@dataclass
class Cell:
    header: str
    text: str
    input: str = ""  # the name of its input, where it can be corrected
    problems: list[str] = field(default_factory=list)
    identifier: str = ""

    @property
    def is_long(self) -> bool:
        return "\n" in self.text

    @property
    def has_long_word(self) -> bool:
        return any(len(word) > LONGEST_WORD for word in self.text[:SHOWN_CHARACTERS].split())

    @property
    def shown(self) -> str:
        return self.text if len(self.text) <= SHOWN_CHARACTERS else f"{self.text[:SHOWN_CHARACTERS]}…"


@dataclass
class ShownLine:
    number: int
    cells: list[Cell]
    problems: list[str]  # about the whole line

    @property
    def is_wrong(self) -> bool:
        return bool(self.problems) or any(cell.problems for cell in self.cells)


@dataclass(frozen=True)
class Choice:
    value: str
    label: str


@dataclass
class Lines:
    """A page of lines with the filter and the links to other pages."""

    headings: list[tuple[str, str]]  # as the file writes them, and the field
    rows: list[ShownLine]
    choices: list[Choice]
    chosen: str
    pager: Pager
    total: int

    @property
    def has_inputs(self) -> bool:
        return any(cell.input for row in self.rows for cell in row.cells)


class _Numbers(Paginator):
    is_cut = False


def kind_of(problem: Problem) -> str:
    """Returns what is wrong without the names and numbers of the line, to find lines with the same."""
    first = _FIRST_SENTENCE.split(_QUOTED.sub("…", problem.message), maxsplit=1)[0]
    return f"{problem.header}: {first}" if problem.header else first


def key_of_kind(kind: str) -> str:
    return f"k-{hashlib.sha256(kind.encode()).hexdigest()[:12]}"


def choices_of(report: Report, corrected: Iterable[int]) -> list[Choice]:
    """Returns the filters that find something."""
    kinds = Counter(map(kind_of, report.problems))
    found = [Choice(ALL, f"All lines ({report.rows:,})")]
    if report.failed:
        found.append(Choice(WRONG, f"Lines with problems ({report.failed:,})"))
    if report.failed and report.valid and not report.more_problems:
        found.append(Choice(GOOD, f"Lines without problems ({report.valid:,})"))
    if count := len(set(corrected)):
        found.append(Choice(CORRECTED, f"Lines corrected here ({count:,})"))
    return found + [Choice(key_of_kind(kind), f"{kind} ({count:,})") for kind, count in kinds.most_common(40)]


class Review:
    """The lines of one import, with what its last validation said."""

    def __init__(
        self,
        batch: ImportBatch,
        report: Report,
        mapping: Mapping[int, str],
        fields: Mapping[str, str],
        corrections: Mapping[int, Mapping[int, str]],
    ) -> None:
        self.report, self.corrections = report, corrections
        self.columns = sorted(mapping)
        self.headings = [
            (batch.headers[index], fields.get(mapping[index], ""))
            for index in self.columns
            if index < len(batch.headers)
        ]
        self.problems: dict[int, list[Problem]] = defaultdict(list)
        for problem in report.problems:
            self.problems[problem.line].append(problem)

    def page(self, table: Table, parameters: Mapping[str, str]) -> Lines:
        """Returns the page that the address asks for (`show`, `p`)."""
        choices = choices_of(self.report, self.corrections)
        chosen = parameters.get("show", "") or (WRONG if self.report.failed else ALL)
        numbers = self._numbers(chosen)
        total = self._count(chosen) if numbers is None else len(numbers)
        page = _Numbers(range(total), PER_PAGE).get_page(key_of(parameters.get("p")) or 1)
        start = (page.number - 1) * PER_PAGE
        if numbers is None:
            skipped = set(self.problems) if chosen == GOOD else set()
            lines = (line for line in table.rows() if line.number not in skipped)
            found = list(islice(lines, start, start + PER_PAGE))
        else:
            found = list(_with_numbers(table, numbers[start : start + PER_PAGE]))
        return Lines(
            headings=self.headings,
            rows=[self._shown(line) for line in found],
            choices=choices,
            chosen=chosen,
            pager=pager(page, lambda number: f"?show={chosen}&p={number}"),
            total=total,
        )

    def _numbers(self, chosen: str) -> list[int] | None:
        """Returns the numbers of the lines that a filter finds; None for those found by reading the file."""
        if chosen in {ALL, GOOD}:
            return None
        if chosen == WRONG:
            return sorted(self.problems)
        if chosen == CORRECTED:
            return sorted(self.corrections)
        same = {one.line for one in self.report.problems if key_of_kind(kind_of(one)) == chosen}
        return sorted(same)

    def _count(self, chosen: str) -> int:
        return self.report.valid if chosen == GOOD else self.report.rows

    def _shown(self, line: Line) -> ShownLine:
        corrected = self.corrections.get(line.number, {})
        said: dict[int, list[str]] = defaultdict(list)
        for problem in self.problems.get(line.number, ()):
            said[problem.column].append(problem.message)
        cells: list[Cell] = []
        for index in self.columns:
            if index >= len(line.cells):
                continue
            can = index in said or index in corrected
            name = cell_input(line.number, index) if can else ""
            text = corrected.get(index, line.cells[index])
            header = self.headings[len(cells)][0]
            cells.append(Cell(header, text, name, said.get(index, []), f"said-{line.number}-{index}"))
        shown = set(self.columns)
        others = [text for index, texts in said.items() if index not in shown for text in texts]
        return ShownLine(line.number, cells, others)


def _with_numbers(table: Table, numbers: list[int]) -> Iterator[Line]:
    """Yields the lines with these numbers, and reads no further than the last of them."""
    wanted, last = set(numbers), max(numbers, default=0)
    if not wanted:
        return
    for line in table.rows():
        if line.number in wanted:
            yield line
        if line.number >= last:
            return
