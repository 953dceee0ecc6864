"""What students do: make progress, complete courses, take quizzes."""

from random import Random
from typing import TYPE_CHECKING, Any

from integrations.thinkific.sandbox.site.clock import iso
from integrations.thinkific.sandbox.site.enrollment_builder import (
    PERCENTAGES,
    add_certificate,
    add_submission,
)
from integrations.thinkific.sandbox.site.rows import Enrollment, Submission
from integrations.thinkific.sandbox.writes.enrollments import changed, event_enrollment
from integrations.thinkific.sandbox.writes.people import person_in_event

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site


def move_progress(site: "Site", *, enrollment_id: int, percent: int) -> Enrollment:
    """Set the progress (0 to 100). At 100 the course is completed, and a certificate made if it has one."""
    row = site.enrollments[enrollment_id]
    changed(site, row)
    row.raw = None
    row.started_at = row.started_at or row.updated_at
    row.percentage_completed = PERCENTAGES[max(0, min(percent, 100))]
    finished_now = percent >= 100 and row.completed_at is None
    if percent < 100:
        row.completed_at = None
    elif finished_now:
        row.completed_at = row.updated_at
    site.announce("enrollment.progress", event_enrollment(site, row))
    if finished_now:
        site.announce("enrollment.completed", event_enrollment(site, row) | _certify(site, row))
    return row


def complete_lesson(site: "Site", *, enrollment_id: int, content_id: int, percent: int) -> None:
    row = site.enrollments[enrollment_id]
    content = site.contents[content_id]
    chapter = site.chapters[content["chapter_id"]]
    course = site.courses[row.course_id]
    move_progress(site, enrollment_id=enrollment_id, percent=percent)
    if row.course_id in site.builder_courses:
        return  # Thinkific sends no lesson.completed for courses of the newer builder
    payload = {
        "chapter": {"id": chapter["id"], "name": chapter["name"]},
        "course": {"id": course["id"], "name": course["name"]},
        "enrollment": {"id": row.id},
        "lesson": {
            "id": content_id,
            "name": content["name"],
            "position": content["position"],
            "type": content["contentable_type"],
        },
        "user": person_in_event(site, row.user_id),
    }
    site.announce("lesson.completed", payload)


def attempt_quiz(site: "Site", *, enrollment_id: int, quiz_id: int, correct: int) -> Submission:
    """Record one more attempt. The person's submission for the quiz has the result of the last attempt."""
    row = site.enrollments[enrollment_id]
    quiz = site.quizzes[quiz_id]
    known = next((s for s in site.submissions if s.user_id == row.user_id and s.quiz_id == quiz_id), None)
    submission = known or add_submission(site, row, quiz_id, 0.5, 0.5)
    now = site.clock.now()
    submission.attempts = submission.attempts + 1 if known else 1
    submission.created_at = submission.created_at if known else now
    submission.completed_at = now
    submission.correct_count = max(0, min(correct, quiz["questions"]))
    submission.incorrect_count = quiz["questions"] - submission.correct_count
    grade = round(100 * submission.correct_count / quiz["questions"])
    submission.passed = grade >= (quiz["passing_score"] or 0)
    payload = {
        "attempts": submission.attempts,
        "correct_count": submission.correct_count,
        "grade": grade,
        "incorrect_count": submission.incorrect_count,
        "result_id": submission.id,
        "quiz": {"id": quiz_id, "name": quiz["name"]},
        "user": person_in_event(site, row.user_id),
    }
    site.announce("quiz.attempted", payload)
    return submission


def touch_enrollments(
    site: "Site", *, share: float | None = None, count: int | None = None, seed: int = 1, silent: bool = True
) -> list[int]:
    """Make progress in a share or a number of the enrollments.

    Returns their ids. `silent`: without events.
    """
    rows = site.enrollments.listing
    wanted = round(len(rows) * (share or 0)) if count is None else count
    chosen = Random(seed).sample(range(len(rows)), min(wanted, len(rows)))  # noqa: S311 - repeatable, not secret
    listeners = site.listeners
    site.listeners = [] if silent else listeners
    try:
        moved = [rows[place] for place in sorted(chosen)]
        for row in moved:
            percent = round(float(row.percentage_completed) * 100)
            move_progress(site, enrollment_id=row.id, percent=percent + 1 if percent < 100 else 99)
    finally:
        site.listeners = listeners
    return [row.id for row in moved]


def _certify(site: "Site", row: Enrollment) -> dict[str, Any]:
    product = (
        site.products.get(site.courses[row.course_id]["product_id"])
        if row.course_id in site.courses
        else None
    )
    if not product or not product["has_certificate"]:
        return {"credential_id": None, "certificate_url": None, "certificate_expiry_date": None}
    certificate = add_certificate(site, row, f"{row.id * 2654435761 % 0xFFFFFFFFFF:010x}")
    expiry = iso(certificate.expiry_date)
    return {
        "credential_id": certificate.issued_id,
        "certificate_url": f"https://{site.options.subdomain}.example/certificates/{certificate.issued_id}",
        "certificate_expiry_date": expiry[:10] if expiry else None,
    }
