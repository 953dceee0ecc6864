"""The typed state of a run: what it needs to continue after its last committed step.

The cursor of a run is stored as JSON. Each part of the code declares the keys that it keeps there in a Place:
at the root of the cursor, or under a name, as lists do. Keys that no place declares are kept. Never rename
a key: during an upgrade, an older process may continue a run of this one.
"""

import copy
from datetime import datetime
from typing import Any, TypeVar, cast

import msgspec
from msgspec import UNSET, UnsetType

from integrations.models import COUNTS, SyncRun
from integrations.thinkific.client.graphql.sending import GraphPage

STORED = ("requests", *COUNTS)  # the counts that a step may change
KEPT = (*STORED, "pages_done", "pages_total", "guarded", "seen")


class Place(msgspec.Struct, kw_only=True):
    """Some keys of a cursor. UNSET values are not stored; moments are stored in ISO format."""


P = TypeVar("P", bound=Place)


class Outcome(Place):
    partial: bool | UnsetType = UNSET  # something was left out


class NodesPlace(Place):
    """The state of a list of GraphQL."""

    after: str | None = None  # Thinkific's cursor of the last stored page
    done: bool = False

    def note(self, page: GraphPage[Any]) -> None:
        self.after, self.done = page.next_cursor, not page.has_next


# The verdicts on a walk over a list (completeness.py); they are stored.
COMPLETE = ""
ENDS_NOT = "endless"  # the same rows come again and again
UNTOLD = "untold"  # Thinkific does not say how many rows there are
MORE = "more"  # more rows came than Thinkific ever said
SHORT = "short"  # fewer rows came than Thinkific says


class ListState(Place):
    """The state of a walk over one list, stored under the name of the list."""

    page: int = 0  # the last stored page
    round: int = 1
    top: int = 0  # the largest primary key when the walk began: rows stored later cannot be missing
    # In the newest round:
    new: int = 0  # rows that are not in the sets of seen rows (older versions, dry runs)
    lost: int = 0  # rows without an id; older versions counted others as well
    nameless: int = 0  # rows without an id, and nothing else
    made: int = 0  # rows that were added here
    ended: bool = False  # the last page was stored, or
    endless: bool = False  # the walk stopped because there was always another page
    done: bool = False
    verdict: str = UNTOLD
    came: int = 0  # different rows, in all rounds
    unsure: bool = False  # whether Thinkific is asked for each missing row before it counts as gone
    # The length of the list, as Thinkific says: on the newest page, and the largest in all rounds.
    total: int | None = None
    most: int | UnsetType = UNSET
    # The length on the first page of the newest round, when that page was requested, and whether the list
    # became shorter since.
    first: int | None = None
    began: datetime | None = None
    shrank: bool = False
    # The same for all rounds.
    first_of_all: int | None = None
    began_of_all: datetime | None = None
    shrank_of_all: bool = False

    @property
    def complete(self) -> bool:
        """Whether all rows of the list came (see completeness.py)."""
        return self.verdict == COMPLETE


class State:
    """The places of a run. They are committed together with the rows and counts of a step: call `snapshot`
    before a step, and `restore` after one that failed."""

    def __init__(self, run: SyncRun) -> None:
        self.run = run
        self._places: dict[tuple[str, type[Place]], Place] = {}
        self._taken_up = copy.deepcopy(run.cursor)

    @property
    def cursor(self) -> dict[str, Any]:
        """The stored form of the current state. Keys that a place declares are changed only through it."""
        for (name, kind), place in self._places.items():
            stored = self.run.cursor.setdefault(name, {}) if name else self.run.cursor
            values = _as_stored(place)
            for key in kind.__struct_encode_fields__:
                if key in values:
                    stored[key] = values[key]
                else:
                    stored.pop(key, None)
        return self.run.cursor

    @property
    def has_moved(self) -> bool:
        """Whether the cursor has changed since this process took the run up."""
        return self.cursor != self._taken_up

    def at(self, kind: type[P], name: str = "") -> P:
        """Returns the place at the root of the cursor or under a name; the same object each time."""
        if (name, kind) not in self._places:
            place = self._places[name, kind] = self._read(self.cursor, kind, name)
            before = self._taken_up.get(name) if name else self._taken_up
            if before is not None:  # keys that an older version does not write are not progress
                before.update(_as_stored(place) | before)
        return cast(P, self._places[name, kind])

    def read(self, kind: type[P], name: str) -> P:
        """Returns a copy of what is stored under a name."""
        return self._read(self.cursor, kind, name)

    def put(self, place: Place, name: str) -> None:
        """Store a place under a name, replacing what was there. Later changes to `place` have no effect."""
        self.drop(name)
        self.run.cursor[name] = msgspec.to_builtins(place)

    def drop(self, name: str) -> None:
        """Delete what is stored under a name."""
        self.run.cursor.pop(name, None)
        self._places = {key: place for key, place in self._places.items() if key[0] != name}

    def snapshot(self) -> dict[str, Any]:
        """Returns the values of the run that a step may change."""
        values = {name: getattr(self.run, name) for name in KEPT}
        return values | {"cursor": copy.deepcopy(self.cursor), "errors": list(self.run.errors)}

    def restore(self, before: dict[str, Any]) -> None:
        """Set the run and its places back to a `snapshot`, which may be used again. The place objects stay
        the same, because callers keep references."""
        self.run.cursor, self.run.errors = copy.deepcopy(before["cursor"]), list(before["errors"])
        for name in KEPT:
            setattr(self.run, name, before[name])
        self._places = {
            (name, kind): place
            for (name, kind), place in self._places.items()
            if not name or name in self.run.cursor
        }
        for (name, kind), place in self._places.items():
            stored = self._read(self.run.cursor, kind, name)
            for field in kind.__struct_fields__:
                setattr(place, field, getattr(stored, field))

    def _read(self, cursor: dict[str, Any], kind: type[P], name: str) -> P:
        return msgspec.convert(cursor.get(name, {}) if name else cursor, kind)


def _as_stored(place: Place) -> dict[str, Any]:
    values = msgspec.to_builtins(place, builtin_types=(datetime,))
    return {key: one.isoformat() if isinstance(one, datetime) else one for key, one in values.items()}
