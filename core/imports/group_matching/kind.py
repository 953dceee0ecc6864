"""Imports that assign groups to teams, as core/imports/batches.py carries them out. A line about a group and
a team makes their assignment, or changes its direction and role; nothing else is taken away."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction

from core.errors import Refusal
from core.imports.chunks import chunked
from core.imports.group_matching import columns, undo
from core.imports.group_matching.names import Directions, MatchedGroups, MatchedTeams
from core.imports.group_matching.options import Options
from core.imports.mapping import Columns, ignored
from core.imports.outcomes import Outcome
from core.imports.people.names import Roles
from core.imports.reading.lines import Line, LongLine
from core.imports.reading.table import Table
from core.imports.report import Problem, Report
from core.models import Direction, GroupAssignment, ImportBatch, ImportRow, Role, Team, ThinkificGroup, User
from core.permissions import scope
from core.services import groups
from core.services.site import sync_requests
from core.services.storage import bulk

CHUNK = 200  # lines that are decided, and carried out, together
Corrections = Mapping[int, Mapping[int, str]]  # line -> column -> cell
WHOLE_LINE = -1

TEMPLATE = columns.TEMPLATE
fields = columns.fields
guess = columns.guess
problem_with = columns.problem_with
undo_row = undo.undo_row
preview = undo.preview
finish_undo = undo.finish


class Match:
    """A line."""

    group: ThinkificGroup
    team: Team
    direction: Direction | None = None  # None: as it is, or Bidirectional
    role: Role | None = None
    there: GroupAssignment | None = None

    def __init__(self, line: Line, cells: Sequence[str]) -> None:
        self.number, self.cells = line.number, cells
        self.problems: list[Problem] = []
        self.wrong: list[Problem] = []  # by the line itself

    @property
    def as_it_is(self) -> bool:
        """Whether the assignment is there with this direction and role."""
        there = self.there
        return there is not None and (there.direction, there.role_id) == self.wanted(there)

    def wanted(self, there: GroupAssignment) -> tuple[str, int | None]:
        """Returns the direction and the role (primary key) that an assignment gets."""
        role = there.role_id if self.role is None else _stored(self.role)
        return self.direction or there.direction, role


def _stored(role: Role) -> int | None:
    return None if role.code == "student" else role.pk  # Student is stored as no role


class Check:
    """Reads lines one after the other, and decides what each would do: it remembers which group and team came
    before."""

    def __init__(
        self, headers: Sequence[str], viewer: User, mapping: Mapping[int, str], corrections: Corrections
    ) -> None:
        self.headers, self.viewer, self.corrections = headers, viewer, corrections
        self.at = {name: index for index, name in mapping.items()}
        self.finders = {
            "group": MatchedGroups(viewer),
            "team": MatchedTeams(viewer),
            "direction": Directions(viewer),
            "role": Roles(viewer),
        }
        self._first: dict[tuple[int, int], int] = {}

    def read(self, lines: Iterable[Line]) -> list[Match]:
        rows = []
        for line in lines:
            cells = list(line.cells)
            corrected = self.corrections.get(line.number, {})
            for index, text in corrected.items():
                if index < len(cells):
                    cells[index] = text.strip()
            row = Match(line, cells)
            mapped = self.at.values()
            for index in line.mangled:
                if index in mapped and index not in corrected:
                    text = "A spreadsheet program has changed this cell. Enter again what it held, as text."
                    row.wrong.append(self._problem(row, index, text))
            if isinstance(line, LongLine):
                text = "This line has more cells than the header. Put cells with the separator in quotes."
                row.wrong.append(self._problem(row, WHOLE_LINE, text))
            rows.append(row)
        return rows

    def decide(self, rows: Sequence[Match]) -> None:
        meant = {
            name: finder.learn(row.cells[self.at[name]] for row in rows)
            for name, finder in self.finders.items()
            if name in self.at
        }
        for row in rows:
            row.problems = list(row.wrong)
            found = {}
            for name, cells in meant.items():
                cell = cells[row.cells[self.at[name]]]
                found[name] = cell.things[0] if cell.things else None
                if cell.problem:
                    self.note(row, name, cell.problem)
                elif name in columns.REQUIRED and not cell.things:
                    self.note(row, name, f"Name the {name}, or delete the line.")
            chosen = found.get("direction")
            row.direction, row.role = chosen and chosen.direction, found.get("role")
            if found["group"] is None or found["team"] is None:
                continue
            row.group, row.team = found["group"], found["team"]
            self._look_at_pair(row)
        self._look_up(rows)

    def _look_at_pair(self, row: Match) -> None:
        if row.role is not None and row.role.code != "student":
            roles = self.finders["role"]
            assert isinstance(roles, Roles)
            if why := roles.why_not(row.role, row.team):
                self.note(row, "role", why)
        if row.problems:
            return
        first = self._first.setdefault((row.group.pk, row.team.pk), row.number)
        if first != row.number:
            self.note(row, "team", f"Line {first} is about the same group and team. Delete one of the two.")

    def _look_up(self, rows: Sequence[Match]) -> None:
        pairs = {(row.group.pk, row.team.pk) for row in rows if not row.problems}
        there = GroupAssignment.objects.filter(bulk.Among("group", "team", rows=pairs)) if pairs else []
        known = {(one.group_id, one.team_id): one for one in there}
        for row in rows:
            if not row.problems:
                row.there = known.get((row.group.pk, row.team.pk))

    def note(self, row: Match, name: str, message: str) -> None:
        row.problems.append(self._problem(row, self.at.get(name, WHOLE_LINE), message))

    def _problem(self, row: Match, index: int, message: str) -> Problem:
        if index == WHOLE_LINE:
            return Problem(row.number, WHOLE_LINE, "", "", message)
        return Problem(row.number, index, self.headers[index], row.cells[index][:500], message)

    def values_of(self, row: Match) -> dict[str, str]:
        return {columns.FIELDS[name]: row.cells[index][:500] for name, index in self.at.items()}


def validate(
    table: Table, *, viewer: User, mapping: Columns, options: Options, corrections: Corrections
) -> Report:
    """Returns what an import would do: `new` are assignments that it makes, `existing` those that are there,
    `changed` those of them that get another direction or role.
    Writes nothing. Raises Refusal when it cannot be carried out."""
    check = Check(table.headers, viewer, mapping, corrections)
    report = Report(ignored=ignored(mapping, table.headers), remarks=list(table.remarks))
    for lines in chunked(table.rows(), CHUNK):
        rows = check.read(lines)
        check.decide(rows)
        report.rows += len(rows)
        for row in rows:
            for problem in row.problems:
                report.add(problem)
            report.valid += not row.problems
            there = not row.problems and row.there is not None
            report.existing += there
            report.changed += there and not row.as_it_is
    report.new = report.valid - report.existing
    return report


class Carrier:
    """Carries lines out, one chunk after the other."""

    def __init__(
        self,
        headers: Sequence[str],
        *,
        viewer: User,
        mapping: Columns,
        options: Options,
        corrections: Corrections,
    ) -> None:
        if not scope.holds(viewer, "groups.assign"):
            raise Refusal("You may not assign groups to teams any more.")
        self.check, self.viewer = Check(headers, viewer, mapping, corrections), viewer

    def read(self, lines: Iterable[Line]) -> list[Match]:
        """Read lines, each once and in their order: also those that were carried out before."""
        rows = self.check.read(lines)
        self.check.decide(rows)  # so that it knows their groups and teams
        return rows

    def renew(self) -> None:
        """Called before a chunk is carried out again. Nothing is remembered of what was rolled back."""

    def carry_out(self, rows: Sequence[Match]) -> list[Outcome]:
        """Carry out these rows, each wholly or not at all, in the caller's transaction. Returns what became
        of each."""
        self.check.decide(rows)
        return [self._one(row) for row in rows]

    def _one(self, row: Match) -> Outcome:
        outcome = Outcome(row.number, ImportRow.Status.FAILED, self.check.values_of(row))
        outcome.messages = [{"column": one.header, "message": one.message} for one in row.problems]
        if row.problems:
            return outcome
        try:
            with transaction.atomic():
                outcome.status, outcome.done = self._write(row)
        except Refusal as refusal:
            outcome.messages = [{"column": "", "message": str(refusal)}]
        return outcome

    def _write(self, row: Match) -> tuple[str, dict[str, Any]]:
        there = row.there
        if there is None:
            role = None if row.role is None or row.role.code == "student" else row.role
            made = groups.assign(
                group=row.group,
                team=row.team,
                direction=row.direction or Direction.BIDIRECTIONAL,
                role=role,
                by=self.viewer,
            )
            return ImportRow.Status.CREATED, {
                "assignment": made.pk,
                "new": True,
                "after": [made.direction, made.role_id],
            }
        if row.as_it_is:
            return ImportRow.Status.UNCHANGED, {}
        before = [there.direction, there.role_id]
        direction, role_id = row.wanted(there)
        role = Role.objects.filter(pk=role_id).first()
        groups.change_direction(there, direction=direction, role=role, by=self.viewer)
        return ImportRow.Status.UPDATED, {
            "assignment": there.pk,
            "before": before,
            "after": [direction, role_id],
        }


def finish(batch: ImportBatch, *, viewer: User) -> list[str]:
    """Start the sync of the matched groups, if it was asked for. Returns what stands in its way."""
    if not Options.read(batch.options).sync:
        return []
    keys = {
        done["assignment"]
        for done in batch.rows.exclude(done={}).values_list("done", flat=True)
        if "assignment" in done
    }
    matched = set(GroupAssignment.objects.filter(pk__in=keys).values_list("group", flat=True))
    if not matched:
        return []
    if not scope.may_start_runs(viewer):
        return ["The groups were not synced: you may not start a sync."]
    # One group is read alone; several by the run that reads all groups.
    options = {"group_id": matched.pop()} if len(matched) == 1 else {}
    try:
        sync_requests.request("groups", started_by=viewer, options=options)
    except Refusal as refusal:
        return [f"The groups were not synced: {refusal}"]
    return []
