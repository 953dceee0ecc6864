"""Pulls enrollments: those that changed, or all of them, and then who has which bundle."""

from datetime import datetime, timedelta
from functools import partial

from core.models import Enrollment, User
from core.models.catalog import TITLE_LENGTH
from core.services.mirror.bundles import total_up_students_of
from core.services.mirror.catalog import ensure_courses
from core.services.mirror.digests import known_digests
from core.services.mirror.enrollments import apply_enrollments, remove_enrollments
from core.services.mirror.outcome import Applied
from core.services.mirror.people import deleted_here
from core.services.mirror.source import Source
from integrations.thinkific.cleaning import Notes
from integrations.thinkific.client import schemas
from integrations.thinkific.client.decoding import BadRow
from integrations.thinkific.mapping import enrollment_row, person_of_enrollment
from integrations.thinkific.pull import departed_people, recreated_accounts, unread
from integrations.thinkific.pull.bundle_holders import (
    ask_for_new_holders,
    find_bundles,
    note_fresh,
    pull_holders,
)
from integrations.thinkific.pull.changed_rows import Known, changed_rows, postpone
from integrations.thinkific.pull.people import ensure_users, primary_keys
from integrations.thinkific.pull.watermarks import Changes, begin, note_newest, set_watermark
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.deletion_guard import mark_missing
from integrations.thinkific.runs.jobs import Ask, Job
from integrations.thinkific.runs.lifecycle import RETURNED
from integrations.thinkific.runs.list_walk import Pulled, note_incomplete, walk
from integrations.thinkific.runs.pages import RawPage, RawRow, decode_row
from integrations.thinkific.runs.state import COMPLETE, SHORT

# Enrollments that changed shortly before the last pull are read again: Thinkific's filter excludes the moment
# itself, its precision is not documented, and rows may move between pages while they are read.
OVERLAP = timedelta(minutes=5)


def pull_enrollments(context: RunContext) -> None:
    """Pull enrollments that changed since the last pull. A full run pulls all of them and the holders of
    bundles, and marks missing ones as removed."""
    if RETURNED in context.run.options:
        return read_returned(context)
    since = begin(context)

    def apply(pages: list[RawPage]) -> Applied:
        return apply_pages(pages, source=context.source, now=context.now, context=context)

    walked = walk(
        "/enrollments",
        Pulled(context, "enrollments", apply, row_type=schemas.Enrollment),
        stored=Enrollment.objects.all(),
        filters={"updated_after": since - OVERLAP} if since else None,
        asked=since is None,
    )
    recreated_accounts.store_postponed(
        context, lambda rows, known: apply_rows(rows, known, source=context.source, now=context.now)
    )
    departed_people.note_gone(context, "enrollments")
    if walked.complete:
        set_watermark(context, since)
    if since is not None:
        if walked.verdict not in (COMPLETE, SHORT):
            note_incomplete(context, "changed enrollments", walked)
        ask_for_new_holders(context, since - OVERLAP)
        return None  # rows that this walk missed are read by the next one, because of OVERLAP
    mark_missing(
        context,
        "enrollments",
        Enrollment.objects.filter(thinkific_id__isnull=False, removed_at__isnull=True),
        remove_enrollments,
        walked=walked,
        what="enrollments",
        ask=context.client.rest.get_enrollment,
    )
    if walked.complete:
        pull_holders(context, top=walked.top)
        unread.note_all_read(context)
    return None


def read_returned(context: RunContext) -> None:
    """Read the enrollments of people who came back, with a request for each, and which bundles they have."""
    people = unread.returned_people(context)
    context.run.full, context.run.pages_total = False, len(people)
    for person, rows in context.side_by_side(_enrollments_of(context, one) for one in people):

        def write(person: User = person, rows: list[schemas.Enrollment] = rows) -> None:
            ids = [row.id for row in rows]
            known = known_digests(Enrollment, ids)
            typed: list[tuple[schemas.Enrollment, int | None]] = [(row, None) for row in rows]
            context.count(apply_typed(typed, known, source=context.source, now=context.now))
            total_up_students_of(ids, source=context.source)
            context.run.fetched += len(rows)
            context.run.pages_done += 1

        context.store(write)
        find_bundles(context, {(e.user_id, e.course_id) for e in rows if e.user_id and e.course_id})
        context.store(partial(unread.note_read, context, [person]))


def _enrollments_of(context: RunContext, person: User) -> Job[tuple[User, list[schemas.Enrollment]]]:
    pages = context.client.rest.list_all("/enrollments", schemas.Enrollment, {"user_id": person.thinkific_id})
    [rows] = yield [Ask(partial(list, pages))]
    return person, rows


def apply_pages(
    pages: list[RawPage], *, source: Source, now: datetime, context: RunContext | None = None
) -> Applied:
    """Store the enrollments on these pages. With `context`, note the newest change. The bundle enrollments
    are updated at once; a full pull updates them at its end."""
    applied = Applied()
    none_stored = context is not None and context.writer.has_none_stored("enrollments")
    changed, known = changed_rows(Enrollment, pages, applied, none_stored=none_stored)
    if changed:
        contested = recreated_accounts.waiting_list(context)
        applied += apply_rows(changed, known, source=source, now=now, context=context, contested=contested)
        if context is not None and contested:
            postpone(context, [row for row in changed if row.id in contested])
        if context is None or not context.run.full:
            total_up_students_of([row.id for row in changed], source=source)
    return applied


