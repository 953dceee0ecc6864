"""Starts pulls of what is known but not read yet: the content of new courses, and courses that are only known
from an enrollment.

They become known by an event, a pull or a push, and are read about a minute later; the next scheduled run may
be a day away. Each is tried once in this way. What cannot be read then is left to the schedule.
"""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from core.models import Product
from core.moments import is_older
from integrations.models import Kind, SyncRun, SyncSchedule
from integrations.schedules import next_runs
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.runs import lifecycle

PAUSE = timedelta(minutes=15)  # after a run that failed
NEARLY_DUE = timedelta(minutes=3)  # if the next scheduled run is that close, no other one is started
READ = (SyncRun.Status.SUCCEEDED, SyncRun.Status.PARTIAL)
OPTIONS = {lifecycle.UNREAD: True}


def ask_soon(trigger: str = SyncRun.Trigger.SCHEDULE) -> list[SyncRun]:
    """Start pulls of what is not read yet, unless a run of the kind is under way. Kinds without an enabled
    schedule, or that were never pulled, are not started. Returns the started runs."""
    credentials = Credentials.from_settings()
    if not credentials.complete:
        return []
    started = []
    if (since := _last_looked(Kind.CONTENT)) and new_courses(since, with_graphql=bool(credentials.token)):
        started.append(_start(Kind.CONTENT, trigger, full=False, options=OPTIONS))
    if (since := _last_looked(Kind.PRODUCTS)) and _named_only().filter(created_at__gt=since).exists():
        started.append(_start(Kind.PRODUCTS, trigger, full=True, options={}))
    return started


def unread_courses() -> QuerySet[Product]:
    """Returns the courses whose content was never read."""
    return Product.objects.courses().filter(content_synced_at__isnull=True, removed_at__isnull=True)


def new_courses(since: datetime, *, with_graphql: bool) -> bool:
    """Returns whether there are unread courses that were created or synced since then. Without GraphQL only
    courses that REST lists count, because REST does not show the content of others."""
    courses = unread_courses().filter(Q(created_at__gt=since) | Q(synced_at__gt=since))
    return (courses if with_graphql else courses.filter(source=Product.Source.REST)).exists()


def _named_only() -> QuerySet[Product]:
    return Product.objects.courses().filter(
        source=Product.Source.ENROLLMENT, synced_at__isnull=True, removed_at__isnull=True
    )


def _last_looked(kind: str) -> datetime | None:
    """Returns when the last run that read everything new began, or None if none is to be started now."""
    if not SyncSchedule.objects.filter(kind=kind, enabled=True).exists():
        return None
    all_runs = SyncRun.objects.filter(kind=kind).exclude(options__has_any_keys=lifecycle.ONE_OBJECT)
    last = all_runs.order_by("-id").first()
    if last is None or SyncRun.objects.active().filter(kind=kind).exists():
        return None
    due = [at for (scheduled, _), at in next_runs().items() if scheduled == kind]
    if due and min(due) < timezone.now() + NEARLY_DUE:
        return None  # the scheduled run reads it, and must not find another run under way
    ended = last.finished_at or last.created_at
    if last.status not in READ and not is_older(ended, timezone.now(), than=PAUSE):
        return None
    read = all_runs.filter(status__in=READ).order_by("-id").first()
    return read.created_at if read else None


def _start(kind: str, trigger: str, *, full: bool, options: dict[str, bool]) -> SyncRun:
    run, _ = lifecycle.open_run(kind, full=full, trigger=trigger, options=options)
    lifecycle.wake(run)
    return run
