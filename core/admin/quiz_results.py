"""Quiz results of students."""

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from core.admin.kit import cells
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.filters import choice_filter, related_filter
from core.admin.kit.lists.student_lists import STUDENT, TEAM_FILTER, ResultAdmin
from core.models import Quiz, QuizResult


def course_names(quiz: Quiz) -> str:
    """Returns the names of the courses that contain the quiz, in one line."""
    return ", ".join(str(course) for course in quiz.courses())


def course_cell(quiz: Quiz) -> SafeString:
    return cells.text(course_names(quiz))


def score_text(score: int | None) -> SafeString:
    return cells.NOTHING if score is None else cells.number(f"{score} %")


COURSE = column("Course", "quiz", course_cell, in_file=lambda result: course_names(result.quiz))
PASSED_IN_FILE = column("Passed", "passed")
SCORE = column("Score", "score", score_text, in_file=[column("Score %", "score")])
RESULT = column("Result", "passed", cells.yes_no, yes="Passed", no="Not passed", in_file=[PASSED_IN_FILE])
COMPLETED = column("Completed", "completed_at", cells.moment, sort=True)


@admin.register(QuizResult)
class QuizResultAdmin(ResultAdmin):
    quiz_name = column("Quiz", lambda result: cells.named(result, str(result.quiz)), in_file="quiz")
    course = COURSE
    score = SCORE
    answers = column(
        "Answers", lambda result: f"{result.correct_count} right, {result.incorrect_count} wrong"
    )
    result = RESULT
    completed = COMPLETED

    list_display = ["student", "quiz_name", "course", "score", "result", "attempts", "completed"]
    list_filter = [
        related_filter(QuizResult, "quiz"),
        TEAM_FILTER,
        choice_filter(
            "result", {"passed": ("Passed", Q(passed=True)), "failed": ("Not passed", Q(passed=False))}
        ),
    ]
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
        column("Right answers", "correct_count"),
        column("Wrong answers", "incorrect_count"),
        column("Thinkific ID", "thinkific_id"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).with_courses()  # type: ignore[attr-defined]
