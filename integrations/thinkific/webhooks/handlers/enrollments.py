"""The topics enrollment.created, .trial, .progress, .completed and lesson.completed.

The snapshot of an event is stored unless a newer one is stored. Thinkific is asked if the snapshot is not
whole or the enrollment is marked as removed. lesson.completed has no progress. An enrollment.progress with
the progress nearly always follows, so the lesson waits for it before Thinkific is asked.
"""

from collections.abc import Container, Mapping
from datetime import timedelta
from functools import partial

from django.utils import timezone

from core.models import Enrollment, Product
from core.moments import happened, is_ahead, is_older
from core.services.mirror.bundles import (
    apply_bundle_rows,
    possible_bundles,
    total_up_bundles,
    total_up_students_of,
)
from core.services.mirror.catalog import product_ids
from core.services.mirror.digests import known_digests
from core.services.mirror.enrollments import remove_enrollments
from core.services.mirror.outcome import Applied
from core.services.mirror.people import deleted_here
from integrations.models import InboundEvent, Kind
from integrations.thinkific import conflicts
from integrations.thinkific.client import schemas
from integrations.thinkific.client.errors import NotFound, ThinkificError
from integrations.thinkific.pull.bundle_holders import rows_through
from integrations.thinkific.pull.enrollments import OVERLAP, apply_typed
from integrations.thinkific.webhooks import payloads, retries
from integrations.thinkific.webhooks.batch import SOURCE, Batch, problems
from integrations.thinkific.webhooks.handlers import catalog
from integrations.thinkific.webhooks.handlers.certificates import store_certificates
from integrations.thinkific.webhooks.handlers.enrollment_facts import BEGINNING, Report, Stored, Work, as_of
from integrations.thinkific.webhooks.handlers.people import DELETED, WITHHELD, note_activity, note_moment
from integrations.thinkific.webhooks.handlers.unknown_people import (
    look_up_people,
    store_people,
    unknown_person,
)
from integrations.thinkific.webhooks.inbox import Verdict, Verdicts, Write, failed, ignored, later, processed
from integrations.thinkific.webhooks.payloads import Unreadable, read

MANY = 25  # enrollments to ask for one by one; for more, a pull of changes needs fewer requests
PROGRESS_DELAY = timedelta(seconds=30)  # longest time between a lesson and the progress that it makes
LESSON_WAIT = 20.0  # seconds that a lesson waits for its progress
LESSON = "lesson.completed"
CREATED_TOPICS = ("enrollment.created", "enrollment.trial")


def prepare(events: list[InboundEvent], batch: Batch) -> Write:
    work = Work()
    for event in events:
        _read(event, work)
    rows = Enrollment.objects.filter(thinkific_id__in=list(work.reports)).order_by()
    for number, pk, updated_at, removed_at in rows.values_list(
        "thinkific_id", "pk", "remote_updated_at", "removed_at"
    ):
        if updated_at and is_ahead(updated_at, timezone.now()):
            updated_at = None
        work.stored[number or 0] = Stored(pk, updated_at, removed_at is not None)
    _ask([number for number in work.reports if _must_ask(number, work)], batch, work)
    _look_up_people(batch, work)
    _ask_for_courses(batch, work)
    _ask_for_bundles(batch, work)

    def write() -> Verdicts:
        return _store(work)

    return write


def _read(event: InboundEvent, work: Work) -> None:
    try:
        if event.topic == LESSON:
            lesson = read(event.payload, payloads.Lesson)
            work.reports.setdefault(lesson.enrollment.id, Report()).add(event, lesson)
            if lesson.user:
                note_moment(work.active, lesson.user.id, event)
        else:
            told = read(event.payload, payloads.Enrollment)
            if told.updated_at:
                told.updated_at = happened(told.updated_at, event.received_at)
            work.reports.setdefault(told.id, Report()).add(event, told)
    except Unreadable as problem:
        work.verdicts[event.pk] = failed(str(problem))


