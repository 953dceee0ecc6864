"""Writing the queue's schedules from the intervals that an administrator sets (`SyncSchedule`)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_q.models import Schedule

from core.moments import has_come
from integrations.models import ORDER, Kind, SyncRun, SyncSchedule
from integrations.schedule_problems import problem_of

log = structlog.get_logger(__name__)

PULL = "integrations.thinkific.tasks.scheduled_pull"
PULL_PREFIX = "pull:"
HOUSEKEEPING_PREFIX = "housekeeping:"
OURS = Q(name__startswith=PULL_PREFIX) | Q(name__startswith=HOUSEKEEPING_PREFIX)

SPREAD = timedelta(seconds=20)  # between the first runs, so that they do not all start at once
FIRST_STEPS = SPREAD * (len(ORDER) + 1)  # a first run may be this much later than its interval


@dataclass(frozen=True)
class Wanted:
    name: str
    func: str
    minutes: int
    first_run: datetime  # next run of a schedule that is new
    latest: datetime  # latest next run of a schedule that exists
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] | None = None


@transaction.atomic
def write_schedules() -> dict[str, list[str]]:
    """Create, update and delete the queue's schedules to match `SyncSchedule`.

    Returns the names of the schedules under `created`, `updated`, `removed` and `parked`. Idempotent.
    Schedules of others are not changed, except that malformed ones are switched off (`parked`).
    """
    # Locked, so that two workers that start at the same time do not both create the same schedule.
    intervals = list(SyncSchedule.objects.select_for_update().order_by("pk"))
    changed: dict[str, list[str]] = {"created": [], "updated": [], "removed": [], "parked": []}
    existing = _existing(changed)
    for wanted in [*_housekeeping(), *_pulls(intervals)]:
        schedule = existing.pop(wanted.name, None)
        if schedule is None:
            _fill(Schedule(name=wanted.name, next_run=wanted.first_run), wanted)
            changed["created"].append(wanted.name)
        elif _fill(schedule, wanted):
            changed["updated"].append(wanted.name)
    for name, schedule in existing.items():
        schedule.delete()
        changed["removed"].append(name)
    changed["parked"] = disable_malformed()
    return changed


def save(schedule: SyncSchedule) -> SyncSchedule:
    """Store an interval that an administrator changed, and write the queue's schedules.

    Raises ValidationError, with the field that it belongs to.
    """
    schedule.full_clean()
    with transaction.atomic():
        schedule.save()
        write_schedules()
    return schedule


def disable_malformed() -> list[str]:
    """Switch off malformed schedules, because one of them would stop all others. Returns their names."""
    disabled = []
    for schedule in Schedule.objects.exclude(repeats=0).filter(next_run__isnull=False):
        if problem := problem_of(schedule):
            Schedule.objects.filter(pk=schedule.pk).update(next_run=None)
            name = schedule.name or f"number {schedule.pk}"
            log.error("The schedule %s is malformed and was switched off: %s", name, problem)
            disabled.append(name)
    return disabled


def correct_next_runs() -> list[str]:
    """Make schedules due now whose next run is later than their interval allows. Returns their names.

    Such a next run was written before the clock was set back.
    """
    now, late = timezone.now(), []
    ahead = Schedule.objects.filter(OURS, schedule_type=Schedule.MINUTES, next_run__gt=now).exclude(repeats=0)
    for schedule in ahead:
        longest = timedelta(minutes=schedule.minutes or 0) + FIRST_STEPS
        if has_come(schedule.next_run, now, longest=longest):
            Schedule.objects.filter(pk=schedule.pk, next_run=schedule.next_run).update(next_run=now)
            log.warning("The clock was set back: the schedule %s is due now", schedule.name)
            late.append(schedule.name)
    return late


def next_runs() -> dict[tuple[str, bool], datetime]:
    """Returns when each kind is pulled next, by `(kind, full)`. Schedules switched off are missing."""
    due = Schedule.objects.filter(name__startswith=PULL_PREFIX, next_run__isnull=False)
    keys = {_name(kind, full): (kind, full) for kind in Kind.values for full in (True, False)}
    return {keys[name]: at for name, at in due.values_list("name", "next_run") if name in keys}


def _name(kind: str, full: bool) -> str:
    return f"{PULL_PREFIX}{kind}:{'full' if full else 'changes'}"


def _existing(changed: dict[str, list[str]]) -> dict[str, Schedule]:
    """Returns our schedules by name.

    A second schedule of the same name was not written by us; it is deleted and listed under `removed`.
    """
    existing: dict[str, Schedule] = {}
    for schedule in Schedule.objects.filter(OURS, func__startswith="integrations.").order_by("pk"):
        if existing.setdefault(schedule.name, schedule) is not schedule:
            schedule.delete()
            changed["removed"].append(schedule.name)
    return existing


def _housekeeping() -> list[Wanted]:
    now = timezone.now()
    return [
        Wanted(
            name=f"{HOUSEKEEPING_PREFIX}watch",
            func="integrations.queue.tasks.watch",
            minutes=1,
            first_run=now,
            latest=now + timedelta(minutes=1),
            kwargs={"q_options": {"save": False}},  # nobody needs 1,440 results a day
        ),
        Wanted(
            name=f"{HOUSEKEEPING_PREFIX}prune",
            func="integrations.queue.tasks.prune",
            minutes=1440,
            first_run=now + timedelta(hours=1),
            latest=now + timedelta(days=1),
        ),
    ]


def _pulls(intervals: Iterable[SyncSchedule]) -> list[Wanted]:
    now = timezone.now()
    pulled = _pulled_before()
    wanted = []
    for interval in intervals:
        if not interval.enabled:
            continue
        place = [*ORDER, Kind.RECONCILIATION].index(Kind(interval.kind))
        every = timedelta(minutes=interval.every_minutes)
        # Kinds that were never pulled completely start now, one after the other; the others after their
        # interval. A reconciliation waits too: it can compare nothing before everything has been pulled.
        first = now + place * SPREAD
        if interval.kind in pulled or not interval.full or interval.kind == Kind.RECONCILIATION:
            first = now + every + place * SPREAD
        wanted.append(
            Wanted(
                name=_name(interval.kind, interval.full),
                func=PULL,
                minutes=interval.every_minutes,
                first_run=first,
                latest=first,
                args=(interval.kind, interval.full),
            )
        )
    return wanted


def _pulled_before() -> set[str]:
    """Returns the kinds with a full pull that has ended or is under way."""
    reached = [SyncRun.Status.SUCCEEDED, SyncRun.Status.PARTIAL, *SyncRun.ACTIVE]
    done = SyncRun.objects.filter(full=True, status__in=reached)
    return set(done.order_by().values_list("kind", flat=True).distinct())


def _fill(schedule: Schedule, wanted: Wanted) -> bool:
    """Give the row the wanted values and return whether anything changed; only then is it saved.

    The next run may become earlier, never later. Raises ValueError if the wanted values are malformed.
    """
    values: dict[str, Any] = {
        "func": wanted.func,
        "args": repr(wanted.args) if wanted.args else None,
        "kwargs": repr(wanted.kwargs) if wanted.kwargs else None,
        "schedule_type": Schedule.MINUTES,
        "minutes": wanted.minutes,
        "repeats": -1,
        "hook": None,
        "cluster": None,
        "intended_date_kwarg": None,
    }
    if schedule.pk and (schedule.next_run is None or schedule.next_run > wanted.latest):
        values["next_run"] = wanted.latest
    changed = [name for name, value in values.items() if getattr(schedule, name) != value]
    if schedule.pk and not changed:
        return False
    for name, value in values.items():
        setattr(schedule, name, value)
    schedule.full_clean(exclude=["next_run"])
    if problem := problem_of(schedule):
        raise ValueError(f"{wanted.name}: {problem}")
    schedule.save()
    return True
