"""What came of mirroring some rows."""

from dataclasses import dataclass, field
from typing import NamedTuple


class Issue(NamedTuple):
    """A row, or a part of one, that could not be mirrored: which object, and what a person should know."""

    object: str
    message: str


class Conflict(NamedTuple):
    """Both sides changed a field since they last agreed; the value that lost is kept for a person."""

    entity: str
    object_id: int
    label: str
    field: str
    ours: str
    theirs: str
    kept: str  # "ours" or "theirs"


@dataclass
class Applied:
    """Counts of rows, the issues met, and the primary keys of all stored rows that were met."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    issues: list[Issue] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    met: list[int] = field(default_factory=list)

    def fail(self, object: str, message: str) -> None:
        self.failed += 1
        self.issues.append(Issue(object, message))

    def skip(self, object: str, message: str) -> None:
        self.skipped += 1
        self.issues.append(Issue(object, message))

    def __iadd__(self, other: "Applied") -> "Applied":
        for name in ("created", "updated", "unchanged", "skipped", "failed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.issues += other.issues
        self.conflicts += other.conflicts
        self.met += other.met
        return self
