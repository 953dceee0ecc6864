"""The format of a migration: which files there are, and which columns each has (docs/migration.md).

What *Export everything* writes and what an import reads is said here once.
"""

from dataclasses import dataclass
from enum import Enum

from core.models import Direction, Seat, SeatAssignment
from core.models.files.migrations import REF_LENGTH
from core.models.people import EMAIL_LENGTH, NAME_LENGTH
from core.models.seats import Product
from core.models.tags_and_notes import NOTE_LENGTH, TAG_NAME_LENGTH
from core.permissions.codes import BUILTIN_ROLES

NAME, VERSION = "b2b-dashboard-migration", "1"
HEAD = "migration"  # the file, or the key of the JSON object, that says what it is
HEAD_COLUMNS = ("format", "version", "source")
DESCRIPTION_LENGTH = 10_000
LONGEST_LIST = 100_000  # characters of a cell with several values
BUILT_IN = frozenset(BUILTIN_ROLES)


class Type(Enum):
    TEXT = "text"
    LINES = "text, also of several lines"
    ID = "the other dashboard's own id"
    REF = "an id"
    REFS = "ids, separated by ;"
    ROLE = "the id of a role, or owner, manager, student, administrator"
    CODES = "permission codes, separated by ;"
    YES = "yes or no"
    NUMBER = "a number"
    DAY = "a day, 2026-01-31"
    MOMENT = "a time, 2026-01-31T14:05:00+00:00"
    CHOICE = "one of the values"


@dataclass(frozen=True)
class Column:
    name: str
    type: Type = Type.TEXT
    needed: bool = False
    of: str = ""  # the kind that the ids of a REF belong to
    longest: int = NAME_LENGTH
    choices: tuple[str, ...] = ()
    default: str | bool | None = None  # for an empty cell


@dataclass(frozen=True)
class Layout:
    """A file: its rows are things of one kind."""

    kind: str  # also the name of the file and the key in JSON
    label: str
    columns: tuple[Column, ...]
    # What identifies a row without its id. Names are compared as the dashboard compares them.
    key: tuple[str, ...]
    unique: bool = True  # two rows with one key are refused

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def file(self) -> str:
        return f"{self.kind}.csv"

    @property
    def has_id(self) -> bool:
        return self.columns[0].type is Type.ID


def _id() -> Column:
    return Column("id", Type.ID, needed=True, longest=REF_LENGTH)


def _ref(name: str, of: str, *, needed: bool = True) -> Column:
    return Column(name, Type.REF, needed=needed, of=of, longest=REF_LENGTH)


def _role(*, needed: bool = True) -> Column:
    return Column("role", Type.ROLE, needed=needed, of="roles", longest=REF_LENGTH)


def _yes(name: str, *, default: bool = False) -> Column:
    return Column(name, Type.YES, default=default)


def _name(longest: int = NAME_LENGTH) -> Column:
    return Column("name", needed=True, longest=longest)


def _description() -> Column:
    return Column("description", Type.LINES, longest=DESCRIPTION_LENGTH)


# In the order in which they are applied: what a row refers to stands before it.
LAYOUTS: dict[str, Layout] = {
    layout.kind: layout
    for layout in (
        Layout("organizations", "Organizations", (_id(), _name(), _description()), key=("name",)),
        Layout(
            "people",
            "People",
            (
                _id(),
                Column("email", needed=True, longest=EMAIL_LENGTH),
                Column("first_name"),
                Column("last_name"),
                _yes("active", default=True),
                _yes("dashboard_user"),
            ),
            key=("email",),
        ),
        Layout(
            "teams",
            "Teams",
            (
                _id(),
                _name(),
                _ref("owner", "people"),
                _ref("organization", "organizations", needed=False),
                _description(),
                Column("max_students", Type.NUMBER),
                _yes("personal"),
                Column("archived_at", Type.MOMENT),
            ),
            key=("name",),
            unique=False,
        ),
        Layout(
            "roles",
            "Roles",
            (
                _id(),
                _name(100),
                Column("scope", Type.CHOICE, choices=("team", "global"), default="team"),
                Column("permissions", Type.CODES, longest=LONGEST_LIST),
                Column("teams", Type.REFS, of="teams", longest=LONGEST_LIST),
            ),
            key=("name",),
        ),
        Layout("global_roles", "Global roles", (_ref("person", "people"), _role()), key=("person",)),
        Layout(
            "memberships",
            "Memberships",
            (
                _ref("team", "teams"),
                _ref("person", "people"),
                _role(),
                Column("allowed", Type.CODES, longest=LONGEST_LIST),
                Column("denied", Type.CODES, longest=LONGEST_LIST),
                _yes("guest"),
                _yes("home"),
                Column("joined_at", Type.MOMENT),
            ),
            key=("team", "person"),
        ),
        Layout("tags", "Tags", (_id(), _name(TAG_NAME_LENGTH)), key=("name",)),
        Layout(
            "person_tags",
            "Tags of people",
            (_ref("person", "people"), _ref("tag", "tags")),
            key=("person", "tag"),
        ),
        Layout(
            "seats",
            "Seats",
            (
                _id(),
                _name(),
                _description(),
                Column("product_type", Type.CHOICE, needed=True, choices=tuple(Product.Type.values)),
                Column("product_id", Type.NUMBER),
                Column("product_name", longest=500),
                _yes("unlimited"),
                Column("places", Type.NUMBER),
                Column("expiry", Type.CHOICE, choices=tuple(Seat.Expiry.values), default=Seat.Expiry.NEVER),
                Column("expiry_days", Type.NUMBER),
                Column("expiry_date", Type.DAY),
                _yes("reusable"),
                _yes("extendable"),
                _yes("soft_limit"),
                _yes("active", default=True),
                Column("tags", Type.REFS, of="tags", longest=LONGEST_LIST),
                Column("template", Type.REF, longest=REF_LENGTH),  # the seat that it is a copy of
            ),
            key=("name", "product_type", "product_id", "product_name"),
            unique=False,
        ),
        Layout(
            "seat_assignments",
            "Seats of teams",
            (
                _ref("team", "teams"),
                _ref("seat", "seats"),
                Column(
                    "mode",
                    Type.CHOICE,
                    choices=tuple(SeatAssignment.Mode.values),
                    default=SeatAssignment.Mode.SHARED,
                ),
            ),
            key=("team", "seat"),
        ),
        Layout(
            "group_matches",
            "Groups of teams",
            (
                _ref("team", "teams"),
                Column("group_id", Type.NUMBER),
                Column("group_token"),
                Column("group_name"),
                Column("direction", Type.CHOICE, needed=True, choices=tuple(Direction.values)),
                _role(needed=False),
            ),
            key=("team", "group_id", "group_token", "group_name"),
        ),
        Layout(
            "notes",
            "Notes",
            (
                _ref("person", "people"),
                _ref("author", "people", needed=False),
                Column("author_name"),
                _ref("team", "teams", needed=False),
                Column("written_at", Type.MOMENT, needed=True),
                Column("edited_at", Type.MOMENT),
                Column("text", Type.LINES, needed=True, longest=NOTE_LENGTH),
            ),
            key=("person", "written_at", "text"),
            unique=False,
        ),
    )
}
KINDS = tuple(LAYOUTS)


def place(kind: str, line: int, form: str) -> str:
    """Returns where a row stands, for messages: "teams.csv, line 4", in JSON "teams, entry 4"."""
    return f"{kind}.csv, line {line:,}" if form == "CSV" else f"{kind}, entry {line:,}"
