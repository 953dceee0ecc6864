"""Where a run is, typed: what it needs to go on after its last committed step.

The run's cursor is stored as JSON. Each part of the code that keeps something in it says what by a Place, for
keys of its own: at the root of the cursor, or under a name, as the lists do. Keys that no place knows are
kept, and names of keys stay: during an upgrade, an older process may take up a run of this one.
"""

import copy
from datetime import datetime
from typing import Any, TypeVar, cast

import msgspec
from msgspec import UNSET, UnsetType

from integrations.models import COUNTS, SyncRun
from integrations.thinkific.client.graphql.sending import GraphPage

STORED = ("requests", *COUNTS)  # of the counts, what a step may change
KEPT = (*STORED, "pages_done", "pages_total", "guarded", "seen")


class Place(msgspec.Struct, kw_only=True):
    """Some keys of a cursor. What is UNSET is not stored; moments are stored in ISO form."""


P = TypeVar("P", bound=Place)


class Outcome(Place):
    partial: bool | UnsetType = UNSET  # something was left out


class NodesPlace(Place):
    """A list of GraphQL."""

    after: str | None = None  # its cursor of the last page that is stored
    done: bool = False

    def note(self, page: GraphPage[Any]) -> None:
        self.after, self.done = page.next_cursor, not page.has_next


# What a walk over a list came to (completeness.py).
COMPLETE = ""
ENDS_NOT = "endless"  # the same rows again and again
UNTOLD = "untold"  # it does not say how many there are
MORE = "more"  # more came than it ever said
SHORT = "short"  # fewer came than it says


class ListState(Place):
    """A walk over one list, under the list's name."""

    page: int = 0  # the last one that is stored
    round: int = 1
    top: int = 0  # the largest primary key when it began: what was stored later is not judged
    # Of the newest round:
    new: int = 0  # rows that were not noted one by one, by an older version or in a dry run
    lost: int = 0  # rows without an id
    nameless: int = 0  # the same
    made: int = 0  # rows that it has added here
    ended: bool = False  # there is no further page, or
    endless: bool = False  # it was left because there is always another one
    done: bool = False
    verdict: str = UNTOLD
    came: int = 0  # different rows, in all rounds
    unsure: bool = False  # who did not come is asked for before it counts as gone
    # What the list said of its length: at the newest page, and the most in all rounds.
    total: int | None = None
    most: int | UnsetType = UNSET
    # On the first page of the newest round, when that was asked for, and whether it grew shorter since.
    first: int | None = None
    began: datetime | None = None
    shrank: bool = False
    # The same of all rounds.
    first_of_all: int | None = None
    began_of_all: datetime | None = None
    shrank_of_all: bool = False

    @property
    def complete(self) -> bool:
        """As many different rows came as Thinkific says there are."""
        return self.verdict == COMPLETE


class State:
    """The places of a run. What a step stores, what it counts and where it leaves them stand or fall
    together: `snapshot` before the step, `take_back` after one that failed."""

    def __init__(self, run: SyncRun) -> None:
        self.run = run
        self._places: dict[tuple[str, type[Place]], Place] = {}
        self._taken_up = copy.deepcopy(run.cursor)

    @property
    def cursor(self) -> dict[str, Any]:
        """The stored form as it is now. What places know of it is changed by these alone."""
        for (name, kind), place in self._places.items():
            stored = self.run.cursor.setdefault(name, {}) if name else self.run.cursor
            told = _as_stored(place)
            for key in kind.__struct_encode_fields__:
                if key in told:
                    stored[key] = told[key]
                else:
                    stored.pop(key, None)
        return self.run.cursor

    @property
    def has_moved(self) -> bool:
        """Whether the run is elsewhere than where it was taken up."""
        return self.cursor != self._taken_up

    def at(self, kind: type[P], name: str = "") -> P:
        """A place at the root of the cursor or under a name; it is the same one each time."""
        if (name, kind) not in self._places:
            place = self._places[name, kind] = self._read(self.cursor, kind, name)
            before = self._taken_up.get(name) if name else self._taken_up
            if before is not None:  # keys that an older version does not write are no step forward
                before.update(_as_stored(place) | before)
        return cast(P, self._places[name, kind])

    def read(self, kind: type[P], name: str) -> P:
        """A copy of what stands under a name."""
        return self._read(self.cursor, kind, name)

    def put(self, place: Place, name: str) -> None:
        """Store a place under a name, instead of what was there; nobody holds it."""
        self.drop(name)
        self.run.cursor[name] = msgspec.to_builtins(place)

    def drop(self, name: str) -> None:
        """What stands under a name is no longer needed."""
        self.run.cursor.pop(name, None)
        self._places = {key: place for key, place in self._places.items() if key[0] != name}

    def snapshot(self) -> dict[str, Any]:
        """What a step may change of the run, as it is now."""
        values = {name: getattr(self.run, name) for name in KEPT}
        return values | {"cursor": copy.deepcopy(self.cursor), "errors": list(self.run.errors)}

    def take_back(self, before: dict[str, Any]) -> None:
        """Make the run what it was at a `snapshot`, which may be used again, and the places as well: whoever
        holds one goes on with it."""
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
    told = msgspec.to_builtins(place, builtin_types=(datetime,))
    return {key: one.isoformat() if isinstance(one, datetime) else one for key, one in told.items()}
