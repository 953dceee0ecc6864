"""Carrying the steps of migrations out: claimed by one worker at a time, and taken over when it is killed."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import Error, transaction
from django.urls import reverse
from django.utils import timezone
from django_q.tasks import async_task

from core.database_outage import retry_during_outage
from core.databases import is_unavailable
from core.errors import Refusal
from core.migration import steps
from core.models import Migration, Notice, User
from core.permissions import scope
from core.services import leases
from core.services.leases import Claim
from core.services.site import notices
from core.wording import plural

log = structlog.get_logger(__name__)

TRIES = 5  # of a piece, and of a step
MOST_CRASHES = 5  # of its process, without a piece being done in between
FIRST_WAIT, LONGEST_WAIT = 5.0, 600.0  # seconds
UNEXPECTED = "An error of the dashboard stopped it. Its log says more. What was done until then stays."
Status, Step = Migration.Status, Migration.Step


class _Lost(Exception):
    """It was stopped, or another process has taken it."""


class _Paused(Exception):
    """The time is over, or this process has to end. Another goes on."""


def wake() -> None:
    """Queue the task that carries migrations out, after the current transaction commits."""
    transaction.on_commit(lambda: async_task(settings.MIGRATIONS_TASK, save=False))


def sweep() -> None:
    """Each minute: take over what a killed worker or a lost wake-up left."""
    free_abandoned()
    if Migration.objects.due().exists():
        wake()


def free_abandoned() -> int:
    """Let wait again what a dead process had claimed; fail what kills its process. Returns how many."""
    count, now = 0, timezone.now()
    for migration, _ in leases.abandoned(Migration, now):
        claim = Claim.on(migration)
        if migration.crashes + 1 >= MOST_CRASHES:
            _finish(migration, claim, why=f"The process that carried it out ended {MOST_CRASHES} times.")
            continue
        pause = leases.growing_wait(migration.crashes, first=FIRST_WAIT, longest=LONGEST_WAIT)
        until = now + timedelta(seconds=pause)
        count += claim.put_back([migration.pk], until=until, counts=False, crashed=True)
    return count


def run_due(
    *,
    seconds: float = 50.0,
    stop: Callable[[], bool] = lambda: False,
    beat: Callable[[], None] = lambda: None,
) -> Counter[str]:
    """Carry out what waits, until nothing does, for at most `seconds`. Returns how many steps had which
    result. `stop` says that this process has to end."""
    free_abandoned()
    end, results = time.monotonic() + seconds, Counter[str]()
    while not stop() and time.monotonic() < end:
        claim: Claim[Migration] = Claim.new(Migration)
        migration = _take(claim)
        if migration is None:
            return results

        def go_on() -> None:
            beat()
            if stop() or time.monotonic() > end:
                raise _Paused

        results[_carry_out(migration, claim, go_on)] += 1
    sweep()
    return results


def _take(claim: Claim[Migration]) -> Migration | None:
    with leases.given_back_if_lost(claim.put_back), transaction.atomic():
        now = timezone.now()
        rows = Migration.objects.due(now).select_for_update(skip_locked=True).order_by("pk")
        keys = list(rows.values_list("pk", flat=True)[:1])
        if not keys:
            return None
        _ = claim.take(keys, now=now) or claim.take_over(keys, now=now)
    return claim.held(keys).first()


def _carry_out(migration: Migration, claim: Claim[Migration], go_on: Callable[[], None]) -> str:
    """Carry out a claimed step as far as the time allows. Returns what became of it."""

    def hold(**values: Any) -> None:
        until = timezone.now() + Migration.lease.length
        # Last in the transaction, so that whoever stops it waits only for the commit.
        if not claim.held([migration.pk]).update(claimed_until=until, crashes=0, **values):
            raise _Lost

    try:
        for piece in _pieces(migration):
            _in_one(partial(piece, hold))
            go_on()
        return retry_during_outage(_finish, migration, claim)
    except _Lost:
        return "lost"
    except _Paused:
        retry_during_outage(claim.put_back, [migration.pk], counts=False)
        wake()
        return "paused"
    except Refusal as refusal:
        return retry_during_outage(_finish, migration, claim, why=str(refusal))
    except Exception as error:
        log.exception("A migration stopped", migration=migration.pk, attempt=migration.attempts)
        if migration.attempts >= TRIES:
            return retry_during_outage(_finish, migration, claim, why=UNEXPECTED)
        counts = not (isinstance(error, Error) and is_unavailable(error))
        wait = leases.growing_wait(migration.attempts, first=FIRST_WAIT, longest=LONGEST_WAIT)
        again = timezone.now() + timedelta(seconds=wait)
        retry_during_outage(claim.put_back, [migration.pk], until=again, counts=counts)
        return "retried"


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


def _in_one(piece: Callable[[], None]) -> None:
    """Run a piece in one transaction, and again when another transaction crossed it."""
    for attempt in range(1, TRIES + 1):
        try:
            with transaction.atomic():
                return piece()
        except Error as error:
            crossed = str(getattr(error.__cause__, "sqlstate", "") or "")[:2] in {"40", "23"}
            if attempt == TRIES or not crossed:
                raise
            time.sleep(0.05 * attempt)
    return None


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
