"""What is asked once for a whole file."""

from dataclasses import dataclass

from core.imports.options import Stored


@dataclass(frozen=True)
class Options(Stored):
    """`sync`: read the matched groups from Thinkific when the import has ended. `team` is asked by other
    kinds only."""

    sync: bool = False
    sheet: str = ""
    team: int | None = None
