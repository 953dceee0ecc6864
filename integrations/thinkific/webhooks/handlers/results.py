"""The topic quiz.attempted: it brings quiz results without a request, and only it brings the grade."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from core.models import Quiz
from core.services.mirror.outcome import Applied
from core.services.mirror.people import deleted_here
from core.services.mirror.results import (
    QUIZ_RESULTS,
    apply_quiz_results,
    ensure_quizzes,
    has_passed,
    passing_scores,
)
from integrations.models import InboundEvent
from integrations.thinkific import conflicts
from integrations.thinkific.cleaning import Notes, moment, to_decimal
from integrations.thinkific.client import schemas
from integrations.thinkific.mapping import quiz_row
from integrations.thinkific.webhooks import payloads, retries
from integrations.thinkific.webhooks.batch import SOURCE, Batch, problems
from integrations.thinkific.webhooks.handlers.people import DELETED, WITHHELD, note_activity, note_moment
from integrations.thinkific.webhooks.handlers.unknown_people import (
    PeopleLookup,
    look_up_people,
    store_people,
    unknown_person,
)
from integrations.thinkific.webhooks.inbox import Verdicts, Write, failed, ignored, later, processed
from integrations.thinkific.webhooks.payloads import Unreadable, read

TOO_MANY = "Waits until its student has been read from Thinkific."

Told = list[tuple[InboundEvent, payloads.Quiz]]


def prepare(events: list[InboundEvent], batch: Batch) -> Write:
    verdicts: Verdicts = {}
    told: Told = []
    for event in events:
        try:
            told.append((event, read(event.payload, payloads.Quiz)))
        except Unreadable as problem:
            verdicts[event.pk] = failed(str(problem))

    lookup = look_up_people({one.user.id for _, one in told}, batch)
    for event, one in told:
        if one.user.id in lookup.not_found:
            verdicts[event.pk] = unknown_person(event)
        elif one.user.id in lookup.errors:
            verdicts[event.pk] = retries.postpone(lookup.errors[one.user.id], event.attempts)
        elif one.user.id in lookup.not_asked:
            verdicts[event.pk] = later(TOO_MANY, seconds=0.0, counted=False)
    told = [(event, one) for event, one in told if event.pk not in verdicts]

    def write() -> Verdicts:
        return verdicts | _store(told, lookup)

    return write


def _store(told: Told, lookup: PeopleLookup) -> Verdicts:
    applied, verdicts = Applied(), Verdicts()
    now = timezone.now()
    persons = {one.user.id for _, one in told}
    users = store_people(lookup, persons, applied, now=now)
    deleted = deleted_here(persons - users.keys())
    quizzes = ensure_quizzes(_quizzes(told))
    passing = passing_scores(list(quizzes.values()))
    have = QUIZ_RESULTS.stored(thinkific_id__in=[one.result_id for _, one in told])
    rows: dict[int, dict[str, Any]] = {}
    grades: dict[int, int | None] = {}
    active: dict[int, datetime] = {}
    wrong = problems(applied)
    for event, one in told:
        note_moment(active, one.user.id, event)
        stored = have[one.result_id][1] if one.result_id in have else None
        newest = rows.get(one.result_id, stored)
        if one.user.id in deleted:
            verdicts[event.pk] = ignored(DELETED)
            continue
        if one.user.id in applied.withheld:
            verdicts[event.pk] = ignored(WITHHELD)
            continue
        if one.user.id not in users:
            verdicts[event.pk] = failed(wrong.get(f"User {one.user.id}", "Its student is unknown here."))
            continue
        if newest is not None and newest["attempts"] > (one.attempts or 0):
            verdicts[event.pk] = ignored("A later attempt is stored; nothing changed.")
            continue
        grades[one.result_id] = _grade(one)
        quiz_id = quizzes[one.quiz.id]
        rows[one.result_id] = _row(
            event, one, stored, user_id=users[one.user.id], quiz_id=quiz_id, passing=passing[quiz_id]
        )
        verdicts[event.pk] = processed("Stored.")
    applied += apply_quiz_results(list(rows.values()), source=SOURCE, grades=grades)
    conflicts.keep(applied.conflicts)
    note_activity(active)
    return verdicts


def _quizzes(told: Told) -> dict[int, dict[str, Any]]:
    """Returns the values of quizzes by Thinkific id. Stored quizzes keep their name and passing score."""
    notes = Notes()
    rows = {one.quiz.id: quiz_row(schemas.Quiz(id=one.quiz.id, name=one.quiz.name), notes) for _, one in told}
    for quiz in Quiz.objects.filter(thinkific_id__in=list(rows)):
        rows[quiz.thinkific_id or 0] = {"name": quiz.name, "passing_score": quiz.passing_score}
    return rows


def _row(
    event: InboundEvent, one: payloads.Quiz, stored: dict[str, Any] | None, **known: Any
) -> dict[str, Any]:
    passing, grade = known.pop("passing"), _grade(one)
    before = stored if stored is not None and stored["attempts"] == (one.attempts or 0) else {}
    correct, incorrect = max(0, one.correct_count or 0), max(0, one.incorrect_count or 0)
    judged = has_passed(grade=grade, correct=correct, incorrect=incorrect, passing=passing)
    at = event.occurred_at or event.received_at
    return {
        "thinkific_id": one.result_id,
        "attempts": max(0, one.attempts or 0),
        "correct_count": correct,
        "incorrect_count": incorrect,
        # For the same attempt, values of a pull count more than what is computed from the event.
        "passed": before["passed"] if before.get("passed") is not None else judged,
        "completed_at": before.get("completed_at") or moment(at),
        "thinkific_created_at": stored["thinkific_created_at"] if stored else None,
        "removed_at": None,
        **known,
    }


def _grade(one: payloads.Quiz) -> int | None:
    value = None if one.grade is None else to_decimal(one.grade)
    return None if value is None or not 0 <= value <= 100 else round(value)
