"""The checks of `check_health` except that of the database (settings.HEALTH_CHECKS)."""

from datetime import datetime, timedelta

from django.db.models import Min
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ, Schedule

from core.moments import come, is_older, recent
from core.services.site import connection
from core.services.site.health import Health
from integrations import schedules
from integrations.models import (
    ConnectionState,
    InboundEvent,
    Kind,
    SyncRun,
    SyncSchedule,
    WebhookSubscription,
    WorkerHeartbeat,
)
from integrations.progress import in_words
from integrations.schedule_problems import problem_of
from integrations.thinkific.client.credentials import GRAPHQL, Credentials
from integrations.thinkific.connection import check_connection
from integrations.thinkific.runs.lifecycle import SINGLE
from integrations.thinkific.webhooks.latest import last_received

# An idle worker is heard of when it does the housekeeping of each minute.
NO_HEARTBEAT_AFTER = timedelta(minutes=3)
WAITING_TOO_LONG = timedelta(minutes=5)
LATE_AFTER = 3  # intervals of the schedule: one run may be slow, and two may wait behind it
LATE_MARGIN = timedelta(minutes=10)  # added, because short intervals need more
DONE = [SyncRun.Status.SUCCEEDED, SyncRun.Status.PARTIAL]


def queue(*, ask: bool = False) -> Health:
    """Check how many tasks wait and how long, and that no malformed schedule stops the others."""
    now = timezone.now()
    ours = OrmQ.objects.filter(key=Conf.CLUSTER_NAME)
    free = come("lock", now, longest=timedelta(seconds=Conf.RETRY))
    waiting, taken = ours.filter(free), ours.exclude(free).count()
    count = waiting.count()
    oldest: datetime | None = waiting.aggregate(oldest=Min("lock"))["oldest"]
    since = f", the oldest for {_ago(oldest, now)}" if oldest else ""
    detail = f"{count} tasks wait{since}; {taken} are taken by workers."
    malformed = [str(s.name or s.pk) for s in Schedule.objects.exclude(repeats=0) if problem_of(s)]
    if malformed:
        detail += f" Malformed schedules, which must be corrected or deleted: {', '.join(malformed)}."
    return Health(not malformed and (oldest is None or now - oldest < WAITING_TOO_LONG), detail)


def worker(*, ask: bool = False) -> Health:
    now = timezone.now()
    beats = WorkerHeartbeat.objects.order_by("-beat_at").values_list("beat_at", flat=True)
    heard = beats.filter(recent("beat_at", now, within=NO_HEARTBEAT_AFTER))
    alive, last = heard.count(), heard.first()
    if last is None:
        before = beats.filter(beat_at__lte=now).first()
        problem = "No worker has ever run."
        if before:
            problem = f"No worker has given a sign of life for {_ago(before, now)}."
        return Health(False, f"{problem} Start one: manage.py worker.")
    return Health(True, f"{alive} worker processes, the last sign of life {_ago(last, now)} ago.")


def thinkific(*, ask: bool = False) -> Health:
    """Check the credentials: what Thinkific last said about them or, with `ask`, what it says now."""
    credentials = Credentials.from_settings()
    if credentials.problem or not credentials.complete:
        return Health(False, " ".join(credentials.missing))
    states = check_connection() if ask else list(ConnectionState.objects.order_by("surface"))
    refused = [
        f"{state.surface}: {state.detail}"
        for state in states
        # Without a token GraphQL cannot work. That is no fault; the lines about missing credentials say it.
        if not state.ok and (state.surface != GRAPHQL or credentials.token)
    ]
    if refused:
        return Health(False, " ".join(refused))
    used = max((state.checked_at for state in states), default=None)
    heard = f"they worked {_ago(used, timezone.now())} ago." if used else "nothing was asked yet."
    return Health(True, " ".join([f"Credentials are set, {heard}", *credentials.missing]))


def sync(*, ask: bool = False) -> Health:
    """Compare the age of each kind's data with the interval of its schedule."""
    if not Credentials.from_settings().complete:
        return Health(True, "No Thinkific site is connected, so nothing is pulled.")
    now = timezone.now()
    written = schedules.next_runs()
    intervals: dict[str, int] = {}
    for schedule in SyncSchedule.objects.filter(enabled=True):
        if (schedule.kind, schedule.full) not in written:
            return Health(False, f"{schedule} has no schedule in the queue. Run manage.py sync_schedules.")
        shortest = intervals.get(schedule.kind, schedule.every_minutes)
        intervals[schedule.kind] = min(schedule.every_minutes, shortest)
    states = [_kind(Kind(kind), minutes, now) for kind, minutes in intervals.items()]
    bad = [state.detail for state in states if not state.ok]
    return Health(not bad, " ".join(bad or [state.detail for state in states]) or "Nothing is scheduled.")


def webhooks(*, ask: bool = False) -> Health:
    """Check that events are processed, and say when the last ones arrived.

    No events are no fault: scheduled pulls bring everything that webhooks bring.
    """
    if problem := connection.secret(connection.Name.WEBHOOK_SECRETS).problem:
        return Health(False, problem)
    now = timezone.now()
    waiting = InboundEvent.objects.due()
    oldest = waiting.aggregate(oldest=Min("not_before"))["oldest"]
    if oldest is not None and now - oldest > WAITING_TOO_LONG:
        return Health(False, f"{waiting.count()} events wait, the oldest for {_ago(oldest, now)}.")
    last = last_received()
    subscribed = WebhookSubscription.objects.count()
    if not last and not subscribed:
        how = "manage.py thinkific_webhooks register"
        cost = "changes arrive with scheduled syncs, minutes later"
        return Health(True, f"Nothing is subscribed ({how}): {cost}.")
    heard = "; ".join(f"{topic} {_ago(at, now)} ago" for topic, at in sorted(last.items()))
    return Health(True, f"{subscribed} subscriptions. Last events: {heard or 'none yet'}.")


def _kind(kind: Kind, every_minutes: int, now: datetime) -> Health:
    runs = SyncRun.objects.filter(kind=kind).order_by("-id")
    last = runs.filter(finished_at__isnull=False).exclude(status=SyncRun.Status.CANCELLED).first()
    if last is None:
        return Health(True, f"{kind.label}: never pulled yet.")
    if last.status == SyncRun.Status.FAILED:
        reason = last.errors[0]["message"] if last.errors else "no reason was kept"
        return Health(False, f"{kind.label}: the last run failed ({reason}).")
    # A run that read only one person or one group does not count.
    done = runs.filter(status__in=DONE).exclude(options__has_any_keys=SINGLE).first()
    at = done.finished_at if done else None
    late = at and is_older(at, now, than=LATE_AFTER * timedelta(minutes=every_minutes) + LATE_MARGIN)
    if late and not runs.active().exists():
        every = in_words(60 * every_minutes)
        return Health(False, f"{kind.label}: last pulled {_ago(at, now)} ago, wanted every {every}.")
    return Health(True, f"{kind.label}: {_ago(at, now)} old.")


def _ago(moment: datetime | None, now: datetime) -> str:
    return in_words((now - moment).total_seconds()) if moment else "never"
