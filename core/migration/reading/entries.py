"""What the readers of both formats yield, and what they refuse."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from core.errors import Refusal
from core.migration.format import HEAD, NAME, VERSION

LARGEST_UPLOAD = 50_000_000  # bytes
HELP = "Choose the file that Export everything of the other dashboard has written."


class Unusable(Refusal):
    """The file is no migration that can be read. The text says what is wrong and what helps."""


class Entry(NamedTuple):
    """A row of the file as it was written."""

    kind: str
    line: int
    cells: Mapping[str, Any]
    problem: str = ""


@dataclass
class Head:
    """What the file says about itself, and sentences about it for the screen."""

    format: str  # "CSV" or "JSON"
    source: str = ""
    remarks: list[str] = field(default_factory=list)

    def remark(self, text: str) -> None:
        if text not in self.remarks and len(self.remarks) < 50:
            self.remarks.append(text)


def check_head(values: Mapping[str, Any], name: str) -> str:
    """Returns which dashboard wrote the file. Raises Unusable when it is of another kind or version."""
    if values.get("format") != NAME:
        raise Unusable(
            f"“{name}” is no migration: its {HEAD} does not say “{NAME}” as its format. {HELP} "
            "docs/migration.md describes the format."
        )
    version = str(values.get("version", "")).strip()
    if version != VERSION:
        raise Unusable(
            f"“{name}” is written in version “{version[:20]}” of the format; this dashboard reads version "
            f"{VERSION}. Update the older of the two dashboards, and export again."
        )
    return str(values.get("source") or "").replace("\x00", "").strip()[:255]