def _must_ask(number: int, work: Work) -> bool:
    report, stored = work.reports[number], work.stored.get(number)
    if stored is not None and stored.removed:
        return True  # the event may be older than the removal
    if report.newest is None and report.snapshots:
        return True
    known = max(
        (
            moment
            for moment in (stored and stored.updated_at, report.newest and report.newest.updated_at)
            if moment
        ),
        default=BEGINNING,
    )
    waiting = [e for e in report.lessons if (e.occurred_at or e.received_at) - PROGRESS_DELAY > known]
    if not waiting:
        return False
    now = timezone.now()
    young = [e for e in waiting if e.attempts <= 1 and not is_older(e.received_at, now, than=PROGRESS_DELAY)]
    if len(young) < len(waiting):
        return True
    for event in waiting:
        work.verdicts[event.pk] = later("Waits for the progress of this lesson.", seconds=LESSON_WAIT)
    return False


def _ask(numbers: list[int], batch: Batch, work: Work) -> None:
    if len(numbers) > MANY:
        _leave_to_a_pull(numbers, batch, work)
        return
    answers = batch.ask_all({number: partial(batch.client.rest.get_enrollment, number) for number in numbers})
    for number, answer in answers.items():
        report = work.reports[number]
        if isinstance(answer, NotFound):
            report.gone = True
        elif isinstance(answer, ThinkificError):
            _postpone(number, answer, batch, work)
        else:
            report.found = answer


def _leave_to_a_pull(numbers: list[int], batch: Batch, work: Work) -> None:
    if numbers:
        text = batch.pull(Kind.ENROLLMENTS, full=False)
        for number in numbers:
            work.verdicts |= {event.pk: processed(text) for event in work.reports.pop(number).events}


def _postpone(number: int, error: ThinkificError, batch: Batch, work: Work) -> None:
    for event in work.reports.pop(number).events:
        work.verdicts[event.pk] = retries.postpone(error, event.attempts)


def _look_up_people(batch: Batch, work: Work) -> None:
    """Ask for people who are not stored here.

    If Thinkific does not know them, their enrollments are removed.
    """
    persons = {n for report in work.reports.values() if not report.gone for n in report.persons}
    work.lookup = look_up_people(persons, batch)
    not_found, errors = work.lookup.not_found, work.lookup.errors
    left: list[int] = []
    for number, report in list(work.reports.items()):
        if report.gone:
            continue
        if error := next((errors[n] for n in report.persons if n in errors), None):
            _postpone(number, error, batch, work)
        elif report.persons & work.lookup.not_asked:
            left.append(number)
        elif report.persons and report.persons <= not_found:
            work.gone += [work.stored[number].pk] if number in work.stored else []
            work.verdicts |= {event.pk: unknown_person(event) for event in work.reports.pop(number).events}
    _leave_to_a_pull(left, batch, work)


def _ask_for_courses(batch: Batch, work: Work) -> None:
    """Ask for courses that are not stored here.

    A course that REST does not show may be one of the new course builder. Then Thinkific is asked for the
    enrollment. If it exists, a pull of products brings the course.
    """
    course_of = {
        n: report.row.course_id
        for n, report in work.reports.items()
        if report.row and report.row.course_id and not report.gone
    }
    wanted = set(course_of.values())
    missing = wanted - {number for _, number in product_ids((Product.Type.COURSE, n) for n in wanted)}
    hidden: set[int] = set()
    errors: dict[int, ThinkificError] = {}
    for course in sorted(missing):
        try:
            if not catalog.ask_for_course(course, batch, work.courses):
                hidden.add(course)
        except ThinkificError as error:
            errors[course] = error
    for number, course in course_of.items():
        if course in errors:
            _postpone(number, errors[course], batch, work)
    doubtful = [n for n, course in course_of.items() if course in hidden]
    _ask([n for n in doubtful if work.reports[n].found is None], batch, work)
    if any(n in work.reports and not work.reports[n].gone for n in doubtful):
        batch.pull(Kind.PRODUCTS, full=True)


