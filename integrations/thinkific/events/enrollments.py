"""enrollment.created, .trial, .progress, .completed and lesson.completed.

A snapshot is stored unless something newer is. Where it is not whole, or the enrollment is thought to be
gone, Thinkific is asked. A lesson says only that progress has moved: nearly always enrollment.progress brings
the number itself, so it is given a moment before a request is spent.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from core.models import Enrollment, Product
from core.moments import happened, is_ahead, is_older
from core.services.mirror.bundles import (
    apply_bundle_rows,
    perhaps_held,
    total_up_bundles,
    total_up_students_of,
)
from core.services.mirror.enrollments import remove_enrollments
from core.services.mirror.outcome import Applied
from core.services.mirror.people import deleted_here
from core.services.mirror.table import known_digests
from integrations.models import InboundEvent, Kind
from integrations.thinkific import schemas
from integrations.thinkific.errors import NotFound, ThinkificError
from integrations.thinkific.events import payloads
from integrations.thinkific.events.certificates import store_certificates
from integrations.thinkific.events.desk import SOURCE, Desk, problems
from integrations.thinkific.events.inbox import Verdict, Verdicts, Write, failed, ignored, later, processed
from integrations.thinkific.events.payloads import Unreadable, as_listed, read
from integrations.thinkific.events.people import DELETED, WITHHELD, arrive, note_activity, note_moment
from integrations.thinkific.mapping import person_of_enrollment
from integrations.thinkific.sync import conflicts
from integrations.thinkific.sync.enrollments import OVERLAP, apply_typed, what_is_missing
from integrations.thinkific.sync.holders import rows_through

MANY = 25  # enrollments to ask for one by one; above, the list of what changed costs fewer requests
TOGETHER = timedelta(seconds=30)  # between a lesson and the progress that it makes
MOMENT = 20.0
BEGINNING = datetime.min.replace(tzinfo=UTC)
LESSON = "lesson.completed"
BEGUN = ("enrollment.created", "enrollment.trial")


@dataclass
class Stored:
    pk: int
    updated_at: datetime | None
    removed: bool


@dataclass
class News:
    """Everything that a batch tells of one enrollment."""

    events: list[InboundEvent] = field(default_factory=list)
    snapshots: dict[int, payloads.Enrollment] = field(default_factory=dict)  # by event
    lessons: list[InboundEvent] = field(default_factory=list)
    people: list[schemas.User] = field(default_factory=list)
    newest: payloads.Enrollment | None = None
    found: schemas.Enrollment | None = None  # what Thinkific answered
    gone: bool = False

    def add(self, event: InboundEvent, told: payloads.Enrollment | payloads.Lesson) -> None:
        self.events.append(event)
        self.people += [told.user] if told.user else []
        if isinstance(told, payloads.Lesson):
            self.lessons.append(event)
            return
        self.snapshots[event.pk] = told
        if told.is_whole and (self.newest is None or _as_of(told) >= _as_of(self.newest)):
            self.newest = told


@dataclass
class Work:
    news: dict[int, News] = field(default_factory=dict)  # by the enrollment's Thinkific id
    stored: dict[int, Stored] = field(default_factory=dict)
    active: dict[int, datetime] = field(default_factory=dict)
    through: dict[Product, list[int]] = field(default_factory=dict)  # enrollments' Thinkific ids, by bundle
    verdicts: Verdicts = field(default_factory=dict)


def _as_of(told: payloads.Enrollment) -> datetime:
    return told.updated_at or BEGINNING


def prepare(events: list[InboundEvent], desk: Desk) -> Write:
    work = Work()
    for event in events:
        _read(event, work)
    rows = Enrollment.objects.filter(thinkific_id__in=list(work.news)).order_by()
    for number, pk, updated_at, removed_at in rows.values_list(
        "thinkific_id", "pk", "remote_updated_at", "removed_at"
    ):
        if updated_at and is_ahead(updated_at, timezone.now()):
            updated_at = None
        work.stored[number or 0] = Stored(pk, updated_at, removed_at is not None)
    _ask([number for number in work.news if _must_ask(number, work)], desk, work)
    _ask_for_bundles(desk, work)

    def write() -> Verdicts:
        return _store(work)

    return write


def _read(event: InboundEvent, work: Work) -> None:
    try:
        if event.topic == LESSON:
            lesson = read(event.payload, payloads.Lesson)
            work.news.setdefault(lesson.enrollment.id, News()).add(event, lesson)
            if lesson.user:
                note_moment(work.active, lesson.user.id, event)
        else:
            told = read(event.payload, payloads.Enrollment)
            if told.updated_at:
                told.updated_at = happened(told.updated_at, event.received_at)
            work.news.setdefault(told.id, News()).add(event, told)
    except Unreadable as problem:
        work.verdicts[event.pk] = failed(str(problem))


def _must_ask(number: int, work: Work) -> bool:
    news, stored = work.news[number], work.stored.get(number)
    if stored is not None and stored.removed:
        return True  # an event from before its end must not bring it back
    if news.newest is None and news.snapshots:
        return True
    known = max(
        (
            moment
            for moment in (stored and stored.updated_at, news.newest and news.newest.updated_at)
            if moment
        ),
        default=BEGINNING,
    )
    waiting = [e for e in news.lessons if (e.occurred_at or e.received_at) - TOGETHER > known]
    if not waiting:
        return False
    now = timezone.now()
    young = [e for e in waiting if e.attempts <= 1 and not is_older(e.received_at, now, than=TOGETHER)]
    if len(young) < len(waiting):
        return True
    for event in waiting:
        work.verdicts[event.pk] = later("Waits a moment for the progress that it made.", seconds=MOMENT)
    return False


def _ask(numbers: list[int], desk: Desk, work: Work) -> None:
    if len(numbers) > MANY:
        text = desk.pull(Kind.ENROLLMENTS, full=False)
        for number in numbers:
            work.verdicts |= {event.pk: processed(text) for event in work.news.pop(number).events}
        return
    for number in numbers:
        news = work.news[number]
        try:
            news.found = desk.ask(desk.client.get_enrollment, number)
        except NotFound:
            news.gone = True
        except ThinkificError as error:
            for event in work.news.pop(number).events:
                work.verdicts[event.pk] = desk.put_off(error, event.attempts)


def _ask_for_bundles(desk: Desk, work: Work) -> None:
    """Whether new enrollments came with a bundle, which no event says. It can wait: where Thinkific does not
    answer, a pull asks."""
    fresh = {
        (row.user_id, row.course_id): row.updated_at or timezone.now()
        for news in work.news.values()
        if any(event.topic in BEGUN for event in news.events) and (row := _row(news))
        if row.user_id and row.course_id
    }
    for bundle, users in perhaps_held(fresh).items():
        since = min(at for (user, _), at in fresh.items() if user in users) - OVERLAP
        try:
            work.through[bundle] = desk.ask(rows_through, desk.client, bundle, users, since)
        except ThinkificError:
            return


def _store(work: Work) -> Verdicts:
    now, applied = timezone.now(), Applied()
    # Without digests: events have other words than the list, and equal facts need no writing.
    rows: list[tuple[schemas.Enrollment, int | None]] = [
        (row, None) for news in work.news.values() if (row := _row(news))
    ]
    # Their names as the event has them count; the list knows only one name in one piece.
    people = [person_of_enrollment(row) for row, _ in rows if not what_is_missing(row)]
    people += [person for news in work.news.values() for person in news.people]
    here = arrive(people, applied, now=now)
    deleted = deleted_here({person.id for person in people} - here.keys())
    applied += apply_typed(
        rows, known_digests(Enrollment, [row.id for row, _ in rows]), source=SOURCE, now=now
    )
    gone = [work.stored[n].pk for n, news in work.news.items() if news.gone and n in work.stored]
    remove_enrollments(gone, source=SOURCE, now=now)
    conflicts.keep(applied.conflicts)
    store_certificates(
        (told, event)
        for news in work.news.values()
        for event in news.events
        if (told := _completed(news, event))
    )
    for bundle, ids in work.through.items():
        _, holders = apply_bundle_rows(bundle, ids, now=now)
        total_up_bundles(holders, source=SOURCE)
    total_up_students_of(list(work.news), source=SOURCE)
    note_activity(work.active)
    wrong = problems(applied)
    verdicts: Verdicts = {}
    for number, news in work.news.items():
        told_of = {person.id for person in news.people}
        for event in news.events:
            known = not (told_of and told_of <= deleted)
            verdict = _verdict(number, news, event, work, wrong) if known else ignored(DELETED)
            verdicts[event.pk] = ignored(WITHHELD) if _is_withheld(news, told_of, applied) else verdict
    return verdicts | work.verdicts


def _is_withheld(news: News, told_of: set[int], applied: Applied) -> bool:
    row = _row(news)
    people = told_of | ({row.user_id} if row is not None and row.user_id is not None else set())
    return bool(people) and people <= applied.withheld


def _row(news: News) -> schemas.Enrollment | None:
    if news.found is not None:
        return news.found
    return as_listed(news.newest) if news.newest is not None else None


def _completed(news: News, event: InboundEvent) -> payloads.Enrollment | None:
    told = news.snapshots.get(event.pk)
    return told if told is not None and told.credential_id else None


def _verdict(number: int, news: News, event: InboundEvent, work: Work, wrong: dict[str, str]) -> Verdict:
    stored = work.stored.get(number)
    if news.gone:
        return processed("No longer in Thinkific." + (" Marked as removed." if stored else ""))
    problem = wrong.get(f"Enrollment {number}")
    if problem:
        return failed(problem)
    if news.found is not None:
        return processed("Read from Thinkific and stored.")
    told = news.snapshots.get(event.pk)
    if told is None:
        return processed("Activity noted; the progress is stored already.")
    if stored is not None and stored.updated_at is not None and _as_of(told) < stored.updated_at:
        return ignored("Older than what is stored; nothing changed.")
    if news.newest is not None and _as_of(told) < _as_of(news.newest):
        return ignored("A newer event of the same enrollment was stored.")
    return processed("Stored.")
