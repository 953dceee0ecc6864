"""What students achieved: quiz results and certificates."""

from typing import Any

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.admin.kit import cells
from core.admin.kit.lists.exports import ExportingAdmin
from core.admin.kit.lists.filters import ChoiceFilter, RelatedFilter
from core.admin.kit.lists.student_lists import PRODUCT, STUDENT, FoundByStudent, TeamFilter
from core.models import Certificate, Quiz, QuizResult, User


class QuizFilter(RelatedFilter):
    title = "quiz"
    parameter_name = "quiz"
    foreign_key = (QuizResult, "quiz")


class ProductFilter(RelatedFilter):
    title = "course"
    parameter_name = "product"
    foreign_key = (Certificate, "product")


class PassedFilter(ChoiceFilter):
    title = "result"
    parameter_name = "result"
    choices_offered = (("passed", "Passed"), ("failed", "Not passed"))

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        return queryset.filter(passed=value == "passed")


class ValidityFilter(ChoiceFilter):
    title = "validity"
    parameter_name = "validity"
    choices_offered = (("valid", "Valid"), ("expired", "Expired"), ("removed", "Removed in Thinkific"))

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        if value == "removed":
            return queryset.filter(removed_at__isnull=False)
        over = Q(expiry_date__lte=timezone.now())
        return queryset.filter(over if value == "expired" else ~over, removed_at__isnull=True)


class ResultAdmin(FoundByStudent, ExportingAdmin):
    """What both lists have."""

    @display(description="Thinkific ID")
    def thinkific(self, result: Any) -> SafeString:
        kind = result._meta.verbose_name_plural
        untold = f"It came by a webhook, which tells no number. The next sync of {kind} brings it."
        return cells.thinkific_id(result.thinkific_id, untold=untold)


def course_names(quiz: Quiz) -> str:
    """The courses that contain the quiz, in one line."""
    return ", ".join(str(course) for course in quiz.courses())


def course_cell(quiz: Quiz) -> SafeString:
    return cells.text(course_names(quiz)) if quiz.courses() else cells.NOTHING


def score_text(result: QuizResult) -> str | SafeString:
    return cells.NOTHING if result.score is None else cells.number(f"{result.score} %")


@admin.register(QuizResult)
class QuizResultAdmin(ResultAdmin):
    list_display = ["student", "quiz_name", "course", "score", "result", "attempts", "completed"]
    list_filter = [QuizFilter, TeamFilter, PassedFilter]
    list_select_related = ["user"]
    list_only = (
        *STUDENT,
        "quiz",
        "attempts",
        "correct_count",
        "incorrect_count",
        "grade",
        "passed",
        "completed_at",
        "removed_at",
        "thinkific_id",
    )
    sortable_by = ["completed"]
    ordering = [F("completed_at").desc(nulls_last=True)]
    fields = [
        "student_link",
        "quiz_name",
        "course",
        "score",
        "answers",
        "result",
        "attempts",
        "completed",
        "thinkific",
    ]
    empty_text = "Results arrive from Thinkific when students finish quizzes."
    empty_how = "Open Tools and choose Sync Quiz Results."
    export_columns = (
        ("Name", lambda r: r.user.get_full_name()),
        ("Email", lambda r: r.user.email),
        ("Quiz", lambda r: str(r.quiz)),
        ("Course", lambda r: course_names(r.quiz)),
        ("Score %", lambda r: r.score),
        ("Passed", lambda r: r.passed),
        ("Attempts", lambda r: r.attempts),
        ("Completed", lambda r: r.completed_at),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).with_courses()  # type: ignore[attr-defined]

    @display(description="Quiz")
    def quiz_name(self, result: QuizResult) -> SafeString:
        return cells.named(result, str(result.quiz))

    @display(description="Course")
    def course(self, result: QuizResult) -> SafeString:
        return course_cell(result.quiz)

    @display(description="Score")
    def score(self, result: QuizResult) -> str | SafeString:
        return score_text(result)

    @display(description="Answers")
    def answers(self, result: QuizResult) -> str:
        return f"{result.correct_count} right, {result.incorrect_count} wrong"

    @display(description="Result")
    def result(self, result: QuizResult) -> SafeString:
        return cells.yes_no(result.passed, yes="Passed", no="Not passed")

    @display(description="Completed", ordering="completed_at")
    def completed(self, result: QuizResult) -> SafeString:
        return cells.moment(result.completed_at)


@admin.register(Certificate)
class CertificateAdmin(ResultAdmin):
    list_display = ["student", "course", "credential", "issued", "expires", "open_link"]
    list_filter = [ProductFilter, TeamFilter, ValidityFilter]
    list_select_related = ["user", "product"]
    list_only = (
        *STUDENT,
        *PRODUCT,
        "credential_id",
        "issued_at",
        "expiry_date",
        "url",
        "removed_at",
        "thinkific_id",
    )
    sortable_by = ["issued", "expires"]
    ordering = [F("issued_at").desc(nulls_last=True)]
    fields = ["student_link", "course", "credential", "issued", "expires", "open_link", "thinkific"]
    empty_text = "Certificates arrive from Thinkific when students earn them."
    empty_how = "Open Tools and choose Sync Certificates."
    export_columns = (
        ("Name", lambda c: c.user.get_full_name()),
        ("Email", lambda c: c.user.email),
        ("Course", lambda c: str(c.product)),
        ("Credential ID", lambda c: c.credential_id),
        ("Issued", lambda c: c.issued_at),
        ("Expires", lambda c: c.expiry_date),
        ("URL", lambda c: c.url),
    )

    @display(description="Course")
    def course(self, certificate: Certificate) -> SafeString:
        return cells.text(str(certificate.product))

    @display(description="Credential ID")
    def credential(self, certificate: Certificate) -> SafeString:
        return cells.named(certificate, certificate.credential_id)

    @display(description="Issued", ordering="issued_at")
    def issued(self, certificate: Certificate) -> SafeString:
        return cells.moment(certificate.issued_at)

    @display(description="Expires", ordering="expiry_date")
    def expires(self, certificate: Certificate) -> SafeString:
        return cells.moment(certificate.expiry_date, empty="Never", ahead=True)

    @display(description="Certificate")
    def open_link(self, certificate: Certificate) -> SafeString:
        return cells.outside_link(certificate.url, "View")
