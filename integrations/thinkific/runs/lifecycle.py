"""The life of a run: started, carried out by one process at a time, taken over when that process dies.

Runs do not use core/services/leases.py. Instead of a lease, a run has a heartbeat (`heartbeat_at`), which is
stored with every step and shown to people; `attempts` identifies its claim. During a rolling upgrade, older
code carries out runs beside this code and reads the same columns.
"""

from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Case, F, Q, When
from django.urls import reverse
from django.utils import timezone
from django_q.tasks import async_task

from core.errors import NotConnected, Refusal
from core.models import ThinkificGroup, User
from core.moments import is_older
from core.processes import is_gone
from core.services.site import notices
from core.services.site.sync_requests import Busy, RequestedRun
from integrations.models import PULLED, STALE_AFTER, Kind, SyncRun
from integrations.thinkific.client.credentials import Credentials

RUN_TASK = "integrations.thinkific.tasks.run_pull"
# The most pulls at the same time: the other workers are free for people who wait for a push.
PULLS_AT_ONCE = max(1, settings.QUEUE_WORKERS // 2)
ONE_OBJECT = ("user_id", "group_id", "product_id")  # options that name the only object to read
UNREAD = "unread"  # the option of a run that reads only courses whose content was never read
RETURNED = "returned"  # the option of a run that reads only records of people who came back
SINGLE = (*ONE_OBJECT, UNREAD, RETURNED)  # options of runs that do not read everything
# A run fails when so many processes in a row died while it made no progress. That is far more than restarts
# by people or other accidents cause.
CRASHES = 20


def url_of(run: SyncRun) -> str:
    return reverse("admin:integrations_syncrun_change", args=[run.pk])


def open_run(
    kind: str,
    *,
    full: bool = True,
    trigger: str = SyncRun.Trigger.PERSON,
    started_by: User | None = None,
    options: dict[str, Any] | None = None,
) -> tuple[SyncRun, bool]:
    """Returns a new queued run of this kind and False, or the one already under way and True. There is only
    one active run of a kind."""
    try:
        with transaction.atomic():
            run = SyncRun.objects.create(
                kind=kind, full=full, trigger=trigger, started_by=started_by, options=options or {}
            )
    except IntegrityError:
        active = SyncRun.objects.active().filter(kind=kind).first()
        if active is None:  # it has just ended
            return open_run(kind, full=full, trigger=trigger, started_by=started_by, options=options)
        if (reader := notices.waiting(started_by)) is not None:
            active.watchers.add(reader)
        return active, True
    return run, False


def request_run(
    kind: str, *, started_by: User | None = None, full: bool = True, options: dict[str, Any] | None = None
) -> RequestedRun:
    """Start a pull in the background for a person. Raises NotConnected, and Busy when a run with other
    options is under way."""
    if not Credentials.from_settings().complete:
        raise NotConnected
    run, attached = open_run(kind, full=full, started_by=started_by, options=options)
    if attached and _asks_more(options or {}, run.options):
        raise Busy(
            f"{run} is under way and does not do what you chose. Start again when it has ended; you are told."
        )
    if kind == Kind.GROUPS and not attached:
        asked_for = ThinkificGroup.objects.filter(removed_at__isnull=True)
        if "group_id" in run.options:
            asked_for = asked_for.filter(pk=run.options["group_id"])
        asked_for.update(sync_requested_at=timezone.now())
    wake(run)
    return RequestedRun(run_id=run.pk, url=url_of(run), attached=attached)


def _asks_more(wanted: dict[str, Any], given: dict[str, Any]) -> bool:
    """Returns whether the wanted options ask for something that a run with the given ones does not do. A run
    over everything also reads each single object; a run over a single object reads nothing else."""
    if any(name in given and wanted.get(name) != given[name] for name in SINGLE):
        return True
    wanted = {name: value for name, value in wanted.items() if name not in SINGLE}
    plain: tuple[Any, ...] = (None, "", [], "prohibit", "thinkific_to_dashboard")
    return any(value not in plain and given.get(name) != value for name, value in wanted.items())


def wake(run: SyncRun) -> None:
    """Queue the task that carries out the run, after the current transaction is committed."""
    transaction.on_commit(lambda: async_task(RUN_TASK, run.pk, task_name=f"pull-{run.pk}"))


def wake_next() -> int:
    """Queue tasks for the oldest waiting runs, as many as may run at once. Returns how many."""
    busy = SyncRun.objects.filter(status=SyncRun.Status.RUNNING).count()
    queued = SyncRun.objects.filter(status=SyncRun.Status.QUEUED)
    # Reconciliations come last, so that no other run waits for one.
    waiting = queued.order_by(Case(When(kind=Kind.RECONCILIATION, then=1), default=0), "created_at")
    runs = list(waiting[: max(0, PULLS_AT_ONCE - busy)])
    for run in runs:
        wake(run)
    return len(runs)


def is_dead(run: SyncRun) -> bool:
    """Returns whether the process of a running run has died: it no longer exists on this machine, or its
    heartbeat is too old."""
    return is_older(run.heartbeat_at, timezone.now(), than=STALE_AFTER) or is_gone(run.worker)


def claim(run_id: int, *, worker: str, at_most: int | None = None) -> SyncRun | None:
    """Claim a run for this process. Returns None if it has ended, its process is alive, or `at_most` other
    runs are under way. The attempt is counted before any work, because a run may kill its worker."""
    run = SyncRun.objects.filter(pk=run_id).first()
    if run is None or run.status not in SyncRun.ACTIVE:
        return None
    if run.status == SyncRun.Status.RUNNING and not is_dead(run):
        return None
    now = timezone.now()
    with transaction.atomic():
        if at_most is not None:
            others = SyncRun.objects.filter(status=SyncRun.Status.RUNNING).exclude(pk=run.pk)
            if others.count() >= at_most:
                return None
        mine = SyncRun.objects.filter(pk=run.pk, attempts=run.attempts, status=run.status)
        crashed = run.status == SyncRun.Status.RUNNING
        if crashed and run.crashes + 1 >= CRASHES:
            mine.update(
                status=SyncRun.Status.FAILED, finished_at=now, errors=[*_crash_errors(run), *run.errors]
            )
            return None
        changed = mine.update(
            status=SyncRun.Status.RUNNING,
            attempts=F("attempts") + 1,
            crashes=F("crashes") + int(crashed),  # PostgreSQL cannot add booleans
            worker=worker,
            started_at=run.started_at or now,
            heartbeat_at=now,
        )
    return SyncRun.objects.get(pk=run.pk) if changed else None


def _crash_errors(run: SyncRun) -> list[dict[str, str]]:
    return [
        {
            "object": run.get_kind_display(),
            "message": f"{CRASHES} processes in a row died over this run at the same place. It was stopped; "
            "look at the worker's log and memory before resuming it.",
        }
    ]


def cancel(run: SyncRun) -> None:
    """Cancel a run: at once if it is queued or its process is dead, otherwise its process stops it soon."""
    now = timezone.now()
    mine = SyncRun.objects.filter(pk=run.pk)
    mine.filter(status__in=SyncRun.ACTIVE).update(cancel_requested_at=now)
    run.refresh_from_db()
    if run.status == SyncRun.Status.QUEUED or (run.status == SyncRun.Status.RUNNING and is_dead(run)):
        mine.filter(status=run.status, attempts=run.attempts).update(
            status=SyncRun.Status.CANCELLED, finished_at=now
        )


def resume(run: SyncRun, *, by: User) -> RequestedRun:
    """Continue an ended run from its last committed page. Raises NotConnected and Refusal."""
    if run.status in SyncRun.ACTIVE:
        raise Refusal(f"{run} is still under way.")
    if run.status == SyncRun.Status.SUCCEEDED:
        raise Refusal(f"{run} has succeeded; there is nothing left to resume. Start a new run instead.")
    if not Credentials.from_settings().complete:
        raise NotConnected
    try:
        with transaction.atomic():
            SyncRun.objects.filter(pk=run.pk, status=run.status).update(
                status=SyncRun.Status.QUEUED,
                cancel_requested_at=None,
                finished_at=None,
                # The error that ended the run is dropped; errors of rows stay.
                errors=[error for error in run.errors if error["object"] != run.get_kind_display()],
            )
    except IntegrityError:
        raise Refusal(f"Another run of {run.get_kind_display().lower()} is under way.") from None
    run.watchers.add(by)
    wake(run)
    return RequestedRun(run_id=run.pk, url=url_of(run), attached=False)


def confirm_removals(run: SyncRun, *, by: User, shown: int | None = None) -> RequestedRun:
    """Start a full run that may remove as many rows as this run held back. If more are missing by then, that
    run holds them back again. `shown` is the number that the person saw. Raises NotConnected and Refusal."""
    if not run.guarded:
        raise Refusal(f"The deletion guard did not stop {run}.")
    if (later := answered_by(run)) is not None:
        whose = f", started by {later.starter_name}," if later.starter_name else ""
        raise Refusal(
            f"This is answered: {later}{whose} has looked at everything since. Nothing was started."
        )
    if shown is not None and shown != run.guarded:
        raise Refusal(
            f"{shown:,} removals were held back when you looked, and {run.guarded:,} are by now. Nothing was "
            "started; look at it again."
        )
    options = run.options | {"allow_removals": run.guarded}
    return request_run(run.kind, started_by=by, full=True, options=options)


def answered_by(run: SyncRun) -> SyncRun | None:
    """Returns the newest later full run that removed what this one held back, or held it back again."""
    later = SyncRun.objects.filter(kind=run.kind, full=True, finished_at__isnull=False, pk__gt=run.pk)
    later = later.exclude(options__has_any_keys=SINGLE)
    judged = Q(status=SyncRun.Status.SUCCEEDED) | Q(guarded__gt=0)
    return later.filter(judged).defer("cursor", "seen").order_by("-pk").first()


def is_first_load(run: SyncRun) -> bool:
    """Returns whether nothing of the run's kind was ever read in full before. What such a run brings is no
    news, and webhooks do not tell of it."""
    done = [SyncRun.Status.SUCCEEDED, SyncRun.Status.PARTIAL]
    before = SyncRun.objects.filter(kind=run.kind, full=True, status__in=done).exclude(pk=run.pk)
    return run.kind in PULLED and not before.exclude(options__has_any_keys=SINGLE).exists()


def revive_stale() -> int:
    """Queue a task for each run whose process has died. Returns how many."""
    running = SyncRun.objects.filter(status=SyncRun.Status.RUNNING)
    dead = [run for run in running if is_dead(run)]
    for run in dead:
        wake(run)
    return len(dead)
