"""The life of a run: asked for, carried out by one process at a time, taken over when that one dies.

A run is not claimed as other rows are (core/services/leases.py). It has no lease but a sign of life
(`heartbeat_at`), which is written with every step and shown to people, and `attempts` names its claim. While
an upgrade rolls, older code carries out runs beside this code and judges them by these columns.
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
from core.services.site.sync_requests import RequestedRun
from integrations.models import STALE_AFTER, Kind, SyncRun
from integrations.thinkific.client.credentials import Credentials

RUN_TASK = "integrations.thinkific.tasks.run_pull"
# Pulls at the same time: the rest of the workers is for people who wait for a push.
PULLS_AT_ONCE = max(1, settings.QUEUE_WORKERS // 2)
ONE_OBJECT = ("user_id", "group_id", "product_id")  # options that name the only object to read
UNREAD = "unread"  # the option of a run over what was never read
SINGLE = (*ONE_OBJECT, UNREAD)  # of runs that do not look at everything
# Processes that may die over a run without it getting anywhere; more, and it is stopped. Far above what bad
# luck or an impatient person brings about.
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
    """A queued run of this kind, or the one already under way (then True): one of a kind at a time."""
    try:
        with transaction.atomic():
            run = SyncRun.objects.create(
                kind=kind, full=full, trigger=trigger, started_by=started_by, options=options or {}
            )
    except IntegrityError:
        active = SyncRun.objects.active().filter(kind=kind).first()
        if active is None:  # it ended at this very moment
            return open_run(kind, full=full, trigger=trigger, started_by=started_by, options=options)
        if started_by is not None:
            active.watchers.add(started_by)
        return active, True
    return run, False


def request_run(
    kind: str, *, started_by: User | None = None, full: bool = True, options: dict[str, Any] | None = None
) -> RequestedRun:
    """Start a pull in the background for a person. Raises NotConnected, and Refusal when one that was
    asked for something else is under way."""
    if not Credentials.from_settings().complete:
        raise NotConnected
    run, attached = open_run(kind, full=full, started_by=started_by, options=options)
    if attached and _asks_more(options or {}, run.options):
        raise Refusal(
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
    """Whether options say something that a run with those others would not do. A run over everything reads
    a single object too; a run over a single one reads nothing else."""
    if any(name in given and wanted.get(name) != given[name] for name in SINGLE):
        return True
    wanted = {name: value for name, value in wanted.items() if name not in SINGLE}
    plain: tuple[Any, ...] = (None, "", [], "prohibit", "thinkific_to_dashboard")
    return any(value not in plain and given.get(name) != value for name, value in wanted.items())


def wake(run: SyncRun) -> None:
    """Send a worker to the run, once the transaction that it belongs to is committed."""
    transaction.on_commit(lambda: async_task(RUN_TASK, run.pk, task_name=f"pull-{run.pk}"))


def wake_next() -> int:
    """Send workers to the oldest waiting runs, as far as pulls may run at once. Returns how many."""
    busy = SyncRun.objects.filter(status=SyncRun.Status.RUNNING).count()
    queued = SyncRun.objects.filter(status=SyncRun.Status.QUEUED)
    # A reconciliation makes nobody wait.
    waiting = queued.order_by(Case(When(kind=Kind.RECONCILIATION, then=1), default=0), "created_at")
    runs = list(waiting[: max(0, PULLS_AT_ONCE - busy)])
    for run in runs:
        wake(run)
    return len(runs)


def is_dead(run: SyncRun) -> bool:
    """Whether a running run has lost its process: known at once on this machine, elsewhere by its silence."""
    return is_older(run.heartbeat_at, timezone.now(), than=STALE_AFTER) or is_gone(run.worker)


def claim(run_id: int, *, worker: str, at_most: int | None = None) -> SyncRun | None:
    """Make this process the one that carries the run out, or None: not waiting, its owner lives, or `at_most`
    others run already. The attempt is counted before any work, since a run may kill its worker."""
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
            mine.update(status=SyncRun.Status.FAILED, finished_at=now, errors=[*_it_kills(run), *run.errors])
            return None
        changed = mine.update(
            status=SyncRun.Status.RUNNING,
            attempts=F("attempts") + 1,
            crashes=F("crashes") + int(crashed),  # PostgreSQL adds no booleans
            worker=worker,
            started_at=run.started_at or now,
            heartbeat_at=now,
        )
    return SyncRun.objects.get(pk=run.pk) if changed else None


def _it_kills(run: SyncRun) -> list[dict[str, str]]:
    return [
        {
            "object": run.get_kind_display(),
            "message": f"{CRASHES} processes in a row died over this run at the same place. It was stopped; "
            "look at the worker's log and memory before resuming it.",
        }
    ]


def cancel(run: SyncRun) -> None:
    """Stop a run: at once when it waits or its process is gone, else at its next step."""
    now = timezone.now()
    mine = SyncRun.objects.filter(pk=run.pk)
    mine.filter(status__in=SyncRun.ACTIVE).update(cancel_requested_at=now)
    run.refresh_from_db()
    if run.status == SyncRun.Status.QUEUED or (run.status == SyncRun.Status.RUNNING and is_dead(run)):
        mine.filter(status=run.status, attempts=run.attempts).update(
            status=SyncRun.Status.CANCELLED, finished_at=now
        )


def resume(run: SyncRun, *, by: User) -> RequestedRun:
    """Go on with an ended run from its last committed page. Raises Refusal."""
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
                # Why it ended is no longer true; what is wrong with rows stays.
                errors=[error for error in run.errors if error["object"] != run.get_kind_display()],
            )
    except IntegrityError:
        raise Refusal(f"Another run of {run.get_kind_display().lower()} is under way.") from None
    run.watchers.add(by)
    wake(run)
    return RequestedRun(run_id=run.pk, url=url_of(run), attached=False)


def confirm_removals(run: SyncRun, *, by: User, shown: int | None = None) -> RequestedRun:
    """Walk the kind again and mark what is gone, as many as this run held back; should more be missing, that
    is a question again. `shown` is the number that the person read. Raises Refusal."""
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
    """The later run over everything that has removed what this one held back, or has held it back anew."""
    later = SyncRun.objects.filter(kind=run.kind, full=True, finished_at__isnull=False, pk__gt=run.pk)
    later = later.exclude(options__has_any_keys=SINGLE)
    judged = Q(status=SyncRun.Status.SUCCEEDED) | Q(guarded__gt=0)
    return later.filter(judged).defer("cursor", "seen").order_by("-pk").first()


def revive_stale() -> int:
    """Send a worker to each run whose process has died. Returns how many."""
    running = SyncRun.objects.filter(status=SyncRun.Status.RUNNING)
    dead = [run for run in running if is_dead(run)]
    for run in dead:
        wake(run)
    return len(dead)
