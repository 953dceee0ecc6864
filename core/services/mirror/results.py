"""Stores quiz results and certificates as Thinkific has them."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from decimal import Decimal

from django.db.models import Count, Q

from core.models import Certificate, Quiz, QuizResult
from core.services.mirror.outcome import Applied
from core.services.mirror.source import Source
from core.services.mirror.table import Changes, Table, Values, compare, write
from core.services.storage import bulk
from core.services.webhooks import facts

SAME_ATTEMPT = timedelta(minutes=10)
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
    """Store quizzes with name and passing score. Returns `Thinkific id -> primary key`. Their courses are not
    known here; `catalog.apply_curriculum` sets them."""
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
    set_passed([pk for pk, _, score in changed if score is not None])
    rows = Quiz.objects.filter(thinkific_id__in=quizzes).values_list("thinkific_id", "pk")
    return {number: pk for number, pk in rows if number is not None}


def passing_scores(quizzes: Collection[int]) -> dict[int, Decimal | None]:
    """Returns the passing scores of these quizzes (primary keys), in percent; None when not known.

    A quiz without a stored score counts as 0 percent (passed by finishing it) when Thinkific has told of some
    results whether they have passed, and none of them has failed.
    """
    found = dict(Quiz.objects.filter(bulk.among("pk", quizzes)).values_list("pk", "passing_score"))
    unmarked = [pk for pk, score in found.items() if score is None]
    if unmarked:
        judged = QuizResult.objects.filter(bulk.among("quiz_id", unmarked), passed__isnull=False).order_by()
        counts = judged.values("quiz").annotate(failed=Count("pk", filter=Q(passed=False)))
        found |= dict.fromkeys((row["quiz"] for row in counts if not row["failed"]), Decimal(0))
    return found


def has_passed(*, grade: int | None, correct: int, incorrect: int, passing: Decimal | None) -> bool | None:
    """Whether an attempt has passed; None when that is not known. Without a grade the answers count."""
    answered = correct + incorrect
    if grade is None and answered:
        grade = round(100 * correct / answered)
    return None if passing is None or grade is None else grade >= passing


def set_passed(quizzes: Collection[int]) -> None:
    """Set `passed` on results in these quizzes (primary keys) that have none, now that the passing score may
    be known. Values from Thinkific stay."""
    if not quizzes:
        return
    passing = passing_scores(quizzes)
    open_ones = QuizResult.objects.filter(bulk.among("quiz_id", quizzes), passed__isnull=True).order_by()
    rows = open_ones.values_list("pk", "quiz_id", "grade", "correct_count", "incorrect_count")
    judged = [
        (pk, has_passed(grade=grade, correct=right, incorrect=wrong, passing=passing[quiz]))
        for pk, quiz, grade, right, wrong in rows
    ]
    bulk.update(QuizResult, ["passed"], [(pk, passed) for pk, passed in judged if passed is not None])


def apply_quiz_results(
    rows: list[Values], *, source: Source, grades: Mapping[int, int | None] | None = None
) -> Applied:
    """Store quiz results, by submission id. `grades`, by submission id, are what only webhooks bring."""
    applied, changes = _apply(QUIZ_RESULTS, rows, source)
    if grades:
        _store_grades(grades)
    taken = [*changes.new, *(after for _, before, after in changes.changed if _taken_again(before, after))]
    found = [(row["thinkific_id"], row["completed_at"] or row["thinkific_created_at"]) for row in taken]
    facts.tell("quiz.attempted", QuizResult, found, key="thinkific_id", first_load=source.first_load)
    return applied


def _store_grades(grades: Mapping[int, int | None]) -> None:
    rows = QuizResult.objects.filter(thinkific_id__in=list(grades)).values_list("pk", "thinkific_id", "grade")
    changed = [(pk, grades[number]) for pk, number, grade in rows if number and grades[number] != grade]
    bulk.update(QuizResult, ["grade"], changed)


def _taken_again(before: Values, after: Values) -> bool:
    """Whether this is another attempt. A pull does not always tell their number, and its moment of an attempt
    differs from that of the webhook."""
    if after["attempts"] != before["attempts"]:
        return bool(after["attempts"] > before["attempts"])
    first, last = before["completed_at"], after["completed_at"]
    return last is not None and (first is None or last - first > SAME_ATTEMPT)


def apply_certificates(rows: list[Values], *, source: Source) -> Applied:
    """Store certificates, by credential id."""
    applied, changes = _apply(CERTIFICATES, rows, source)
    found = [(row["credential_id"], row["issued_at"]) for row in changes.new]
    facts.tell("certificate.issued", Certificate, found, key="credential_id", first_load=source.first_load)
    return applied


def _apply(table: Table, rows: list[Values], source: Source) -> tuple[Applied, Changes]:
    applied = Applied()
    rows = list({row[table.key]: row for row in rows}.values())
    stored = table.stored(**{f"{table.key}__in": [row[table.key] for row in rows]})
    changes = compare(table, [(row, stored.get(row[table.key])) for row in rows], applied)
    write(changes, applied, source=source)
    return applied, changes
