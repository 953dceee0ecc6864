"""The life of a migration: a file is uploaded and checked, then applied, and perhaps undone.

Each step is carried out by a worker (running.py), in the name of whoever started it.
"""

from typing import BinaryIO

from django.db import transaction
from django.utils import timezone

from core import acting
from core.errors import NotAllowed, Refusal
from core.folding import tidy_name
from core.migration import running
from core.migration.reading.documents import Document
from core.migration.reading.files import copied, opened, store
from core.models import Migration, User
from core.permissions import scope

Status, Step = Migration.Status, Migration.Step
OWN_NAME = "A migration goes on when the impersonation has ended."
UNDOABLE = (Status.APPLIED, Status.STOPPED)


def upload(file: BinaryIO, *, name: str, by: User) -> Migration:
    """Store a file and let a worker check it. Raises Unusable for a file that is no migration of a version
    that can be read."""
    _check_may_start(by)
    name = (tidy_name(name) or "file")[-255:]
    with copied(file, name) as copy:
        reader = opened(copy, name)
        if isinstance(reader, Document):
            reader.check()
        with transaction.atomic():
            migration = Migration.objects.create(file_name=name, created_by=by, started_by=by)
            store(migration, copy)
            running.wake()
    return migration


def check_again(migration: Migration, *, by: User) -> None:
    """Let a worker check the file again, as things are now, with the permissions of `by`. Raises Refusal."""
    _check_may_start(by)
    with transaction.atomic():
        migration = _locked(migration, (Status.CHECKED, Status.FAILED, Status.UNDONE), "checked again")
        migration.rows.all()._raw_delete(migration.rows.db)
        migration.counts.all().delete()
        migration.created_by, migration.rows_total, migration.rows_done = by, 0, 0
        migration.staged_at = migration.applied_at = migration.previewed_at = None
        migration.remark = ""
        _start(migration, Step.CHECK, by)


def apply(migration: Migration, *, by: User) -> None:
    """Let a worker make what the check found to be new. Also goes on after it was stopped. Raises
    Refusal."""
    _check_may_start(by)
    with transaction.atomic():
        migration = _locked(migration, (Status.CHECKED, Status.STOPPED), "applied")
        if migration.created_by_id != by.pk:
            raise NotAllowed(
                f"Only {migration.created_by or 'who uploaded it'} can apply this migration: it was checked "
                "with their permissions. Check it again yourself."
            )
        migration.applied_at = migration.applied_at or timezone.now()
        migration.rows_done = migration.rows.exclude(outcome="").count()
        _start(migration, Step.APPLY, by)


def preview(migration: Migration, *, by: User) -> None:
    """Let a worker look what an undo would take back. Raises Refusal."""
    _check_may_start(by)
    with transaction.atomic():
        migration = _locked(migration, UNDOABLE, "undone")
        migration.rows_done = 0
        _start(migration, Step.PREVIEW, by)


def undo(migration: Migration, *, by: User) -> None:
    """Let a worker take back what the migration made and nobody changed or used since. Raises Refusal."""
    _check_may_start(by)
    with transaction.atomic():
        migration = _locked(migration, UNDOABLE, "undone")
        if migration.previewed_at is None:
            raise Refusal("Look first what can be undone.")
        migration.rows_done = 0
        migration.counts.update(undone=0, stays=0)
        _start(migration, Step.UNDO, by)


def stop(migration: Migration, *, by: User) -> bool:
    """Stop a step. What it has done stays. Returns False when it has ended already."""
    _check_may(by)
    status = {Step.CHECK: Status.FAILED, Step.APPLY: Status.STOPPED}
    with transaction.atomic():
        migration.refresh_from_db()
        running_now = Migration.objects.filter(pk=migration.pk, status=Status.RUNNING, step=migration.step)
        ended = running_now.update(
            status=status.get(Step(migration.step), Status.APPLIED),
            remark=f"Stopped by {by}.",
            finished_at=timezone.now(),
            claimed_by="",
            claimed_until=None,
        )
        migration.refresh_from_db()
    return bool(ended)


def delete(migration: Migration, *, by: User) -> None:
    """Delete a file that was not applied, or was undone, with what is known of its rows. Raises Refusal."""
    _check_may(by)
    with transaction.atomic():
        migration = _locked(migration, (Status.CHECKED, Status.FAILED, Status.UNDONE), "deleted")
        migration.rows.all()._raw_delete(migration.rows.db)
        migration.delete()


def _locked(migration: Migration, statuses: tuple[str, ...], what: str) -> Migration:
    """Returns the migration, locked. Raises Refusal when its status does not allow it."""
    found = Migration.objects.select_for_update(of=("self",)).filter(pk=migration.pk).first()
    if found is None:
        raise Refusal("This migration was deleted. Nothing was changed.")
    if found.status not in statuses:
        raise Refusal(f"{found} cannot be {what} now: it is {found.get_status_display().lower()}.")
    return found


def _start(migration: Migration, step: str, by: User) -> None:
    now = timezone.now()
    migration.status, migration.step, migration.started_by = Status.RUNNING, step, by
    migration.not_before, migration.attempts, migration.crashes = now, 0, 0
    migration.save()
    running.wake()


def _check_may_start(by: User) -> None:
    acting.refuse(OWN_NAME)
    _check_may(by)


def _check_may(by: User) -> None:
    if not scope.may_start_runs(by):
        raise NotAllowed("You cannot use migrations. Ask an administrator.")
