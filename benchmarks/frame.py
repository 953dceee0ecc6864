"""The measured figures of a run, and how they are shown and stored."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"
HEAD = ("What", "Database", "Measured", "Budget", "Verdict", "On", "From")


@dataclass
class Line:
    """One measured figure and its budget. `detail` says how the figure was computed."""

    what: str
    database: str
    measured: str
    budget: str
    ok: bool
    detail: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        return (
            self.what,
            self.database,
            self.measured,
            self.budget,
            "reached" if self.ok else "MISSED",
            self.detail,
        )


@dataclass
class Report:
    """The lines of a run, and the command that produced them."""

    command: str
    size: str
    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def table(self) -> str:
        return table([HEAD, *(self._cells(line) for line in self.lines)])

    def keep(self, path: Path = RESULTS, *, whole: bool = True) -> None:
        """Write the results file: the figures, the machine and the command. Unless the run is `whole`,
        figures that were not measured now stay in the file."""
        machine = f"{os.cpu_count()} processors, {platform.system()}, Python {platform.python_version()}"
        rows = {} if whole else _kept(path)
        rows |= {(line.what, line.database): self._cells(line) for line in self.lines}
        parts = [
            "# Results",
            f"The last ones by `{self.command}`: {self.size}; {machine}. "
            "Each figure is a ratio or a count from one run on one machine; the seconds beside it only say "
            "what it was made of. How to read them: [docs/benchmarks.md](../docs/benchmarks.md).",
            table([HEAD, *rows.values()]),
            *(f"- {note}" for note in self.notes),
        ]
        path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")

    def _cells(self, line: Line) -> tuple[str, ...]:
        *cells, detail = line.cells
        return (*cells, f"{datetime.now(UTC):%Y-%m-%d}", detail)


def _kept(path: Path) -> dict[tuple[str, str], tuple[str, ...]]:
    """Returns the rows of a results file, by figure and database."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines if line[:1] == "|"]
    return {(row[0], row[1]): row for row in rows[2:] if len(row) == len(HEAD)}


def table(rows: Sequence[Sequence[str]]) -> str:
    """Returns a Markdown table that is also readable as text."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    return "\n".join(lines)


def at_least(
    what: str,
    database: str,
    *,
    ours: float,
    baseline: float,
    times: float,
    unit: str = "s",
    baseline_name: str,
) -> Line:
    """Returns a line for "at least `times` as fast as the baseline", from two durations."""
    ratio = baseline / ours
    return Line(
        what,
        database,
        f"{ratio:.1f} times as fast",
        f"at least {times:g} times",
        ratio >= times,
        f"{ours:.1f} {unit} against {baseline:.1f} {unit} ({baseline_name})",
    )