def _ask_for_bundles(batch: Batch, work: Work) -> None:
    """Ask whether new enrollments belong to a bundle, because no event says so.

    If Thinkific does not answer, the next pull asks.
    """
    fresh = {
        (row.user_id, row.course_id): row.updated_at or timezone.now()
        for report in work.reports.values()
        if any(event.topic in CREATED_TOPICS for event in report.events)
        and not report.gone
        and (row := report.row)
        if row.user_id and row.course_id
    }
    for bundle, users in possible_bundles(fresh).items():
        since = min(at for (user, _), at in fresh.items() if user in users) - OVERLAP
        try:
            work.through[bundle] = batch.ask(rows_through, batch.client, bundle, users, since)
        except ThinkificError:
            return


def _store(work: Work) -> Verdicts:
    now, applied = timezone.now(), Applied()
    persons = {n for report in work.reports.values() for n in report.persons}
    here = store_people(work.lookup, persons, applied, now=now)
    deleted = deleted_here(persons - here.keys())
    catalog.store(work.courses)
    # Without digests: an event has other fields than the list. Equal facts are not written anyway.
    rows: list[tuple[schemas.Enrollment, int | None]] = [
        (row, None)
        for report in work.reports.values()
        if (row := report.row) and not report.gone and (row.user_id is None or row.user_id in here)
    ]
    known = known_digests(Enrollment, [row.id for row, _ in rows])
    applied += apply_typed(rows, known, source=SOURCE, now=now)
    gone = [work.stored[n].pk for n, report in work.reports.items() if report.gone and n in work.stored]
    remove_enrollments(gone + work.gone, source=SOURCE, now=now)
    conflicts.keep(applied.conflicts)
    store_certificates(
        (told, event)
        for report in work.reports.values()
        for event in report.events
        if (told := _completed(report, event))
    )
    for bundle, ids in work.through.items():
        _, holders = apply_bundle_rows(bundle, ids, source=SOURCE, now=now)
        total_up_bundles(holders, source=SOURCE)
    total_up_students_of(list(work.reports), source=SOURCE)
    note_activity(work.active)
    wrong = problems(applied)
    verdicts: Verdicts = {}
    for number, report in work.reports.items():
        no_person = (
            None if report.gone else _verdict_without_person(report, here, deleted, applied.withheld, wrong)
        )
        for event in report.events:
            verdicts[event.pk] = no_person or _verdict(number, report, event, work, wrong)
    return verdicts | work.verdicts


def _verdict_without_person(
    report: Report, here: Container[int], deleted: set[int], withheld: set[int], wrong: Mapping[str, str]
) -> Verdict | None:
    """Returns the verdict if none of the people that it names are stored here; else None."""
    persons = report.persons
    if not persons or any(number in here for number in persons):
        return None
    if persons <= deleted:
        return ignored(DELETED)
    if persons <= withheld:
        return ignored(WITHHELD)
    reasons = [wrong[f"User {number}"] for number in persons if f"User {number}" in wrong]
    who = ", ".join(map(str, sorted(persons)))
    return failed(reasons[0] if reasons else f"Its student, Thinkific user {who}, is unknown here.")


def _completed(report: Report, event: InboundEvent) -> payloads.Enrollment | None:
    told = report.snapshots.get(event.pk)
    return told if told is not None and told.credential_id else None


def _verdict(number: int, report: Report, event: InboundEvent, work: Work, wrong: dict[str, str]) -> Verdict:
    stored = work.stored.get(number)
    if report.gone:
        return processed("No longer in Thinkific." + (" Marked as removed." if stored else ""))
    problem = wrong.get(f"Enrollment {number}")
    if problem:
        return failed(problem)
    if report.found is not None:
        return processed("Read from Thinkific and stored.")
    told = report.snapshots.get(event.pk)
    if told is None:
        return processed("Activity noted; the progress is stored already.")
    if stored is not None and stored.updated_at is not None and as_of(told) < stored.updated_at:
        return ignored("Older than what is stored; nothing changed.")
    if report.newest is not None and as_of(told) < as_of(report.newest):
        return ignored("A newer event of the same enrollment was stored.")
    return processed("Stored.")
