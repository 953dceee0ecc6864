"""The lines of a file as people: what each line says by itself, without looking at the database."""

import re
from collections.abc import Mapping, Sequence

from core.errors import Refusal
from core.folding import email_key, split_name, tidy_name
from core.imports.people.accounts import Account, Joined
from core.imports.people.columns import FIELDS, REQUIRED
from core.imports.people.custom_fields import PREFIX, stored
from core.imports.reading.lines import Line, LongLine
from core.imports.report import Problem
from core.models import Product, Role, Tag, Team, ThinkificGroup
from core.models.people import EMAIL_LENGTH, NAME_LENGTH
from core.services.people import usable_address

Corrections = Mapping[int, Mapping[int, str]]  # line -> column -> cell

# The usual address, in lower case. `people.usable_address` looks at every other.
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_USUAL = re.compile(rf"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:{_LABEL}\.)+[a-z]{{2,63}}")
WHOLE_LINE = -1
LIMITED = ("name", "first_name", "last_name", "company")  # to NAME_LENGTH


class Row:
    """A line. What has a default is decided by check.py, anew each time; `wrong` by the line itself."""

    wrong: Sequence[Problem] = ()
    problems: Sequence[Problem] = ()
    account: Account | None = None
    joins: Sequence[tuple[Team, Role]] = ()
    changes: Sequence[tuple[Team, Joined, Role]] = ()  # of roles
    names: tuple[str, str] | None = None  # of an account that is renamed
    tags: Sequence[Tag] = ()
    groups: Sequence[ThinkificGroup] = ()
    products: Sequence[Product] = ()
    notes: Sequence[str] = ()

    def __init__(self, number: int, cells: Sequence[str], email: str) -> None:
        self.number, self.cells = number, cells
        self.email = self.key = email


class Rows:
    """Reads lines one after the other: it remembers the addresses, to find those that come twice."""

    def __init__(self, headers: Sequence[str], mapping: Mapping[int, str], corrections: Corrections) -> None:
        self.headers, self.corrections = headers, corrections
        self.at = {name: index for index, name in mapping.items()}
        self._email = self.at[REQUIRED]
        self._names = [self.at[name] for name in LIMITED if name in self.at]
        self.custom = [(name, index) for name, index in self.at.items() if name.startswith(PREFIX)]
        self.has_profile = bool(self.custom) or "company" in self.at
        self._mapped = set(mapping)
        self._lines: dict[int, int] = {}  # the hash of an address -> its first line

    def read(self, lines: Sequence[Line]) -> list[Row]:
        at, names, lines_of, usual = self._email, self._names, self._lines, _USUAL.fullmatch
        rows = []
        for line in lines:
            number, cells, mangled = line
            if number in self.corrections:
                cells = self._corrected(number, cells)
                mangled = tuple(index for index in mangled if index not in self.corrections[number])
            email = cells[at].lower()
            row = Row(number, cells, email)
            if usual(email) is None or len(email) > EMAIL_LENGTH:
                self._look_at_address(row)
            first = lines_of.setdefault(hash(row.key), number)
            if first != number and row.key:
                text = f"Line {first} has the same address. Delete one of the two, or correct the address."
                self._note(row, at, text)
            for index in names:
                if len(cells[index]) > NAME_LENGTH:
                    text = f"This has {len(cells[index]):,} characters; {NAME_LENGTH} is the most."
                    self._note(row, index, text)
            if mangled or type(line) is not Line:
                self._look_at_damage(row, line, mangled)
            rows.append(row)
        return rows

    def plain(self, lines: Sequence[Line]) -> list[str]:
        """Returns the addresses of these lines where nothing is wrong with any of them; else nothing, and
        `read` says what. Takes a fraction of its time."""
        if not self.corrections.keys().isdisjoint([line[0] for line in lines]):
            return []
        if any(line[2] for line in lines) or any(type(line) is not Line for line in lines):
            return []
        for index in self._names:
            if max(len(line[1][index]) for line in lines) > NAME_LENGTH:
                return []
        at, numbers = self._email, [line[0] for line in lines]
        emails = [line[1][at].lower() for line in lines]
        if max(map(len, emails)) > EMAIL_LENGTH or None in map(_USUAL.fullmatch, emails):
            return []
        # `read` does the same for these lines if it has to.
        return emails if [*map(self._lines.setdefault, map(hash, emails), numbers)] == numbers else []

    def names_of(self, row: Row) -> tuple[str, str]:
        """Returns the first and the last name, as they are stored."""
        if (index := self.at.get("name")) is not None:
            return split_name(tidy_name(row.cells[index]))
        first, last = (
            tidy_name(row.cells[self.at[name]]) if name in self.at else ""
            for name in ("first_name", "last_name")
        )
        return first, last

    def profile_of(self, row: Row) -> tuple[str, list[dict[str, object]]]:
        """Returns the company and the custom profile fields, as they are stored."""
        custom = [
            stored(name, self.headers[index], tidy_name(row.cells[index]))
            for name, index in self.custom
            if row.cells[index]
        ]
        return tidy_name(self.cell(row, "company")), custom

    def cell(self, row: Row, name: str) -> str:
        index = self.at.get(name)
        return "" if index is None else row.cells[index]

    def problem(self, row: Row, name: str, message: str) -> Problem:
        """Returns a problem with a field of the row."""
        index = self.at.get(name, WHOLE_LINE)
        if index == WHOLE_LINE:
            return Problem(row.number, WHOLE_LINE, FIELDS.get(name, ""), "", message)
        return Problem(row.number, index, self.headers[index], row.cells[index][:500], message)

    def _corrected(self, number: int, cells: Sequence[str]) -> list[str]:
        changed = list(cells)
        for index, text in self.corrections[number].items():
            if index < len(changed):
                changed[index] = tidy_name(text)
        return changed

    def _look_at_address(self, row: Row) -> None:
        typed = row.cells[self._email]
        if not typed:
            row.key = ""
            self._note(
                row, self._email, "Every person needs an e-mail address. Enter it, or delete the line."
            )
            return
        try:
            row.email = usable_address(typed)
            row.key = email_key(row.email)
        except Refusal as refusal:
            row.key = ""
            self._note(row, self._email, str(refusal))

    def _look_at_damage(self, row: Row, line: Line, mangled: Sequence[int]) -> None:
        for index in mangled:
            if index in self._mapped and not row.wrong:
                text = "A spreadsheet program has changed this cell. Enter again what it held, as text."
                self._note(row, index, text)
        if isinstance(line, LongLine):
            text = "This line has more cells than the header. Put cells that contain the separator in quotes."
            self._note(row, WHOLE_LINE, text)

    def _note(self, row: Row, index: int, message: str) -> None:
        whole = index == WHOLE_LINE
        header, value = ("", "") if whole else (self.headers[index], row.cells[index][:500])
        row.wrong = [*row.wrong, Problem(row.number, index, header, value, message)]