def apply_rows(
    rows: list[RawRow],
    known: Known,
    *,
    source: Source,
    now: datetime,
    context: RunContext | None = None,
    contested: list[int] | None = None,
) -> Applied:
    """Store these enrollments. Unknown students and courses are stored with the values that the rows have.

    With `contested`, enrollments of people whose e-mail address belongs to another account here are not
    stored; their Thinkific ids are added to that list.
    """
    applied = Applied()
    readable: list[tuple[schemas.Enrollment, int | None]] = []
    for row in rows:
        enrollment = decode_row(row, schemas.Enrollment)
        if isinstance(enrollment, BadRow):
            _fail(row.id, enrollment.message, known, applied)
        else:
            readable.append((enrollment, row.digest))
    if context is not None:
        note_newest(context, [e.updated_at for e, _ in readable if e.updated_at])
        note_fresh(context, [e for e, _ in readable])
    applied += apply_typed(readable, known, source=source, now=now, context=context, contested=contested)
    return applied


def apply_typed(
    rows: list[tuple[schemas.Enrollment, int | None]],
    known: Known,
    *,
    source: Source,
    now: datetime,
    context: RunContext | None = None,
    contested: list[int] | None = None,
) -> Applied:
    """As `apply_rows`, for decoded enrollments, each with its digest (None if it is not from a list)."""
    applied = Applied()
    whole = []
    for e, digest in rows:
        if e.user_id is None or e.course_id is None:
            _fail(e.id, what_is_missing(e), known, applied)
        else:
            whole.append((e, digest))
    rows = whole
    claimants: list[int] | None = None if contested is None else []  # people
    readable = [e for e, _ in rows]
    users, departed = _students(readable, applied, claimants, source=source, now=now, context=context)
    courses = _courses(readable, context)
    missing = {e.user_id or 0 for e in readable} - users.keys()
    deleted = deleted_here(missing)
    rows = recreated_accounts.without_former(rows, missing - deleted, known, applied, source=source, now=now)
    values, notes = [], Notes()
    for e, digest in rows:
        if e.user_id in deleted or e.user_id in applied.withheld or e.user_id in departed:
            applied.leave_out([e.id])
            continue
        if contested is not None and e.user_id in (claimants or ()):
            contested.append(e.id)
            if e.id in known:
                applied.met.append(known[e.id][0])
            else:
                applied.lost.add(e.id)
            continue
        if e.user_id not in users:
            why = f"Its student, Thinkific user {e.user_id}, is unknown here and has no e-mail address."
            _fail(e.id, why, known, applied)
            continue
        user, course = users[e.user_id], courses[e.course_id or 0]
        values.append(enrollment_row(e, user_id=user, product_id=course, digest=digest, now=now, notes=notes))
    listed_since = (context.place(Changes).asked_at or None) if context and context.run.full else None
    applied += apply_enrollments(values, known=known, source=source, listed_since=listed_since)
    applied.issues += notes.issues
    return applied


def _students(
    rows: list[schemas.Enrollment],
    applied: Applied,
    contested: list[int] | None,
    *,
    source: Source,
    now: datetime,
    context: RunContext | None,
) -> tuple[dict[int, int], set[int]]:
    """Returns `Thinkific id -> primary key` of the students, and with `context` the Thinkific ids of those
    who are gone from Thinkific."""
    users = primary_keys({e.user_id for e in rows if e.user_id is not None})
    unknown = [one for e in rows if e.user_id not in users and (one := named_person(e)) is not None]
    if not unknown:
        return users, set()
    if context is None:
        named = (person for person, _ in unknown)
        return users | ensure_users(named, applied, source=source, now=now, contested=contested), set()
    made, departed = departed_people.students(unknown, applied, source=source, now=now, contested=contested)
    context.numbers(departed_people.NAME).add(e.id for e in rows if e.user_id in departed)
    return users | made, departed


def _courses(rows: list[schemas.Enrollment], context: RunContext | None) -> dict[int, int]:
    """Returns `course id -> primary key`. A run looks each course up once, because keys do not change."""
    known = {} if context is None or context.dry_run else context.courses
    names = {e.course_id: e.course_name for e in rows if e.course_id and e.course_id not in known}
    if names:
        texts = {course: Notes().text(name, TITLE_LENGTH, "", "") for course, name in names.items()}
        known |= ensure_courses(texts)
    return known


def named_person(enrollment: schemas.Enrollment) -> departed_people.NamedPerson | None:
    """Returns the student as the enrollment names them, and a moment at which they existed."""
    if enrollment.user_id is None:
        return None
    return person_of_enrollment(enrollment), enrollment.created_at or enrollment.updated_at


def what_is_missing(enrollment: schemas.Enrollment) -> str:
    if enrollment.user_id is None:
        return "It names no student."
    return "It names no course." if enrollment.course_id is None else ""


def _fail(number: int, message: str, known: Known, applied: Applied) -> None:
    pk = known[number][0] if number in known else None
    applied.fail(f"Enrollment {number}", message, pk=pk, number=number)
