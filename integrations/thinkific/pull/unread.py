"""Starts pulls of what is known but not read yet: the content of new courses, courses that are only known
from an enrollment, and the records of people who came back (core/services/mirror/returned_people.py).

They become known by an event, a pull or a push, and are read about a minute later; the next scheduled run may
be a day away. Each is tried once in this way. What cannot be read then is left to the schedule.

Of people who came back, a run with the option `returned` reads the records of one kind, of up to MOST people.
If there are more, one full run reads everything.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from core.models import Product, UnreadRecords, User
from core.moments import is_older
from integrations.models import Kind, SyncRun, SyncSchedule
from integrations.schedules import next_runs
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.runs import lifecycle
from integrations.thinkific.runs.context import RunContext

PAUSE = timedelta(minutes=15)  # after a run that failed, or left something unread
NEARLY_DUE = timedelta(minutes=3)  # if the next scheduled run is that close, no other one is started
READ = (SyncRun.Status.SUCCEEDED, SyncRun.Status.PARTIAL)
OPTIONS = {lifecycle.UNREAD: True}
MOST = 100  # people whose records are read one by one
# Which courses have certificates of a person, their enrollments say, so those are read first.
RECORDS = (Kind.ENROLLMENTS, Kind.QUIZ_RESULTS, Kind.CERTIFICATES)
NEED_TOKEN = (Kind.QUIZ_RESULTS, Kind.CERTIFICATES)


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


def ask_for_returned() -> list[SyncRun]:
    """Start the runs that read what is unread, unless a run of the kind is under way. Returns them."""
    kinds = set(UnreadRecords.objects.order_by().values_list("kind", flat=True).distinct())
    credentials = Credentials.from_settings() if kinds else None
    if credentials is None or not credentials.complete:
        return []
    if Kind.ENROLLMENTS in kinds:
        kinds.discard(Kind.CERTIFICATES)
    if not credentials.token:
        kinds.difference_update(NEED_TOKEN)
    return [run for kind in RECORDS if kind in kinds and (run := _start_for_returned(kind)) is not None]


def _start_for_returned(kind: Kind) -> SyncRun | None:
    unread = UnreadRecords.objects.filter(kind=kind)
    many = kind != Kind.CERTIFICATES and unread.count() > MOST
    runs = SyncRun.objects.filter(kind=kind).defer("cursor", "seen")
    due = next_runs().get((kind, True))
    if runs.active().exists() or (due is not None and due < timezone.now() + NEARLY_DUE):
        return None
    began = unread.order_by("noted_at").values_list("noted_at", flat=True).first()
    tried = runs.filter(full=True) if many else runs.filter(options__has_key=lifecycle.RETURNED)
    last = tried.filter(created_at__gt=began).order_by("-id").first()
    if last is not None and (many or not is_older(last.finished_at, timezone.now(), than=PAUSE)):
        return None  # a full run that left something unread is repeated by the schedule only
    options = {} if many else {lifecycle.RETURNED: True}
    run, _ = lifecycle.open_run(kind, full=many, trigger=SyncRun.Trigger.SCHEDULE, options=options)
    lifecycle.wake(run)
    return run


def returned_people(context: RunContext) -> list[User]:
    """Returns the people whose records this run is to read."""
    unread = UnreadRecords.objects.filter(kind=context.run.kind).select_related("user").order_by("pk")
    return [row.user for row in unread[:MOST]]


def note_read(context: RunContext, people: Collection[User]) -> None:
    """Note that the records of these people are read."""
    UnreadRecords.objects.filter(kind=context.run.kind, user__in=people).delete()


def note_all_read(context: RunContext) -> None:
    """Note that a full run has read everything of people who were here when it began."""
    unread = UnreadRecords.objects.filter(kind=context.run.kind, noted_at__lt=context.run.created_at)
    context.commit(lambda: unread.delete() and None)
