"""What came of mirroring some rows."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple


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


class Clash(NamedTuple):
    """Thinkific says of a protected account (core/services/identity.py) what its word is not enough for: that
    it is the account's person (`link`), or that the login is another address (`email`). Nothing was changed;
    an administrator decides."""

    kind: str  # "link" or "email"
    object_id: int  # primary key of the account here
    label: str
    ours: str  # the e-mail address here
    theirs: str  # and there
    thinkific_id: int
    facts: dict[str, Any]  # what else Thinkific says of its person, as JSON takes it


@dataclass
class Applied:
    """Counts of rows, the issues met, and the primary keys of all stored rows that were met.

    `lost` counts rows that came and left no trace of their own: neither stored nor met.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    lost: int = 0
    accounts: int = 0  # made for people whom the rows named
    issues: list[Issue] = field(default_factory=list)
    conflicts: list[Conflict | Clash] = field(default_factory=list)
    # Thinkific ids of people who have no account here until somebody has settled their Clash.
    withheld: set[int] = field(default_factory=set)
    met: list[int] = field(default_factory=list)

    def fail(self, object: str, message: str, *, pk: int | None = None) -> None:
        """A row that could not be stored; `pk` is what is stored of it from before."""
        self.failed += 1
        self._left_out(object, message, pk)

    def skip(self, object: str, message: str, *, pk: int | None = None) -> None:
        """A row that is not for us; `pk` is what is stored of it from before."""
        self.skipped += 1
        self._left_out(object, message, pk)

    def leave_out(self, count: int = 1) -> None:
        """Rows that are not for us, of which nobody needs to hear."""
        self.skipped += count
        self.lost += count

    def _left_out(self, object: str, message: str, pk: int | None) -> None:
        self.issues.append(Issue(object, message))
        if pk is None:
            self.lost += 1
        else:
            self.met.append(pk)

    def __iadd__(self, other: "Applied") -> "Applied":
        for name in ("created", "updated", "unchanged", "skipped", "failed", "lost", "accounts"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.issues += other.issues
        self.conflicts += other.conflicts
        self.withheld |= other.withheld
        self.met += other.met
        return self
