"""Quiz results: what students reached in quizzes."""

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.admin.kit import cells
from core.admin.kit.lists.filters import ChoiceFilter, RelatedFilter
from core.admin.kit.lists.student_lists import STUDENT, ResultAdmin, TeamFilter
from core.models import Quiz, QuizResult, User


class QuizFilter(RelatedFilter):
    title = "quiz"
    parameter_name = "quiz"
    foreign_key = (QuizResult, "quiz")


class PassedFilter(ChoiceFilter):
    title = "result"
    parameter_name = "result"
    choices_offered = (("passed", "Passed"), ("failed", "Not passed"))

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        return queryset.filter(passed=value == "passed")


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
