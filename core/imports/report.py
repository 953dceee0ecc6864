"""What a validation found."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

MOST_PROBLEMS = 1_000  # that are kept; of the others only their number


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a cell. `column` is its place in the file, from 0; -1: about the whole line."""

    line: int
    column: int
    header: str
    value: str
    message: str


@dataclass(frozen=True, slots=True)
class SeatNeed:
    """A seat through which the file enrolls people. `free` None: without a limit."""

    seat: int
    product: str
    team: str
    needs: int
    free: int | None
    soft: bool

    @property
    def missing(self) -> int:
        return 0 if self.free is None else max(0, self.needs - self.free)


@dataclass
class Report:
    """`new` and `existing` count valid lines; what the viewer may not see counts as new."""

    rows: int = 0
    valid: int = 0
    new: int = 0
    existing: int = 0
    changed: int = 0  # of the existing ones, where that is counted
    problems: list[Problem] = field(default_factory=list)
    more_problems: int = 0  # beyond those kept
    seats: list[SeatNeed] = field(default_factory=list)
    new_teams: list[str] = field(default_factory=list)
    new_tags: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)  # headers
    remarks: list[str] = field(default_factory=list)
    digest: str = ""  # of the file with mapping, options and corrections: what `start` is about

    @property
    def failed(self) -> int:
        return self.rows - self.valid

    def add(self, problem: Problem) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)
        else:
            self.more_problems += 1

    def stored(self) -> dict[str, Any]:
        # Code from before `changed` does not read it; that code has no screen for the kind that counts it.
        return {name: value for name, value in asdict(self).items() if name != "changed" or value}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        known = {one.name for one in fields(cls)}
        found = {name: value for name, value in stored.items() if name in known}
        found["problems"] = [Problem(**one) for one in found.get("problems", ())]
        found["seats"] = [SeatNeed(**one) for one in found.get("seats", ())]
        return cls(**found)
