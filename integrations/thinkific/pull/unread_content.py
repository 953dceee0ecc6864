"""What was found and not read yet: the content of a new course, a course that only an enrollment has named.

Whoever found it, an event, a pull or a push, it is asked for within a minute or so; the schedules of content
and of products may be a day away. Each is tried so once; what cannot be read then is left to the schedule.
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
NEARLY_DUE = timedelta(minutes=3)  # until the schedule's own run
READ = (SyncRun.Status.SUCCEEDED, SyncRun.Status.PARTIAL)
OPTIONS = {lifecycle.UNREAD: True}


def ask_soon(trigger: str = SyncRun.Trigger.SCHEDULE) -> list[SyncRun]:
    """Start what reads it, unless such a run is under way. A kind that nobody pulls by schedule, or that was
    never pulled, is left alone."""
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
    """Courses whose content was never read."""
    return Product.objects.courses().filter(content_synced_at__isnull=True, removed_at__isnull=True)


def new_courses(since: datetime, *, with_graphql: bool) -> bool:
    """Whether there are courses to read that came, or were read themselves, since then. REST does not show
    the content of those that it does not list."""
    courses = unread_courses().filter(Q(created_at__gt=since) | Q(synced_at__gt=since))
    return (courses if with_graphql else courses.filter(source=Product.Source.REST)).exists()


def _named_only() -> QuerySet[Product]:
    return Product.objects.courses().filter(
        source=Product.Source.ENROLLMENT, synced_at__isnull=True, removed_at__isnull=True
    )


def _last_looked(kind: str) -> datetime | None:
    """When the last run over everything that is new began; None: do not start one now."""
    if not SyncSchedule.objects.filter(kind=kind, enabled=True).exists():
        return None
    all_runs = SyncRun.objects.filter(kind=kind).exclude(options__has_any_keys=lifecycle.ONE_OBJECT)
    last = all_runs.order_by("-id").first()
    if last is None or SyncRun.objects.active().filter(kind=kind).exists():
        return None
    due = [at for (scheduled, _), at in next_runs().items() if scheduled == kind]
    if due and min(due) < timezone.now() + NEARLY_DUE:
        return None  # that one reads it, and must not find another run in its place
    ended = last.finished_at or last.created_at
    if last.status not in READ and not is_older(ended, timezone.now(), than=PAUSE):
        return None
    read = all_runs.filter(status__in=READ).order_by("-id").first()
    return read.created_at if read else None


def _start(kind: str, trigger: str, *, full: bool, options: dict[str, bool]) -> SyncRun:
    run, _ = lifecycle.open_run(kind, full=full, trigger=trigger, options=options)
    lifecycle.wake(run)
    return run
