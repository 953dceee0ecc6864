"""Creating enrollments in every state of a real site, bundle enrollments, quiz results and certificates."""

from random import Random
from typing import TYPE_CHECKING

from integrations.thinkific.sandbox.site.clock import DAY, HOUR
from integrations.thinkific.sandbox.site.rows import Certificate, Enrollment, Submission

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site

# The texts of all percentages, shared by all rows.
PERCENTAGES = ("0.0", *(str(percent / 100) for percent in range(1, 100)), "1.0")


def add_enrollments(site: "Site", total: int, random: Random, now: int, *, holders_share: float) -> None:
    """Create `total` enrollments. Some people get many, some none, and nobody two in the same course."""
    course_ids = site.courses.ids()
    bundles = list(site.bundles)
    users = list(site.users)
    if not course_ids or not users:
        return
    left = total
    for place, user in enumerate(users):
        fair = left / (len(users) - place)
        count = min(round(fair + (place % 5 - 2) * fair / 3), len(course_ids), left)
        if place == len(users) - 1:
            count = min(left, len(course_ids))
        left -= count
        chosen: list[int] = []
        if bundles and random.random() < holders_share:
            bundle = bundles[int(random.random() * len(bundles))]
            if len(bundle["course_ids"]) <= count:
                site.holders[bundle["id"]][user.id] = None
                chosen = list(bundle["course_ids"])
        start = int(random.random() * len(course_ids))
        while len(chosen) < count:
            course_id = course_ids[start % len(course_ids)]
            if course_id not in chosen:
                chosen.append(course_id)
            start += 1
        for course_id in chosen:
            _add_enrollment(site, user.id, course_id, user.created_at, random, now)


def _add_enrollment(
    site: "Site", user_id: int, course_id: int, not_before: int, random: Random, now: int
) -> None:
    draw = random.random()
    span = max(now - not_before - 2 * DAY, DAY)
    created = not_before + int(random.random() * span)
    activated: int | None = created
    started = completed = expiry = None
    percent = 0
    updated = created
    if draw < 0.03:
        activated = None  # a free trial
    elif draw >= 0.15:
        started = created + int(random.random() * DAY)
        updated = started + int(random.random() * (now - started)) if now > started else started
        if draw < 0.55:
            percent = 1 + int(random.random() * 98)
        else:
            percent, completed = 100, updated
    if activated and draw * 10 % 1 < 0.7:
        expiry = created + (365 if draw * 100 % 1 < 0.7 else 180) * DAY
    add_enrollment(
        site,
        Enrollment(
            id=site.enrollments.new_id(),
            user_id=user_id,
            course_id=course_id,
            created_at=created,
            updated_at=updated,
            percentage_completed=PERCENTAGES[percent],
            activated_at=activated,
            started_at=started,
            completed_at=completed,
            expiry_date=expiry,
        ),
    )


def add_enrollment(site: "Site", row: Enrollment, *, first: bool = False) -> Enrollment:
    site.enrollments.add(row.id, row, first=first)
    site.enrollments_of[row.user_id].append(row)
    site.enrollments_in[row.course_id].append(row)
    return row


def add_results(site: "Site", quiz_results: int, random: Random) -> None:
    """Create quiz results of people who started a course, and certificates of people who completed one."""
    certified = {
        p["productable_id"]
        for p in site.products
        if p["has_certificate"] and p["productable_type"] == "Course"
    }
    quizzes = quizzes_by_course(site)
    candidates: list[tuple[Enrollment, int]] = []
    for row in site.enrollments:
        if row.started_at is None:
            continue
        if row.completed_at is not None and row.course_id in certified:
            add_certificate(site, row, f"{random.getrandbits(50):013x}"[:10])
        in_course = quizzes.get(row.course_id, ())
        taken = in_course if row.completed_at is not None else in_course[:1]
        candidates += [(row, quiz_id) for quiz_id in taken]
    chosen = random.sample(range(len(candidates)), min(quiz_results, len(candidates)))
    for place in sorted(chosen):
        row, quiz_id = candidates[place]
        add_submission(site, row, quiz_id, random.random(), random.random())


def quizzes_by_course(site: "Site") -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for content_id, quiz_id in site.quiz_of_content.items():
        course_id = site.course_of_chapter[site.contents[content_id]["chapter_id"]]
        found.setdefault(course_id, []).append(quiz_id)
    return found


def add_submission(site: "Site", row: Enrollment, quiz_id: int, skill: float, moment: float) -> Submission:
    quiz = site.quizzes[quiz_id]
    questions = quiz["questions"]
    correct = min(questions, round(questions * (0.5 + skill * 0.6)))
    begun = row.started_at or row.created_at
    submission_id = site.submissions.new_id()
    finished = begun + int(moment * max(row.updated_at - begun, HOUR))
    return site.submissions.add(
        submission_id,
        Submission(
            id=submission_id,
            quiz_id=quiz_id,
            user_id=row.user_id,
            created_at=finished - HOUR // 4,
            completed_at=finished if skill > 0.02 else None,
            attempts=1 + int(skill * 10) % 3,
            correct_count=correct,
            incorrect_count=questions - correct,
            passed=100 * correct >= (quiz["passing_score"] or 0) * questions,
        ),
    )


def add_certificate(site: "Site", row: Enrollment, issued_id: str) -> Certificate:
    certificate_id = site.certificates.new_id()
    issued_at = row.completed_at or row.updated_at
    return site.certificates.add(
        certificate_id,
        Certificate(
            id=certificate_id,
            user_id=row.user_id,
            course_id=row.course_id,
            issued_id=issued_id,
            issued_at=issued_at,
            expiry_date=issued_at + 730 * DAY if row.course_id % 3 == 0 else None,
        ),
    )
