"""Compares quiz results and certificates, which only GraphQL has."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
from django.db.models import QuerySet
from django.utils import timezone
from msgspec import UNSET, UnsetType

from core.models import Certificate, Product, Quiz, QuizResult
from core.services.mirror.outcome import Applied
from core.services.mirror.results import CERTIFICATES, QUIZ_RESULTS, apply_certificates, apply_quiz_results
from core.services.mirror.table import Table, Values, mark_removed
from integrations.models import Drift, DriftReport
from integrations.thinkific.cleaning import Notes, Unusable
from integrations.thinkific.client import schemas
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.client.errors import Endless, NotFound
from integrations.thinkific.client.graphql import lists
from integrations.thinkific.client.schemas import parse_graphql_id
from integrations.thinkific.mapping import certificate_row, person_of_node, submission_row
from integrations.thinkific.pull import departed_people
from integrations.thinkific.pull.people import primary_keys
from integrations.thinkific.pull.result_students import Row
from integrations.thinkific.pull.results import Certificates, certificates_of
from integrations.thinkific.reconcile import listing, stored
from integrations.thinkific.reconcile.findings import Finding, Look, Sort, nothing_passed, sort_out
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.jobs import Ask, Job
from integrations.thinkific.runs.list_walk import top_of
from integrations.thinkific.runs.state import NodesPlace

TOKENLESS = "Not compared: only GraphQL has them, and there is no access token (THINKIFIC_ACCESS_TOKEN)."
ON_ITS_WAY = timedelta(minutes=20)  # results completed so recently are not compared
Passed = Callable[[int], bool]


class ResultsPlace(NodesPlace):
    top: int | UnsetType = UNSET
    # Of certificates: the last done course (primary key), and names and primary keys of unreadable courses.
    course: int = 0
    unread: list[str] = []
    skipped: list[int] = []

    def note_of(self, course: Product, page: lists.GraphPage[schemas.Certificate]) -> None:
        self.after = page.next_cursor if page.has_next else None
        if not page.has_next:
            self.course = course.pk


def compare_quiz_results(context: RunContext, report: DriftReport) -> str:
    if not context.client.credentials.token:
        return TOKENLESS
    state = context.place(ResultsPlace, "quiz results")
    if state.top is UNSET:
        state.top = top_of(QuizResult.objects.all())
    top = state.top
    if not state.done:
        for page in context.in_advance(lists.quiz_submissions(context.client.graphql, after=state.after)):
            look = _without_latest(list(page.rows), listing.passed(context, "quiz results", top))
            for bad in page.rows.bad:
                look.fail(f"Quiz result {bad.id}", bad.message, pk=_key(QuizResult, parse_graphql_id(bad.id)))
            listing.store_nodes(context, report, "quiz results", look, page, top=top, note=state.note)
    listing.find_only_here(context, report, "quiz results", stored.expected(report.kind), top=top)
    return ""


def _without_latest(rows: list[schemas.QuizSubmission], passed: Passed) -> Look:
    """Compare results, except the newest: an event brings only a part of one, the next pull the rest."""
    since = timezone.now() - ON_ITS_WAY
    latest = [row for row in rows if row.completed_at and row.completed_at >= since]
    look = look_at_results([row for row in rows if row not in latest], passed=passed)
    here = _keys(QuizResult.objects.all(), (row.id for row in latest))
    look.met += here.values()
    look.new |= {number for row in latest if (number := parse_graphql_id(row.id)) and number not in here}
    return look


def look_at_results(rows: list[schemas.QuizSubmission], passed: Passed = nothing_passed) -> Look:
    look = Look()
    quizzes = _keys(Quiz.objects.all(), (row.quiz.id for row in rows if row.quiz))
    users = primary_keys(number for row in rows if (number := _account(row)) is not None)
    dated = [(row, row.created_at or row.completed_at) for row in rows]
    orphans = _of_departed(dated, users, QuizResult.objects.all(), look)
    values: list[Values] = []
    named: dict[Any, Finding] = {}
    for row in (row for row in rows if row.id not in orphans):
        number = parse_graphql_id(row.id)
        quiz = quizzes.get(parse_graphql_id(row.quiz.id) or 0) if row.quiz else None
        user = users.get(_account(row) or 0)
        if number is None:
            look.fail(f"Quiz result {row.id}", "Its id holds no number.")
        elif quiz is None or user is None:
            look.findings.append(_only_there(row.user, row.quiz.name if row.quiz else "", number))
        else:
            named[number] = _only_there(row.user, row.quiz.name if row.quiz else "", number)
            values.append(submission_row(row, number=number, user_id=user, quiz_id=quiz))
    pairs = _pairs(QUIZ_RESULTS, values)
    sort_out(QUIZ_RESULTS, pairs, look, passed=passed, describe=lambda row: named[row["thinkific_id"]])
    return look


def _of_departed(
    dated: Sequence[tuple[Row, datetime | None]], users: dict[int, int], here: QuerySet, look: Look
) -> set[str | int]:
    """Returns the ids of rows that pulls leave out because their people are gone from Thinkific (see
    pull/departed_people.py). Each row comes with a moment at which its person existed."""
    people = [(person_of_node(row.user), moment) for row, moment in dated if row.user is not None]
    unknown = [(one, moment) for one, moment in people if one is not None and one.id not in users]
    departed = departed_people.who_is_gone(unknown, Applied(), now=timezone.now())
    found = {row.id for row, _ in dated if row.user is None or _account(row) in departed}
    look.met += _keys(here, found).values()
    return found


def _pairs(table: Table, rows: list[Values]) -> list[tuple[Values, tuple[int, Values] | None]]:
    rows = list({row[table.key]: row for row in rows}.values())
    have = table.stored(**{f"{table.key}__in": [row[table.key] for row in rows]})
    return [(row, have.get(row[table.key])) for row in rows]


def _keys(rows: QuerySet, ids: Iterable[str | int | None]) -> dict[int, int]:
    numbers = {number for one in ids if (number := parse_graphql_id(one)) is not None}
    return dict(rows.filter(thinkific_id__in=numbers).order_by().values_list("thinkific_id", "pk"))


def _key(model: type[QuizResult] | type[Certificate], number: int | None) -> int | None:
    return model._default_manager.filter(thinkific_id=number or 0).values_list("pk", flat=True).first()


def _account(row: schemas.QuizSubmission | schemas.Certificate) -> int | None:
    return parse_graphql_id(row.user.id) if row.user else None


def _only_there(user: schemas.GraphUser | None, what: str | None, number: int | None, **more: Any) -> Finding:
    who = (user.email if user else None) or "somebody unknown"
    return Finding(Sort.ONLY_THERE, f"{who}: {what or 'unnamed'}", thinkific_id=number, pointers=more)


def read_result(context: RunContext, row: Drift) -> Job[list[schemas.QuizSubmission]]:
    """Returns the result as Thinkific has it now; empty if it is gone. Reads all results of its courses."""
    mine = QuizResult.objects.filter(pk=row.object_id or 0).with_courses().first()
    courses = [course.productable_id for course in mine.quiz.courses()] if mine else []

    def ask() -> list[schemas.QuizSubmission]:
        for page in lists.quiz_submissions(context.client.graphql, course_ids=courses or None):
            for found in page.rows:
                if parse_graphql_id(found.id) == row.thinkific_id:
                    return [found]
        return []

    [result] = yield [Ask(ask, points=True)]
    return result


def take_result(context: RunContext, row: Drift, found: list[schemas.QuizSubmission]) -> list[str]:
    if not found:
        mark_removed(QuizResult, [row.object_id or 0], source=context.source, now=context.now)
        return []
    one = found[0]
    user = primary_keys([_account(one) or 0]).get(_account(one) or 0)
    quiz = _keys(Quiz.objects.all(), [one.quiz.id if one.quiz else None]).get(
        parse_graphql_id(one.quiz.id if one.quiz else None) or 0
    )
    if user is None or quiz is None:
        lacking = "person" if user is None else "quiz"
        return [f"Its {lacking} is not here yet. Repair that first, or sync the quiz results."]
    values = submission_row(one, number=row.thinkific_id or 0, user_id=user, quiz_id=quiz)
    applied = apply_quiz_results([values], source=context.source)
    return [issue.message for issue in applied.issues] if applied.failed else []


# --- certificates -------------------------------------------------------------------------------------


def compare_certificates(context: RunContext, report: DriftReport) -> str:
    """Compare certificates course by course, as they are pulled."""
    if not context.client.credentials.token:
        return TOKENLESS
    state = context.place(ResultsPlace, "certificates")
    if state.top is UNSET:
        state.top = top_of(Certificate.objects.all())
    top = state.top
    courses = Product.objects.courses().filter(removed_at__isnull=True).order_by("pk")
    courses = courses.exclude(source=Product.Source.REST, has_certificate=False)
    todo = list(courses.filter(pk__gt=state.course))
    for course, pages in certificates_of(context, todo, after=state.after):
        try:
            _compare_certificates_of(context, report, course, top, pages)
        except (NotFound, Endless):

            def pass_over(course: Product = course) -> None:
                state.unread.append(str(course)[:100])
                state.skipped.append(course.pk)
                state.course, state.after = course.pk, None

            context.store(pass_over)
    expected = stored.expected(report.kind).filter(product__in=courses).exclude(product__in=state.skipped)
    listing.find_only_here(context, report, "certificates", expected, top=top)
    if not state.unread:
        return ""
    return f"GraphQL does not know these courses, or lists them without end: {', '.join(state.unread[:20])}."


def _compare_certificates_of(
    context: RunContext, report: DriftReport, course: Product, top: int, pages: Certificates
) -> None:
    note = partial(context.place(ResultsPlace, "certificates").note_of, course)
    for page in pages:
        passed = listing.passed(context, "certificates", top)
        look = look_at_certificates(list(page.rows), course, passed=passed)
        for bad in page.rows.bad:
            look.fail(f"Certificate {bad.id}", bad.message, pk=_key(Certificate, parse_graphql_id(bad.id)))
        listing.store_nodes(context, report, "certificates", look, page, top=top, note=note)


def look_at_certificates(
    rows: list[schemas.Certificate], course: Product | None, passed: Passed = nothing_passed
) -> Look:
    look = Look()
    users = primary_keys(number for row in rows if (number := _account(row)) is not None)
    dated = [(row, row.issued_at) for row in rows]
    orphans = _of_departed(dated, users, Certificate.objects.all(), look)
    values: list[Values] = []
    named: dict[Any, Finding] = {}
    site_url = Credentials.from_settings().site_url
    for row in (row for row in rows if row.id not in orphans):
        user = users.get(_account(row) or 0)
        where: dict[str, Any] = {"theirs": str(row.issued_id), "email": row.user.email if row.user else ""}
        where |= {"course": course.pk if course else None, "account": _account(row)}
        finding = _only_there(row.user, str(course), parse_graphql_id(row.id), **where)
        if user is None or course is None:
            look.findings.append(finding)
            continue
        try:
            value = certificate_row(row, Notes(), user_id=user, product_id=course.pk, site_url=site_url)
            values.append(value)
            named[value["credential_id"]] = finding
        except Unusable as error:
            look.fail(f"Certificate {row.id}", str(error), pk=_key(Certificate, parse_graphql_id(row.id)))
    pairs = _pairs(CERTIFICATES, values)
    sort_out(CERTIFICATES, pairs, look, passed=passed, describe=lambda row: named[row["credential_id"]])
    return look


def read_certificate(context: RunContext, row: Drift) -> Job[list[schemas.Certificate]]:
    """Returns the certificate as Thinkific has it now; empty if it is gone. Reads those of its person."""
    mine = Certificate.objects.filter(pk=row.object_id or 0).select_related("user").first()
    credential = mine.credential_id if mine else row.pointers.get("theirs")
    email = mine.user.email if mine else row.pointers.get("email")
    account = mine.user.thinkific_id if mine else row.pointers.get("account")

    def ask() -> list[schemas.Certificate]:
        for page in lists.user_certificates(context.client.graphql, email or ""):
            for found in page.rows:
                if str(found.issued_id) == credential:
                    who = schemas.GraphUser(id=str(account), email=email)
                    return [msgspec.structs.replace(found, user=who)]
        return []

    try:
        [result] = yield [Ask(ask, points=True)]
    except NotFound:
        return []
    return result


def course_of(row: Drift) -> Product | None:
    if row.object_id is not None:
        return Product.objects.filter(certificates=row.object_id).first()
    return Product.objects.filter(pk=row.pointers.get("course")).first()


def take_certificate(context: RunContext, row: Drift, found: list[schemas.Certificate]) -> list[str]:
    if not found:
        mark_removed(Certificate, [row.object_id or 0], source=context.source, now=context.now)
        return []
    mine = Certificate.objects.filter(pk=row.object_id or 0).values_list("user", flat=True).first()
    user = primary_keys([_account(found[0]) or 0]).get(_account(found[0]) or 0) or mine
    course = course_of(row)
    if user is None or course is None:
        return ["Its person or course is not here yet. Repair that first, or sync the certificates."]
    site = context.client.credentials.site_url
    values = certificate_row(found[0], Notes(), user_id=user, product_id=course.pk, site_url=site)
    applied = apply_certificates([values], source=context.source)
    return [issue.message for issue in applied.issues] if applied.failed else []
