"""What is asked once for a whole file."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Self


@dataclass(frozen=True)
class Options:
    """`sync`: read the matched groups from Thinkific when the import has ended. `team` is asked by other
    kinds only."""

    sync: bool = False
    sheet: str = ""
    team: int | None = None

    @classmethod
    def read(cls, stored: dict[str, Any]) -> Self:
        """Returns the options of a batch. What an other version stored and this one does not know is left."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})

    def stored(self) -> dict[str, Any]:
        return asdict(self)
