"""The life of an import: a file is uploaded, validated (as often as needed), started, and carried out by a
worker exactly as it was validated. docs/files.md describes it.

Who may open which import is asked by the screens; what an import may do is asked here and for each line, in
the name of whoever uploaded the file.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

from django.db import transaction
from django.utils import timezone

from core import acting
from core.errors import Refusal
from core.folding import tidy_name
from core.imports import ending, failed_lines, files, kinds, running
from core.imports.people.columns import ERROR_HEADER
from core.imports.reading.table import Table, open_table
from core.imports.report import Report
from core.models import ImportBatch, ImportMapping, Team, User
from core.permissions import scope
from core.services.site import notices

Columns = Mapping[int, str]  # column of the file, from 0 -> field; others are ignored
Corrections = Mapping[int, Mapping[int, str]]  # line -> column -> the cell as it shall be
Status = ImportBatch.Status
OPEN = (Status.UPLOADED, Status.VALIDATED)
ENDED = (Status.SUCCEEDED, Status.PARTIAL, Status.FAILED, Status.CANCELLED)
ANOTHERS = (
    "Only {} can go on with this import: it is carried out with their rights. Upload the file yourself."
)


# --- before it runs ----------------------------------------------------------------------------------


def upload(
    file: BinaryIO, *, name: str, kind: str = ImportBatch.Kind.USERS, by: User, team: Team | None = None
) -> ImportBatch:
    """Store a file, with the mapping that is guessed for its columns. `team`: everybody joins it. Raises
    Unreadable, and Refusal when `by` may not import files."""
    if not scope.holds(by, "tools.csv"):
        raise Refusal("You cannot import CSV files. Ask an administrator.")
    kinds.of(kind)
    with files.copied(file) as copy:
        table = open_table(copy, name=name)
        batch = ImportBatch(
            kind=kind,
            file_name=(tidy_name(name) or "file")[-255:],
            digest=files.digest_of(copy),
            headers=list(table.headers),
            mapping=_stored(guess(table.headers, user=by, kind=kind)),
            options=kinds.of(kind).Options(team=team and team.pk, sheet=table.sheet).stored(),
            created_by=by,
        )
        with transaction.atomic():
            batch.save()
            files.store(batch, copy)
    return batch


def choose_sheet(batch: ImportBatch, *, sheet: str) -> None:
    """Read another sheet of an XLSX file: its headers, and the mapping that is guessed for them. Raises
    Refusal."""
    viewer = _uploader(batch)
    with files.table_of(batch, sheet=sheet) as table:
        headers = list(table.headers)
    values = {
        "headers": headers,
        "mapping": _stored(guess(headers, user=viewer, kind=batch.kind)),
        "options": {**batch.options, "sheet": sheet},
        "corrections": {},
        "report": {},
        "status": Status.UPLOADED,
    }
    if not ImportBatch.objects.filter(pk=batch.pk, status__in=OPEN).update(**values):
        raise Refusal("This import was started meanwhile. Look at its page.")
    batch.refresh_from_db()


def guess(headers: Iterable[str], *, user: User | None, kind: str = ImportBatch.Kind.USERS) -> dict[int, str]:
    """Returns the mapping for these headers: that of the person's last file with the same ones, else what
    they usually mean."""
    headers = list(headers)
    if user is not None:
        rows = ImportMapping.objects.filter(user=user, kind=kind, headers=_digest_of(headers))
        if (last := rows.values_list("mapping", flat=True).first()) is not None:
            return _read(last)
    guessed: dict[int, str] = kinds.of(kind).guess(headers)
    return guessed


def mapping_of(batch: ImportBatch) -> dict[int, str]:
    return _read(batch.mapping)


def options_of(batch: ImportBatch) -> Any:
    """Returns the options of the import, an `Options` of its kind."""
    return kinds.of(batch.kind).Options.read(batch.options)


def corrections_of(batch: ImportBatch) -> dict[int, dict[int, str]]:
    return {int(line): _read(cells) for line, cells in batch.corrections.items()}


def report_of(batch: ImportBatch) -> Report | None:
    """Returns what the last validation found."""
    return Report.read(batch.report) if batch.report else None


@contextmanager
def table_of(batch: ImportBatch) -> Iterator[Table]:
    """Opens the stored file, to show its lines. Raises Unreadable."""
    with files.table_of(batch) as table:
        yield table


def validate(
    batch: ImportBatch, *, mapping: Columns, options: Any, corrections: Corrections | None = None
) -> Report:
    """Say what an import would do, line by line; writes nothing but the report. It is what `start` carries
    out. `options` is an `Options` of the kind. Raises Refusal when the mapping or an option cannot be, or the
    import was started meanwhile."""
    viewer, kind, corrections = _uploader(batch), kinds.of(batch.kind), corrections or {}
    _check_open(batch)
    with files.table_of(batch, sheet=options.sheet) as table:
        if why := kind.problem_with(mapping, table.headers):
            raise Refusal(why)
        report: Report = kind.validate(
            table, viewer=viewer, mapping=mapping, options=options, corrections=corrections
        )
        headers = list(table.headers)
    stored = {
        "mapping": _stored(mapping),
        "options": options.stored(),
        "corrections": {str(line): _stored(cells) for line, cells in corrections.items() if cells},
    }
    report.ignored = [header for header in report.ignored if header != ERROR_HEADER]
    report.digest = _digest_of([batch.digest, stored])
    values = {
        **stored,
        "headers": headers,
        "report": report.stored(),
        "rows_total": report.rows,
        "rows_valid": report.valid,
        "status": Status.VALIDATED,
        "validated_at": timezone.now(),
    }
    with transaction.atomic():
        if not ImportBatch.objects.filter(pk=batch.pk, status__in=OPEN).update(**values):
            raise Refusal("This import was started meanwhile. Look at its page.")
        ImportMapping.objects.update_or_create(
            user=viewer,
            kind=batch.kind,
            headers=_digest_of(headers),
            defaults={"mapping": stored["mapping"], "used_at": timezone.now()},
        )
    for name, value in values.items():
        setattr(batch, name, value)
    return report


def start(batch: ImportBatch, *, by: User, digest: str = "", wake: bool = True) -> None:
    """Let a worker carry out what was validated. `digest`: that of the report that was seen; with another one
    the import was validated again meanwhile. Without `wake` the caller carries it out. Raises Refusal, also
    for whoever comes second."""
    acting.refuse("An import goes on when the impersonation has ended.")
    with transaction.atomic():
        batch = ImportBatch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
        if batch.created_by_id != by.pk:
            raise Refusal(ANOTHERS.format(batch.created_by or "who uploaded it"))
        _check_open(batch)
        if batch.status != Status.VALIDATED:
            raise Refusal("Validate the file first.")
        if digest and digest != batch.report.get("digest"):
            raise Refusal("The file was validated again since. Look at the new result first.")
        if not batch.rows_valid:
            raise Refusal("No line can be imported. Correct the lines and validate again.")
        now = timezone.now()
        batch.status, batch.started_at, batch.not_before = Status.RUNNING, now, now
        batch.save(update_fields=["status", "started_at", "not_before"])
        if wake:
            running.wake()


# --- while it runs -----------------------------------------------------------------------------------


def progress(batch: ImportBatch) -> tuple[int, int]:
    """Returns how many lines are done, and how many there are."""
    return batch.rows_done, batch.rows_total


def cancel(batch: ImportBatch, *, by: User) -> bool:
    """End an import that runs or waits for a worker. What it has done stays. Returns False when it has ended
    already."""
    running_now = ImportBatch.objects.filter(pk=batch.pk, status=Status.RUNNING, undoing=False)
    remark = f"Cancelled by {by}."
    with transaction.atomic():
        ended = running_now.update(
            status=Status.CANCELLED,
            finished_at=timezone.now(),
            remark=remark,
            claimed_by="",
            claimed_until=None,
        )
        batch.refresh_from_db()
        if ended and batch.created_by is not None and batch.created_by_id != by.pk:
            notices.tell(
                [batch.created_by], ending.summary(batch), level="warning", url=ending.page_of(batch)
            )
    return bool(ended)


# --- afterwards --------------------------------------------------------------------------------------


def undo_preview(batch: ImportBatch) -> dict[str, Any]:
    """Returns what `undo` would take back ("goes": texts with numbers), and what it would leave ("stays":
    each with `why` and `count`)."""
    found: dict[str, Any] = kinds.of(batch.kind).preview(batch)
    return found


def undo(batch: ImportBatch, *, by: User) -> None:
    """Let a worker take back what the import did, as far as nothing depends on it; the import's page and a
    notice say what stays. Raises Refusal."""
    acting.refuse("Undoing an import goes on when the impersonation has ended.")
    with transaction.atomic():
        batch = ImportBatch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
        if batch.created_by_id != by.pk and not by.sees_everything:
            raise Refusal(ANOTHERS.format(batch.created_by or "who uploaded it"))
        if batch.status not in ENDED or not batch.rows_done:
            raise Refusal("There is nothing to undo: the import has not ended, did nothing, or was undone.")
        now = timezone.now()
        batch.status, batch.undoing, batch.rows_done, batch.remark = Status.RUNNING, True, 0, ""
        batch.options = {**batch.options, "undone_by": by.pk}
        batch.not_before, batch.attempts, batch.crashes = now, 0, 0
        batch.save()
        running.wake()


def failures(batch: ImportBatch) -> Iterator[list[str]]:
    """Yields the header and the failed lines with their cells as they were imported (corrections included),
    and what was wrong with each in a last column. The file can be corrected and uploaded again.

    Before the import these are the lines of the validation. Raises Refusal when the file is no longer kept.
    """
    yield from failed_lines.of(batch, corrections_of(batch))


def _uploader(batch: ImportBatch) -> User:
    user = batch.created_by
    if user is None or not user.is_active:
        raise Refusal("Whoever uploaded this file has no account any more. Upload it again.")
    return user


def _check_open(batch: ImportBatch) -> None:
    if batch.status not in OPEN:
        raise Refusal("This import was started already. Upload the file again to import it once more.")


def _digest_of(what: Any) -> str:
    text = json.dumps(what, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _stored(mapping: Mapping[int, str]) -> dict[str, str]:
    return {str(index): value for index, value in sorted(mapping.items())}


def _read(stored: Mapping[str, str]) -> dict[int, str]:
    return {int(index): value for index, value in stored.items()}
