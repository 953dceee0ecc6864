"""Pulling quiz results and certificates, which only GraphQL has."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from django.db.models import Max
from django.utils.dateparse import parse_datetime

from core.models import Certificate, Enrollment, Product, QuizResult
from core.services.mirror.outcome import Applied
from core.services.mirror.results import apply_certificates, apply_quiz_results, ensure_quizzes
from core.services.mirror.table import mark_removed
from integrations.models import Kind
from integrations.thinkific.cleaning import Notes, Unusable
from integrations.thinkific.client import schemas
from integrations.thinkific.client.errors import Endless, NotFound
from integrations.thinkific.client.graphql import lists
from integrations.thinkific.client.graphql.observed import LARGEST_SIZE
from integrations.thinkific.client.schemas import parse_graphql_id
from integrations.thinkific.mapping import certificate_row, quiz_row, submission_row
from integrations.thinkific.pull import departed_people
from integrations.thinkific.pull.recreated_accounts import Claims
from integrations.thinkific.pull.result_students import claims_of, leave_out, number_of, students
from integrations.thinkific.pull.watermarks import last_watermark, note_newest, set_watermark
from integrations.thinkific.runs.context import Pull
from integrations.thinkific.runs.deletion_guard import mark_missing
from integrations.thinkific.runs.jobs import Ask, Job
from integrations.thinkific.runs.leaving import NeedsToken

OVERLAP = timedelta(minutes=10)
SPARE = 10  # certificates that may have come since the last look


def _require_token(pull: Pull, what: str) -> None:
    if not pull.client.credentials.token:
        raise NeedsToken(
            f"{what} can only be read with an API access token (THINKIFIC_ACCESS_TOKEN), and there is none. "
            "Nothing was pulled; new ones still arrive by webhooks."
        )


def pull_quiz_results(pull: Pull) -> None:
    """Results completed since the last pull, or with `full` all of them."""
    _require_token(pull, "The history of quiz results")
    if "since" not in pull.cursor:
        since = None if pull.run.full else last_watermark(Kind.QUIZ_RESULTS)
        pull.cursor.update(
            since=since.isoformat() if since else None,
            after=None,
            top=_top(QuizResult),
            asked_at=pull.now.isoformat(),
            nameless=0,
        )
    since = parse_datetime(pull.cursor["since"]) if pull.cursor["since"] else None
    pull.run.full = since is None  # each time the run is taken up: a kill leaves it as it was asked for
    completed_from = since - OVERLAP if since else None
    if not pull.cursor.get("done"):
        pages = lists.quiz_submissions(
            pull.client.graphql, after=pull.cursor["after"], completed_from=completed_from
        )
        for page in pull.in_advance(pages):
            claims = claims_of(pull, page.rows)

            def write(page: lists.GraphPage[schemas.QuizSubmission] = page, claims: Claims = claims) -> None:
                _store_submissions(pull, page.rows, claims)
                pull.cursor.update(after=page.next_cursor, done=not page.has_next)
                pull.run.pages_done += 1

            pull.store(write)
    departed_people.note_gone(pull, "quiz results")
    set_watermark(pull, since)
    if since is None:
        stored = QuizResult.objects.filter(thinkific_id__isnull=False, removed_at__isnull=True)
        mark_missing(
            pull,
            "quiz results",
            stored,
            lambda pks: mark_removed(QuizResult, pks, source=pull.source, now=pull.now),
            top=pull.cursor["top"],
            what="quiz results",
        )


def _top(model: type[QuizResult] | type[Certificate]) -> int:
    return model._default_manager.aggregate(top=Max("pk"))["top"] or 0


def _store_submissions(pull: Pull, rows: lists.Rows[schemas.QuizSubmission], claims: Claims) -> None:
    applied, notes = Applied(), Notes()
    numbers = [*map(number_of, rows), *map(number_of, rows.bad)]
    known = dict(QuizResult.objects.filter(thinkific_id__in=numbers).values_list("thinkific_id", "pk"))
    pull.cursor["nameless"] += numbers.count(None)
    note_newest(pull, [row.completed_at for row in rows if row.completed_at])
    for bad in rows.bad:
        applied.fail(f"Quiz result {bad.id}", bad.message, pk=known.get(parse_graphql_id(bad.id)))
    quizzes = ensure_quizzes(
        {
            number: quiz_row(row.quiz, notes)
            for row in rows
            if row.quiz and (number := parse_graphql_id(row.quiz.id))
        }
    )
    told = [(row, row.created_at or row.completed_at) for row in rows]
    users, left_out = students(told, applied, pull, claims)
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
    applied += apply_quiz_results(values, source=pull.source)
    applied.issues += notes.issues
    pull.run.fetched += len(rows) + len(rows.bad)
    pull.count(applied)
    pull.seen("quiz results").add(pk for pk in applied.met if pk <= pull.cursor["top"])


def pull_certificates(pull: Pull) -> None:
    """Every certificate, course by course: there is no list of all and no filter by date."""
    _require_token(pull, "Certificates")
    if "top" not in pull.cursor:
        pull.cursor.update(top=_top(Certificate), course=0, after=None, nameless=0)
    courses = Product.objects.courses().filter(removed_at__isnull=True).order_by("pk")
    # GraphQL does not say whether a course of the new builder has certificates, so those are asked too.
    courses = courses.exclude(source=Product.Source.REST, has_certificate=False)
    pull.run.pages_total = courses.count()
    todo = list(courses.filter(pk__gt=pull.cursor["course"]))
    for course, pages in certificates_of(pull, todo, after=pull.cursor["after"]):
        _pull_certificates_of(pull, course, pages)
    departed_people.note_gone(pull, "certificates")
    stored = Certificate.objects.filter(removed_at__isnull=True, product__in=courses)
    mark_missing(
        pull,
        "certificates",
        stored,
        lambda pks: mark_removed(Certificate, pks, source=pull.source, now=pull.now),
        top=pull.cursor["top"],
        what="certificates",
    )


def _pull_certificates_of(pull: Pull, course: Product, pages: "Certificates") -> None:
    try:
        for page in pages:
            claims = claims_of(pull, page.rows)

            def write(page: lists.GraphPage[schemas.Certificate] = page, claims: Claims = claims) -> None:
                _store_certificates(pull, course, page.rows, claims)
                if page.has_next:
                    pull.cursor["after"] = page.next_cursor
                else:
                    _next_course(pull, course)

            pull.store(write)
    except NotFound:
        why = "GraphQL does not know this course; its certificates could not be read."
        pull.store(lambda: _pass_over(pull, course, why))
    except Endless as error:
        why = str(error)
        pull.store(lambda: _pass_over(pull, course, why))


def _next_course(pull: Pull, course: Product) -> None:
    pull.cursor.update(course=course.pk, after=None)
    pull.run.pages_done += 1


def _pass_over(pull: Pull, course: Product, why: str) -> None:
    """What stands here of the course is taken as met."""
    pull.note(str(course), why)
    met = Certificate.objects.filter(product=course, pk__lte=pull.cursor["top"], removed_at__isnull=True)
    pull.seen("certificates").add(met.values_list("pk", flat=True))
    pull.partial = True
    _next_course(pull, course)


Certificates = Iterator[lists.GraphPage[schemas.Certificate]]


def certificates_of(
    pull: Pull, courses: list[Product], *, after: str | None
) -> Iterator[tuple[Product, Certificates]]:
    """The certificates of each course, of the first one from a cursor on. Its pages raise NotFound and
    Endless."""
    jobs = (_first_page(pull, course, None if n else after) for n, course in enumerate(courses))
    for course, found in zip(courses, pull.side_by_side(jobs), strict=True):
        yield course, _pages(pull, course, found)


FirstPage = lists.GraphPage[schemas.Certificate] | NotFound | Endless


def _first_page(pull: Pull, course: Product, after: str | None) -> Job[FirstPage]:
    """A query costs as much as the rows that it asks for, there or not. Most courses have few certificates,
    so the first page is about as large as what is known; four large ones would take a minute's points."""
    known = Certificate.objects.filter(product=course).count()
    if not known:  # the first time: nearly everybody who finished has one
        known = Enrollment.objects.filter(product=course, completed_at__isnull=False).count()
    first = min(max(known + SPARE, 2 * SPARE), LARGEST_SIZE)
    pages = lists.course_certificates(pull.client.graphql, course.productable_id, after=after, first=first)
    try:
        [page] = yield [Ask(partial(next, pages), points=True)]
    except (NotFound, Endless) as error:
        return error
    return page


