"""What is asked once for a whole file, as the import stores it."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Self


@dataclass(frozen=True)
class Stored:
    """The options of a kind are a dataclass of this, whose fields have defaults."""

    @classmethod
    def read(cls, stored: dict[str, Any]) -> Self:
        """Returns the options of a batch. What an other version stored and this one does not know is left."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})

    def stored(self) -> dict[str, Any]:
        return asdict(self)
