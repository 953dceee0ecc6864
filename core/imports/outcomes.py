"""What became of a line."""

from dataclasses import dataclass, field
from typing import Any

from core.models import ImportRow


@dataclass(slots=True)
class Outcome:
    """`values`: what is shown of the line. `messages` say why it failed, or what was left out. `done`: what
    it did, by primary keys."""

    number: int
    status: str
    values: dict[str, str]
    messages: list[dict[str, Any]] = field(default_factory=list)
    done: dict[str, Any] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return self.status == ImportRow.Status.FAILED
