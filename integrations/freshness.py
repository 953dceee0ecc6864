"""The age and state of each kind's data, for the screens of core (settings.SYNC_STATE)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q, Subquery
from django.utils import timezone

from core.moments import is_older
from core.services.site.sync_state import KindState, Outcome, Success
from integrations.models import ORDER, PULLED, Kind, SyncRun, SyncRunQuerySet, SyncSchedule
from integrations.progress import describe, result_line
from integrations.schedules import next_runs
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.kinds import INCREMENTAL
from integrations.thinkific.pull.watermarks import last_watermark
from integrations.thinkific.runs.lifecycle import SINGLE

LATE_AFTER = 3  # intervals of the schedule: one run may be slow, and two may wait behind it
NEEDS_TOKEN = {
    Kind.QUIZ_RESULTS: "The history of quiz results comes by GraphQL, which needs an API access token "
    "(THINKIFIC_ACCESS_TOKEN). New results still arrive by webhooks.",
    Kind.CERTIFICATES: "Certificates come by GraphQL, which needs an API access token "
    "(THINKIFIC_ACCESS_TOKEN). New ones still arrive by webhooks.",
    Kind.CONTENT: "Without an API access token (THINKIFIC_ACCESS_TOKEN), courses made in the new course "
    "builder arrive without their lessons.",
}


def states() -> dict[str, KindState]:
    now = timezone.now()
    latest = _latest(PULLED)
    successes = _latest(PULLED, status=SyncRun.Status.SUCCEEDED)
    schedules: dict[str, list[SyncSchedule]] = {}
    for schedule in SyncSchedule.objects.filter(enabled=True):
        schedules.setdefault(schedule.kind, []).append(schedule)
    due: dict[str, datetime] = {}
    for (kind, _), at in next_runs().items():
        due[kind] = min(at, due.get(kind, at))
    has_token = bool(Credentials.from_settings().token)
    return {
        kind: _state(
            kind,
            latest.get(kind),
            successes.get(kind),
            schedules.get(kind, []),
            next_run_at=due.get(kind),
            missing="" if has_token else NEEDS_TOKEN.get(kind, ""),
            now=now,
        )
        for kind in PULLED
    }


def outcome(run_id: int) -> Outcome | None:
    run = SyncRun.objects.filter(pk=run_id).first()
    if run is None:
        return None
    ends = {
        SyncRun.Status.SUCCEEDED: "done",
        SyncRun.Status.PARTIAL: "done",
        SyncRun.Status.FAILED: "failed",
        SyncRun.Status.CANCELLED: "failed",
    }
    status = ends.get(SyncRun.Status(run.status), run.status)
    return Outcome(status, result_line(run) if status == "failed" else "", run.finished_at)


def last_success(kind: str, *, with_graphql: bool = False) -> Success | None:
    asked = {"cursor__graphql__done": True} if with_graphql else {}
    run = _complete(SyncRun.objects.filter(kind=kind, status=SyncRun.Status.SUCCEEDED, **asked))
    moments = run.order_by("-id").values_list("started_at", "finished_at").first()
    began, ended = moments or (None, None)
    return Success(began, ended) if began and ended else None


def people_read_at() -> datetime | None:
    return last_watermark(Kind.USERS)


def kinds_read() -> list[str]:
    kinds = [kind for kind in ORDER if kind in INCREMENTAL and last_watermark(kind) is not None]
    return [*kinds, *([Kind.CERTIFICATES] if last_success(Kind.CERTIFICATES) is not None else [])]


def _complete(runs: SyncRunQuerySet) -> SyncRunQuerySet:
    """Returns the runs that read all rows of their kind.

    Leaves out runs that read one person or one group, and runs that only sent changes to Thinkific.
    """
    only_sent = Q(options__direction="dashboard_to_thinkific")
    runs = runs.exclude(options__has_any_keys=SINGLE)
    return runs.filter(Q(options__direction__isnull=True) | ~only_sent)


def _latest(kinds: Iterable[Kind], **conditions: str) -> dict[str, SyncRun]:
    """Returns the newest run of each kind, by kind.

    One query, which reads one row per kind from the index on kind and id.
    """
    runs = SyncRun.objects.filter(**conditions)
    if conditions:
        runs = _complete(runs)
    wanted = Q()
    for kind in kinds:
        newest = runs.filter(kind=kind).order_by("-id").values("pk")[:1]
        wanted |= Q(pk=Subquery(newest))
    return {run.kind: run for run in SyncRun.objects.filter(wanted)}


def _state(
    kind: Kind,
    run: SyncRun | None,
    success: SyncRun | None,
    schedules: list[SyncSchedule],
    *,
    next_run_at: datetime | None,
    missing: str,
    now: datetime,
) -> KindState:
    every = min((schedule.every_minutes for schedule in schedules), default=None)
    return KindState(
        kind=kind,
        label=kind.label,
        run=describe(run, now) if run else None,
        last_try_at=(run.finished_at or run.created_at) if run else None,
        last_success_at=success.finished_at if success else None,
        next_run_at=max(now, next_run_at) if next_run_at else None,
        every_minutes=every,
        missing=missing,
        verdict=_verdict(run, success, every, now),
        errors=run.errors[:3] if run else [],
    )


def _verdict(run: SyncRun | None, success: SyncRun | None, every: int | None, now: datetime) -> str:
    if run is None:
        return "Never synced"
    if run.status in SyncRun.ACTIVE or run.status != SyncRun.Status.SUCCEEDED:
        words = {SyncRun.Status.PARTIAL: "With errors", SyncRun.Status.RUNNING: "Syncing"}
        status = SyncRun.Status(run.status)
        return words.get(status, str(status.label))
    late = timedelta(minutes=LATE_AFTER * every) if every else None
    if late and success and success.finished_at and is_older(success.finished_at, now, than=late):
        return "Late"
    return "Up to date"
