"""Pulls quiz results and certificates, which only GraphQL has."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from msgspec import UNSET, UnsetType

from core.models import Certificate, Enrollment, Product, QuizResult, UnreadRecords
from core.services.mirror.outcome import Applied
from core.services.mirror.results import apply_certificates, apply_quiz_results, ensure_quizzes
from core.services.mirror.table import mark_removed
from integrations.thinkific.cleaning import Notes, Unusable
from integrations.thinkific.client import schemas
from integrations.thinkific.client.errors import Endless, NotFound
from integrations.thinkific.client.graphql import lists
from integrations.thinkific.client.graphql.observed import LARGEST_SIZE
from integrations.thinkific.client.schemas import parse_graphql_id
from integrations.thinkific.mapping import certificate_row, quiz_row, submission_row
from integrations.thinkific.pull import departed_people, unread
from integrations.thinkific.pull.recreated_accounts import Claims
from integrations.thinkific.pull.result_students import claims_of, leave_out, number_of, students
from integrations.thinkific.pull.watermarks import begin, note_newest, set_watermark
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.deletion_guard import mark_missing
from integrations.thinkific.runs.jobs import Ask, Job
from integrations.thinkific.runs.leaving import NeedsToken
from integrations.thinkific.runs.lifecycle import RETURNED
from integrations.thinkific.runs.list_walk import top_of
from integrations.thinkific.runs.state import NodesPlace

OVERLAP = timedelta(minutes=10)
SPARE = 10  # certificates that may be new since the last pull


class ResultsPlace(NodesPlace):
    top: int | UnsetType = UNSET
    course: int = 0  # of certificates: the last course (primary key) that is done
    nameless: int = 0  # rows that came without an id


def _require_token(context: RunContext, what: str) -> None:
    if not context.client.credentials.token:
        raise NeedsToken(
            f"{what} can only be read with an API access token (THINKIFIC_ACCESS_TOKEN), and there is none. "
            "Nothing was pulled; new ones still arrive by webhooks."
        )


def pull_quiz_results(context: RunContext) -> None:
    """Pull results that were completed since the last pull, or all of them in a full run."""
    _require_token(context, "The history of quiz results")
    if RETURNED in context.run.options:
        return _read_returned_results(context)
    since, place = begin(context), context.place(ResultsPlace)
    if place.top is UNSET:
        place.top = top_of(QuizResult.objects.all())
    completed_from = since - OVERLAP if since else None
    if not place.done:
        pages = lists.quiz_submissions(
            context.client.graphql, after=place.after, completed_from=completed_from
        )
        for page in context.in_advance(pages):
            claims = claims_of(context, page.rows)

            def write(page: lists.GraphPage[schemas.QuizSubmission] = page, claims: Claims = claims) -> None:
                _store_submissions(context, page.rows, claims)
                place.note(page)
                context.run.pages_done += 1

            context.store(write)
    departed_people.note_gone(context, "quiz results")
    set_watermark(context, since)
    if since is None:
        unread.note_all_read(context)
        stored = QuizResult.objects.filter(thinkific_id__isnull=False, removed_at__isnull=True)
        mark_missing(
            context,
            "quiz results",
            stored,
            partial(mark_removed, QuizResult),
            top=place.top,
            nameless=place.nameless,
            what="quiz results",
        )
    return None


def _read_returned_results(context: RunContext) -> None:
    """Read the results of people who came back."""
    people = unread.returned_people(context)
    context.run.full = False
    numbers = [person.thinkific_id for person in people if person.thinkific_id is not None]
    pages = lists.quiz_submissions(context.client.graphql, user_ids=numbers)
    for page in context.in_advance(pages) if numbers else ():
        claims = claims_of(context, page.rows)

        def write(page: lists.GraphPage[schemas.QuizSubmission] = page, claims: Claims = claims) -> None:
            _store_submissions(context, page.rows, claims)
            context.run.pages_done += 1

        context.store(write)
    context.store(lambda: unread.note_read(context, people))


def _store_submissions(context: RunContext, rows: lists.Rows[schemas.QuizSubmission], claims: Claims) -> None:
    applied, notes = Applied(), Notes()
    numbers = [*map(number_of, rows), *map(number_of, rows.bad)]
    known = dict(QuizResult.objects.filter(thinkific_id__in=numbers).values_list("thinkific_id", "pk"))
    place = context.place(ResultsPlace)
    place.nameless += numbers.count(None)
    note_newest(context, [row.completed_at for row in rows if row.completed_at])
    for bad in rows.bad:
        applied.fail(f"Quiz result {bad.id}", bad.message, pk=known.get(parse_graphql_id(bad.id)))
    quizzes = ensure_quizzes(
        {
            number: quiz_row(row.quiz, notes)
            for row in rows
            if row.quiz and (number := parse_graphql_id(row.quiz.id))
        }
    )
    dated = [(row, row.created_at or row.completed_at) for row in rows]
    users, left_out = students(dated, applied, context, claims)
    values = []
    for row in rows:
        number = parse_graphql_id(row.id)
        if number in left_out:
            leave_out(number, row, known, applied)
            continue
        quiz = quizzes.get(parse_graphql_id(row.quiz.id) or 0) if row.quiz else None
        user = users.get(parse_graphql_id(row.user.id) or 0) if row.user else None
        if number is None or quiz is None or user is None:
            lacking = "id" if number is None else "quiz" if quiz is None else "person"
            applied.fail(
                f"Quiz result {row.id}", f"Its {lacking} is missing or unknown.", pk=known.get(number)
            )
        else:
            values.append(submission_row(row, number=number, user_id=user, quiz_id=quiz, notes=notes))
    applied += apply_quiz_results(values, source=context.source)
    applied.issues += notes.issues
    context.run.fetched += len(rows) + len(rows.bad)
    context.count(applied)
    context.seen("quiz results").add(pk for pk in applied.met if pk <= (place.top or 0))


def pull_certificates(context: RunContext) -> None:
    """Pull all certificates, course by course: there is no list of all and no filter by date."""
    _require_token(context, "Certificates")
    place = context.place(ResultsPlace)
    if place.top is UNSET:
        place.top = top_of(Certificate.objects.all())
    courses = Product.objects.courses().filter(removed_at__isnull=True).order_by("pk")
    # GraphQL does not say whether a course of the new builder has certificates, so those are asked too.
    courses = courses.exclude(source=Product.Source.REST, has_certificate=False)
    if RETURNED in context.run.options:
        context.run.full = False
        returned = UnreadRecords.objects.filter(kind=context.run.kind).values("user")
        done = Enrollment.objects.filter(user__in=returned, completed_at__isnull=False).values("product")
        courses = courses.filter(pk__in=done)
    context.run.pages_total = courses.count()
    todo = list(courses.filter(pk__gt=place.course))
    for course, pages in certificates_of(context, todo, after=place.after):
        _pull_certificates_of(context, course, pages)
    departed_people.note_gone(context, "certificates")
    unread.note_all_read(context)
    if RETURNED in context.run.options:
        return
    stored = Certificate.objects.filter(removed_at__isnull=True, product__in=courses)
    mark_missing(
        context,
        "certificates",
        stored,
        partial(mark_removed, Certificate),
        top=place.top,
        nameless=place.nameless,
        what="certificates",
    )


def _pull_certificates_of(context: RunContext, course: Product, pages: "Certificates") -> None:
    try:
        for page in pages:
            claims = claims_of(context, page.rows)

            def write(page: lists.GraphPage[schemas.Certificate] = page, claims: Claims = claims) -> None:
                _store_certificates(context, course, page.rows, claims)
                if page.has_next:
                    context.place(ResultsPlace).after = page.next_cursor
                else:
                    _next_course(context, course)

            context.store(write)
    except NotFound:
        why = "GraphQL does not know this course; its certificates could not be read."
        context.store(lambda: _pass_over(context, course, why))
    except Endless as error:
        why = str(error)
        context.store(lambda: _pass_over(context, course, why))


def _next_course(context: RunContext, course: Product) -> None:
    place = context.place(ResultsPlace)
    place.course, place.after = course.pk, None
    context.run.pages_done += 1


def _pass_over(context: RunContext, course: Product, why: str) -> None:
    """Skip a course that cannot be read. Its stored certificates count as seen."""
    context.note(str(course), why)
    met = Certificate.objects.filter(
        product=course, pk__lte=context.place(ResultsPlace).top or 0, removed_at__isnull=True
    )
    context.seen("certificates").add(met.values_list("pk", flat=True))
    context.partial = True
    _next_course(context, course)


Certificates = Iterator[lists.GraphPage[schemas.Certificate]]


def certificates_of(
    context: RunContext, courses: list[Product], *, after: str | None
) -> Iterator[tuple[Product, Certificates]]:
    """Yields each course with the pages of its certificates; those of the first course begin after the cursor
    `after`. Reading the pages raises NotFound and Endless."""
    jobs = (_first_page(context, course, None if n else after) for n, course in enumerate(courses))
    for course, found in zip(courses, context.side_by_side(jobs), strict=True):
        yield course, _pages(context, course, found)


FirstPage = lists.GraphPage[schemas.Certificate] | NotFound | Endless


def _first_page(context: RunContext, course: Product, after: str | None) -> Job[FirstPage]:
    """Request the first page of certificates, about as large as the number that is expected.

    A query costs points for all rows that it requests, even if there are fewer. Most courses have few
    certificates, and four large pages would use the points of a minute.
    """
    known = Certificate.objects.filter(product=course).count()
    if not known:  # the first time: nearly everybody who has completed the course has one
        known = Enrollment.objects.filter(product=course, completed_at__isnull=False).count()
    first = min(max(known + SPARE, 2 * SPARE), LARGEST_SIZE)
    pages = lists.course_certificates(context.client.graphql, course.productable_id, after=after, first=first)
    try:
        [page] = yield [Ask(partial(next, pages), points=True)]
    except (NotFound, Endless) as error:
        return error
    return page


def _pages(context: RunContext, course: Product, first: FirstPage) -> Certificates:
    if isinstance(first, NotFound | Endless):
        raise first
    yield first
    if first.has_next:
        further = lists.course_certificates(
            context.client.graphql, course.productable_id, after=first.next_cursor
        )
        yield from context.in_advance(further)


def _store_certificates(
    context: RunContext, course: Product, rows: lists.Rows[schemas.Certificate], claims: Claims
) -> None:
    applied, notes, values = Applied(), Notes(), []
    numbers = [*map(number_of, rows), *map(number_of, rows.bad)]
    known = dict(Certificate.objects.filter(thinkific_id__in=numbers).values_list("thinkific_id", "pk"))
    place = context.place(ResultsPlace)
    place.nameless += numbers.count(None)
    for bad in rows.bad:
        applied.fail(f"Certificate {bad.id}", bad.message, pk=known.get(parse_graphql_id(bad.id)))
    users, left_out = students([(row, row.issued_at) for row in rows], applied, context, claims)
    site_url = context.client.credentials.site_url
    for row in rows:
        if (number := number_of(row)) in left_out:
            leave_out(number or 0, row, known, applied)
            continue
        user = users.get(parse_graphql_id(row.user.id) or 0) if row.user else None
        try:
            if user is None:
                raise Unusable("Its person is unknown.")
            values.append(certificate_row(row, notes, user_id=user, product_id=course.pk, site_url=site_url))
        except Unusable as error:
            applied.fail(f"Certificate {row.id}", str(error), pk=known.get(parse_graphql_id(row.id)))
    applied += apply_certificates(values, source=context.source)
    applied.issues += notes.issues
    context.run.fetched += len(rows) + len(rows.bad)
    context.count(applied)
    context.seen("certificates").add(pk for pk in applied.met if pk <= (place.top or 0))
