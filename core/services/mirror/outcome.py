"""What came of mirroring some rows."""

from collections.abc import Iterable
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
    """Counts of rows, the issues met, and which stored rows these are.

    `met` are the primary keys of rows that were stored before, `made` those of new ones. `lost` are the
    Thinkific ids of rows that came and have no stored row of their own. `replaced`: this stored row was the
    row with that Thinkific id until now, and is another one's from now on.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    accounts: int = 0  # made for people whom the rows named
    lost: set[int] = field(default_factory=set)
    issues: list[Issue] = field(default_factory=list)
    conflicts: list[Conflict | Clash] = field(default_factory=list)
    # Thinkific ids of people who have no account here until somebody has settled their Clash.
    withheld: set[int] = field(default_factory=set)
    met: list[int] = field(default_factory=list)
    made: list[int] = field(default_factory=list)
    replaced: list[tuple[int, int]] = field(default_factory=list)

    def fail(self, object: str, message: str, *, pk: int | None = None, number: int | None = None) -> None:
        """A row that could not be stored; `pk` is what is stored of it from before, `number` its Thinkific
        id."""
        self.failed += 1
        self._left_out(object, message, pk, number)

    def skip(self, object: str, message: str, *, pk: int | None = None, number: int | None = None) -> None:
        """A row that is not for us; `pk` is what is stored of it from before, `number` its Thinkific id."""
        self.skipped += 1
        self._left_out(object, message, pk, number)

    def leave_out(self, numbers: Iterable[int]) -> None:
        """Rows (Thinkific ids) that are not for us, of which nobody needs to hear."""
        numbers = set(numbers)
        self.skipped += len(numbers)
        self.lost |= numbers

    def _left_out(self, object: str, message: str, pk: int | None, number: int | None) -> None:
        self.issues.append(Issue(object, message))
        if pk is not None:
            self.met.append(pk)
        elif number is not None:
            self.lost.add(number)

    def __iadd__(self, other: "Applied") -> "Applied":
        for name in ("created", "updated", "unchanged", "skipped", "failed", "accounts"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.issues += other.issues
        self.conflicts += other.conflicts
        self.withheld |= other.withheld
        self.lost |= other.lost
        self.met += other.met
        self.made += other.made
        self.replaced += other.replaced
        return self
