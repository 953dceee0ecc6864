"""Quiz results and certificates, as Thinkific has them."""

from core.models import Certificate, Quiz, QuizResult
from core.services import bulk
from core.services.mirror.outcome import Applied
from core.services.mirror.table import Table, Values, compare, write

QUIZ_RESULTS = Table(
    model=QuizResult,
    fields=(
        "quiz_id",
        "user_id",
        "attempts",
        "correct_count",
        "incorrect_count",
        "passed",
        "completed_at",
        "thinkific_created_at",
        "removed_at",
    ),
    untold=(("attempts", 0), ("correct_count", 0), ("incorrect_count", 0)),
)
CERTIFICATES = Table(
    model=Certificate,
    key="credential_id",
    fields=("thinkific_id", "user_id", "product_id", "issued_at", "expiry_date", "url", "removed_at"),
)


def ensure_quizzes(quizzes: dict[int, Values]) -> dict[int, int]:
    """`Thinkific id -> primary key` of quizzes, keeping name and passing score up to date. Their course is
    learnt from the curriculum, not here."""
    stored = {quiz.thinkific_id: quiz for quiz in Quiz.objects.filter(thinkific_id__in=quizzes)}
    missing = [
        (number, row["name"], row["passing_score"]) for number, row in quizzes.items() if number not in stored
    ]
    bulk.insert(Quiz, ["thinkific_id", "name", "passing_score"], missing)
    changed = [
        (quiz.pk, quizzes[number]["name"], quizzes[number]["passing_score"])
        for number, quiz in stored.items()
        if number is not None
        and (quiz.name, quiz.passing_score) != (quizzes[number]["name"], quizzes[number]["passing_score"])
    ]
    bulk.update(Quiz, ["name", "passing_score"], changed)
    rows = Quiz.objects.filter(thinkific_id__in=quizzes).values_list("thinkific_id", "pk")
    return {number: pk for number, pk in rows if number is not None}


def apply_quiz_results(rows: list[Values], *, source: str) -> Applied:
    """Store quiz results, by submission id."""
    return _apply(QUIZ_RESULTS, rows, source)


def apply_certificates(rows: list[Values], *, source: str) -> Applied:
    """Store certificates, by credential id."""
    return _apply(CERTIFICATES, rows, source)


def _apply(table: Table, rows: list[Values], source: str) -> Applied:
    applied = Applied()
    rows = list({row[table.key]: row for row in rows}.values())
    stored = table.stored(**{f"{table.key}__in": [row[table.key] for row in rows]})
    write(
        compare(table, [(row, stored.get(row[table.key])) for row in rows], applied), applied, source=source
    )
    return applied
