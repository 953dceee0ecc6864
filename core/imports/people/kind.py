"""Imports of people, as core/imports/batches.py carries them out."""

from collections.abc import Iterable, Sequence

import structlog
from django.db import Error, transaction

from core.databases import is_unavailable
from core.errors import Refusal
from core.imports.chunks import chunked
from core.imports.mapping import Columns, ignored
from core.imports.outcomes import Outcome
from core.imports.people import columns, undo, write
from core.imports.people.allowed import NotPossible
from core.imports.people.check import Check
from core.imports.people.names import NewThing
from core.imports.people.options import Options
from core.imports.people.rows import Corrections, Row, Rows
from core.imports.reading.lines import Line, Table
from core.imports.report import Report
from core.models import ImportBatch, Membership, User
from core.services.storage import bulk

log = structlog.get_logger(__name__)

CHUNK = 1000  # lines that are decided, and carried out, together
MOST_LINES = 500_000
UNEXPECTED = "Something went wrong with this line that is not its fault. The dashboard's log says more."

TEMPLATE = columns.TEMPLATE
fields = columns.fields
guess = columns.guess
problem_with = columns.problem_with
undo_row = undo.undo_row
preview = undo.preview
finish_undo = undo.finish


def validate(
    table: Table, *, viewer: User, mapping: Columns, options: Options, corrections: Corrections
) -> Report:
    """Returns what an import would do. Writes nothing. Raises Refusal when it cannot be carried out."""
    rows = Rows(table.headers, mapping, corrections)
    check = Check(viewer, rows, options, final=False)
    report = Report(ignored=ignored(mapping, table.headers), remarks=list(table.remarks))
    teams, tags = dict[str, None](), dict[str, None]()
    for lines in chunked(table.rows(), CHUNK):
        report.rows += len(lines)
        if report.rows > MOST_LINES:
            raise Refusal(f"The file has more than {MOST_LINES:,} lines. Split it into several files.")
        emails = rows.plain(lines)
        if emails and check.makes_plain_accounts([line.cells for line in lines], emails):
            report.valid += len(lines)
            teams |= check.new_teams()
            continue
        read = rows.read(lines)
        check.decide(read)
        for row in read:
            if row.problems:
                for problem in row.problems:
                    report.add(problem)
                continue
            report.valid += 1
            if row.account is not None and row.account.seen:
                report.existing += 1
        if check.teams.new or check.tags.new:
            good = [row for row in read if not row.problems]
            teams |= {str(team): None for row in good for team, _ in row.joins if isinstance(team, NewThing)}
            tags |= {str(tag): None for row in good for tag in row.tags if isinstance(tag, NewThing)}
    report.new = report.valid - report.existing
    report.seats, report.new_teams, report.new_tags = check.seats.found(), list(teams), list(tags)
    return report


def refresh_statistics() -> None:
    for model in (User, Membership):
        bulk.refresh_statistics(model)


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
        self.rows = Rows(headers, mapping, corrections)
        self.check = Check(viewer, self.rows, options, final=True)

    def read(self, lines: Iterable[Line]) -> list[Row]:
        """Read lines, each once and in their order: also those that were carried out before."""
        return self.rows.read(list(lines))

    def renew(self) -> None:
        """Read again what the lines are compared with. Raises NotPossible."""
        self.check.renew()

    def carry_out(self, rows: Sequence[Row]) -> list[Outcome]:
        """Carry out these rows, each wholly or not at all, in the caller's transaction. Returns what became
        of each. Raises NotPossible when the rest cannot be carried out either."""
        try:
            return self._attempt(rows)
        except NotPossible:
            raise
        except Exception as error:
            self._give_way_to(error)
            log.info("lines one by one", first=rows[0].number, count=len(rows), why=str(error))
            self.check.renew()
            return self._in_parts(rows, error)

    def _attempt(self, rows: Sequence[Row]) -> list[Outcome]:
        with transaction.atomic():
            self.check.decide(rows)
            outcomes = write.carry_out(self.check, rows)
        self.check.forget_new()
        return outcomes

    def _in_parts(self, rows: Sequence[Row], error: Exception) -> list[Outcome]:
        """Find the row that fails by halving: few failures cost few attempts."""
        if len(rows) == 1:
            if not isinstance(error, Refusal):
                log.error("A line of an import failed", line=rows[0].number, exc_info=error)
            why = str(error) if isinstance(error, Refusal) else UNEXPECTED
            return [write.failure(self.check, rows[0], why=why)]
        middle, outcomes = len(rows) // 2, list[Outcome]()
        for part in (rows[:middle], rows[middle:]):
            try:
                outcomes += self._attempt(part)
            except NotPossible:
                raise
            except Exception as found:
                self._give_way_to(found)
                outcomes += self._in_parts(part, found)
        return outcomes

    def _give_way_to(self, error: Exception) -> None:
        """Raise an error that no row is to blame for: the database is gone, or chose this transaction to end
        a deadlock."""
        if isinstance(error, Error) and is_unavailable(error):
            raise error


def finish(batch: ImportBatch, *, viewer: User) -> list[str]:
    """Called when the last line is carried out. Returns what the import's page says besides."""
    return []
