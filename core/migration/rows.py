"""The stored rows of a migration, as they are checked and applied, and what they refer to."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import QuerySet

from core.migration.format import BUILT_IN, LAYOUTS, Layout, Type, place
from core.models import Migration, MigrationRow, Role, User
from core.permissions import scope
from core.permissions.backend import codes_by
from core.permissions.codes import PERMISSIONS
from core.services.storage import bulk

Verdict, Outcome = MigrationRow.Verdict, MigrationRow.Outcome
APPLIED = (Outcome.MADE, Outcome.FOUND)


@dataclass
class Row:
    """A row. `keys` has by column what it refers to: primary keys of ours, or, while it is only checked,
    the negative number of a row that will be made."""

    pk: int
    number: int
    line: int
    ref: str
    key: str
    nth: int
    values: dict[str, Any]
    keys: dict[str, Any] = field(default_factory=dict)
    verdict: str = Verdict.NEW
    message: str = ""
    object_id: int | None = None
    done: dict[str, Any] = field(default_factory=dict)

    def refuse(self, why: str) -> None:
        if self.verdict != Verdict.REFUSED:
            self.verdict, self.message = Verdict.REFUSED, why

    def is_there(self, key: int, differences: Sequence[str] = ()) -> None:
        """It is here already, as `key`; `differences` are what is not as in the file."""
        self.object_id = key
        self.verdict = Verdict.DIFFERS if differences else Verdict.SAME
        if differences:
            self.message = f"Stays as it is here: {'; '.join(differences)}."


class Target(NamedTuple):
    """What an id of the file refers to. `key` as in `Row.keys`; `made`: by this migration."""

    key: int
    made: bool


class RoleFacts(NamedTuple):
    name: str
    code: str | None
    is_global: bool
    permissions: set[str]
    teams: frozenset[int]  # to which it is limited


class Run:
    """One pass over the rows of a migration: a check (`dry`) or the applying, in the name of `by`."""

    def __init__(self, migration: Migration, by: User, *, dry: bool) -> None:
        self.migration, self.by, self.dry = migration, by, dry
        # What the rows so far would add, in a check: students by team, and pairs of a team and a product.
        self.students: Counter[int] = Counter()
        self.given: set[tuple[int, int]] = set()
        self.matches: set[tuple[int, int]] = set()  # of a team and a group

    @cached_property
    def codes(self) -> set[str]:
        return scope.codes_everywhere(self.by)

    @cached_property
    def built_in(self) -> dict[str, int]:
        return dict(Role.objects.filter(code__isnull=False).values_list("code", "pk"))

    @property
    def reason(self) -> str:
        return f"migration {self.migration.pk}"

    @property
    def undo_reason(self) -> str:
        return f"{self.reason} undone"

    def place(self, kind: str, line: int) -> str:
        return place(kind, line, self.migration.format)

    def lacks(self, code: str) -> str:
        """Returns why `by` cannot do something; empty when they hold the permission."""
        if code in self.codes:
            return ""
        return f"You do not have the permission “{PERMISSIONS[code].label}”. Ask an administrator who has it."

    # --- references ------------------------------------------------------------------------------------

    def resolve(self, layout: Layout, rows: Sequence[Row]) -> None:
        """Fill the `keys` of the rows, and refuse those whose references lead nowhere."""
        for column in layout.columns:
            if not column.of:
                continue
            wanted = {ref for row in rows for ref in _refs(row.values.get(column.name))}
            found, refused = self.targets(column.of, wanted)
            for row in rows:
                stored = row.values.get(column.name)
                keys = [
                    target.key
                    for ref in _refs(stored)
                    if (target := self._target(row, column.name, column.of, ref, found, refused)) is not None
                ]
                row.keys[column.name] = keys if column.type is Type.REFS else (keys[0] if keys else None)

    def _target(
        self, row: Row, name: str, of: str, ref: str, found: dict[str, Target], refused: dict[str, int]
    ) -> Target | None:
        if of == "roles" and ref in BUILT_IN:
            return Target(self.built_in[ref], made=False)
        if ref in found:
            return found[ref]
        if ref in refused:
            row.refuse(f"{name}: {self.place(of, refused[ref])} is refused, so this row is too.")
        else:
            where = LAYOUTS[of].file if self.migration.format == "CSV" else of
            row.refuse(
                f"{name}: {where} has no “{ref[:60]}” before this row. Add it there, or correct the id."
            )
        return None

    def targets(self, kind: str, refs: Collection[str]) -> tuple[dict[str, Target], dict[str, int]]:
        """Returns what these ids refer to, and the lines of those that were refused."""
        if not refs:
            return {}, {}
        rows = MigrationRow.objects.filter(bulk.among("ref", refs), migration=self.migration, kind=kind)
        found, refused = {}, {}
        read = ("ref", "pk", "line", "verdict", "outcome", "object_id")
        for ref, pk, line, verdict, outcome, key in rows.order_by("-number").values_list(*read):
            if self.dry:
                if verdict in {Verdict.SAME, Verdict.DIFFERS}:
                    found[ref] = Target(key, made=False)
                elif verdict == Verdict.NEW:
                    found[ref] = Target(-pk, made=True)
                elif verdict == Verdict.REFUSED:
                    refused[ref] = line
            elif outcome in APPLIED:
                found[ref] = Target(key, made=outcome == Outcome.MADE)
            elif outcome == Outcome.REFUSED:
                refused[ref] = line
        return found, {ref: line for ref, line in refused.items() if ref not in found}

    def made(self, kind: str, rows: Iterable[Row], column: str) -> set[int]:
        """Returns those keys of a column that this migration has made, or would make."""
        keys = {row.keys[column] for row in rows if row.keys.get(column) is not None}
        coming = {key for key in keys if key < 0}
        theirs = MigrationRow.objects.filter(migration=self.migration, kind=kind, outcome=Outcome.MADE)
        theirs = theirs.filter(bulk.among("object_id", keys - coming))
        return coming | {key for key in theirs.values_list("object_id", flat=True) if key is not None}

    def coming(self, keys: Iterable[int]) -> dict[int, dict[str, Any]]:
        """Returns the values of rows that will be made, by their negative key."""
        numbers = {-key for key in keys if key < 0}
        rows = (
            MigrationRow.objects.filter(bulk.among("pk", numbers)) if numbers else MigrationRow.objects.none()
        )
        return {-pk: values for pk, values in rows.values_list("pk", "values")}

    def earlier(self, kind: str, refs: Collection[str]) -> dict[str, int]:
        """Returns our keys of ids that an earlier migration from the same dashboard has brought."""
        if not self.migration.source or not refs:
            return {}
        rows = MigrationRow.objects.filter(bulk.among("ref", refs), kind=kind, outcome__in=APPLIED)
        rows = rows.filter(migration__source=self.migration.source, object_id__isnull=False)
        rows = rows.exclude(migration=self.migration).order_by("migration")
        return {ref: key for ref, key in rows.values_list("ref", "object_id") if key is not None}

    def matched(self, kind: str, *, before: Sequence[Row]) -> QuerySet:
        """Returns the keys of objects that rows before these are. For kinds that may have several alike."""
        first = min((row.number for row in before), default=0)
        rows = MigrationRow.objects.filter(migration=self.migration, kind=kind, number__lt=first)
        return rows.filter(object_id__isnull=False).order_by().values("object_id")

    def roles(self, keys: Iterable[int | None]) -> dict[int, RoleFacts]:
        """Returns what these roles are, those that will be made too."""
        wanted = {key for key in keys if key is not None}
        limits: dict[int, set[int]] = {}
        through = Role.limited_to.through.objects.filter(role__in=[key for key in wanted if key > 0])
        for role, team in through.order_by().values_list("role", "team"):
            limits.setdefault(role, set()).add(team)
        found = {
            role.pk: RoleFacts(
                role.name, role.code, role.is_global, codes_by(role), frozenset(limits.get(role.pk, ()))
            )
            for role in Role.objects.filter(pk__in=[key for key in wanted if key > 0])
        }
        for key, values in self.coming(wanted).items():
            is_global = values["scope"] == "global"
            teams, _ = self.targets("teams", values["teams"])
            found[key] = RoleFacts(
                values["name"],
                None,
                is_global,
                set(values["permissions"]),
                frozenset(target.key for target in teams.values()),
            )
        return found


def _refs(stored: Any) -> list[str]:
    return stored if isinstance(stored, list) else [stored] if stored else []


def load(rows: Iterable[tuple]) -> list[Row]:
    return [Row(*values) for values in rows]


READ = ("pk", "number", "line", "ref", "key", "nth", "values")
