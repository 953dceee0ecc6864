"""Carrying the steps of migrations out: claimed by one worker at a time, and taken over when it is killed."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import structlog
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from core.errors import Refusal
from core.migration import steps
from core.models import Migration, Notice, User
from core.permissions import scope
from core.services.leases import Claim
from core.services.long_work import GoOn, LongWork, hold, in_one
from core.services.site import notices
from core.wording import plural

log = structlog.get_logger(__name__)

UNEXPECTED = "An error of the dashboard stopped it. Its log says more. What was done until then stays."
Status, Step = Migration.Status, Migration.Step


def _carry_out(migration: Migration, claim: Claim[Migration], go_on: GoOn) -> dict[str, Any]:
    for piece in _pieces(migration):
        in_one(partial(piece, partial(hold, claim, migration)))
        go_on()
    return {}


def _pieces(migration: Migration) -> Iterator[steps.Piece]:
    by = migration.started_by
    if by is None or not by.is_active:
        raise Refusal("Whoever started it has no account any more, or it is switched off.")
    if not scope.may_start_runs(by):
        raise Refusal(f"{by} may not use the tools any more.")
    if migration.step == Step.CHECK:
        return steps.check(migration, by)
    if migration.step == Step.APPLY:
        return steps.apply(migration, by)
    return steps.take_back(migration, by, dry=migration.step == Step.PREVIEW)


ENDS = {
    Step.CHECK: Status.CHECKED,
    Step.APPLY: Status.APPLIED,
    Step.PREVIEW: Status.APPLIED,
    Step.UNDO: Status.UNDONE,
}
FAILS = {
    Step.CHECK: Status.FAILED,
    Step.APPLY: Status.STOPPED,
    Step.PREVIEW: Status.APPLIED,
    Step.UNDO: Status.APPLIED,
}


def _finish(migration: Migration, claim: Claim[Migration], *, why: str = "") -> str:
    """End a step and tell whoever started it."""
    with transaction.atomic():
        migration.refresh_from_db()
        step = Step(migration.step)
        status = FAILS[step] if why else ENDS[step]
        values: dict[str, Any] = {"finished_at": timezone.now()}
        if why:
            values["remark"] = "\n".join(filter(None, [why, *migration.remark.splitlines()]))
        if step == Step.PREVIEW and not why:
            values["previewed_at"] = timezone.now()
        if not claim.finish([migration.pk], status=status, **values):
            return "lost"
        migration.refresh_from_db()
        refused = sum(migration.counts.values_list("refused", flat=True))
        good = Notice.Level.WARNING if step == Step.CHECK and refused else Notice.Level.SUCCESS
        notices.tell(
            User.objects.filter(pk=migration.started_by_id),
            summary(migration, step, why),
            level=Notice.Level.ERROR if why else good,
            url=page_of(migration),
        )
    return status


def summary(migration: Migration, step: str, why: str = "") -> str:
    """Returns how a step ended, in a sentence or two."""
    counts = migration.counts.all()
    if why:
        what = {Step.CHECK: "cannot be used", Step.APPLY: "stopped", Step.UNDO: "was not undone"}
        return f"The migration {migration} {what.get(Step(step), 'was not looked through')}. {why}"
    if step == Step.CHECK:
        new, refused = (sum(getattr(count, name) for count in counts) for name in ("new", "refused"))
        said = f"{plural(new, 'thing')} would be made" if new else "nothing would be made"
        problems = f", {plural(refused, 'row is', 'rows are')} refused" if refused else ""
        return f"The migration {migration} is checked: {said}{problems}."
    if step == Step.APPLY:
        made = sum(count.made for count in counts)
        return f"The migration {migration} is applied: {plural(made, 'thing')} made."
    stays = sum(count.stays for count in counts)
    if step == Step.PREVIEW:
        goes = sum(count.goes for count in counts)
        left = f" and leave {stays:,}" if stays else ""
        return f"Undoing the migration {migration} would take back {plural(goes, 'thing')}{left}."
    undone = sum(count.undone for count in counts)
    left = f" {plural(stays, 'thing stays', 'things stay')}; its page says why." if stays else ""
    return f"The migration {migration} is undone: {plural(undone, 'thing')} taken back.{left}"


def page_of(migration: Migration) -> str:
    """Returns the path of the migration's page."""
    return reverse("admin:core_migration_change", args=[migration.pk])


WORK = LongWork(Migration, "MIGRATIONS_TASK", _carry_out, _finish, UNEXPECTED)
wake, sweep, run_due = WORK.wake, WORK.sweep, WORK.run_due
