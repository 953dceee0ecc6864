"""The result of mirroring rows: counts, issues and conflicts."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Issue(NamedTuple):
    """A row, or a part of one, that could not be stored: the object, and a message for an administrator."""

    object: str
    message: str


class Conflict(NamedTuple):
    """A field that both sides changed since they were last equal. The value that was not taken is kept here
    for an administrator to see."""

    entity: str
    object_id: int
    label: str
    field: str
    ours: str
    theirs: str
    kept: str  # "ours" or "theirs"


class Clash(NamedTuple):
    """A change of a protected account (core/services/identity.py) that Thinkific asks for and that was not
    made: to link a Thinkific account (`link`), or to change the login (`email`). An administrator decides."""

    kind: str  # "link" or "email"
    object_id: int  # primary key of the account here
    label: str
    ours: str  # the e-mail address here
    theirs: str  # the e-mail address in Thinkific
    thinkific_id: int
    facts: dict[str, Any]  # more about the Thinkific account, as JSON values


@dataclass
class Applied:
    """Counts of rows, issues, and which stored rows they belong to.

    `met` are the primary keys of rows that were stored before, `made` those of new ones. `lost` are Thinkific
    ids of rows without a stored row. `replaced` are pairs of a primary key and the Thinkific id that this
    stored row had until now; it has another one from now on.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    accounts: int = 0  # accounts made for users that the rows refer to
    lost: set[int] = field(default_factory=set)
    issues: list[Issue] = field(default_factory=list)
    conflicts: list[Conflict | Clash] = field(default_factory=list)
    # Thinkific ids of users who get no account here before an administrator has decided about their Clash.
    withheld: set[int] = field(default_factory=set)
    met: list[int] = field(default_factory=list)
    made: list[int] = field(default_factory=list)
    replaced: list[tuple[int, int]] = field(default_factory=list)

    def fail(self, object: str, message: str, *, pk: int | None = None, number: int | None = None) -> None:
        """Report a row that could not be stored. `pk` is its stored row, if there is one, `number` its
        Thinkific id."""
        self.failed += 1
        self._left_out(object, message, pk, number)

    def skip(self, object: str, message: str, *, pk: int | None = None, number: int | None = None) -> None:
        """Report a row that is not stored on purpose. `pk` is its stored row, if there is one, `number` its
        Thinkific id."""
        self.skipped += 1
        self._left_out(object, message, pk, number)

    def leave_out(self, numbers: Iterable[int]) -> None:
        """Count rows (Thinkific ids) that are not stored on purpose, without an issue for each."""
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