def _pages(pull: Pull, course: Product, first: FirstPage) -> Certificates:
    if isinstance(first, NotFound | Endless):
        raise first
    yield first
    if first.has_next:
        further = lists.course_certificates(
            pull.client.graphql, course.productable_id, after=first.next_cursor
        )
        yield from pull.in_advance(further)


def _store_certificates(
    pull: Pull, course: Product, rows: lists.Rows[schemas.Certificate], claims: Claims
) -> None:
    applied, notes, values = Applied(), Notes(), []
    numbers = [*map(number_of, rows), *map(number_of, rows.bad)]
    known = dict(Certificate.objects.filter(thinkific_id__in=numbers).values_list("thinkific_id", "pk"))
    pull.cursor["nameless"] += numbers.count(None)
    for bad in rows.bad:
        applied.fail(f"Certificate {bad.id}", bad.message, pk=known.get(parse_graphql_id(bad.id)))
    users, left_out = students([(row, row.issued_at) for row in rows], applied, pull, claims)
    site_url = pull.client.credentials.site_url
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
    applied += apply_certificates(values, source=pull.source)
    applied.issues += notes.issues
    pull.run.fetched += len(rows) + len(rows.bad)
    pull.count(applied)
    pull.seen("certificates").add(pk for pk in applied.met if pk <= pull.cursor["top"])
