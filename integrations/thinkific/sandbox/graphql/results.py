"""The results of people: quizzes, surveys and assignments.

Questions, surveys and assignments are computed from the contents of the courses; the site does not store
them.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from integrations.thinkific.sandbox.graphql import ids
from integrations.thinkific.sandbox.graphql.moments import moment
from integrations.thinkific.sandbox.graphql.types import Get, Resolver, Run, Types, key
from integrations.thinkific.sandbox.site.clock import parse_moment
from integrations.thinkific.sandbox.site.rows import Enrollment, Submission

Wire = dict[str, Any]
CHOICES = ("Yes", "No", "It depends", "I do not know")
RATINGS = ("Very good", "Good", "Poor")
SUBMITTED = 20  # people whose answers are shown, for each survey and each assignment


def submissions(run: Run, _: Any, arguments: Wire) -> list[Submission]:
    site, wanted = run.site, arguments.get("filter") or {}
    tests: list[Callable[[Submission], bool]] = []
    if wanted.get("userIds") is not None:
        users = _numbers(wanted["userIds"])
        tests.append(lambda s: s.user_id in users)
    if wanted.get("groupIds") is not None:
        members = {u for g in wanted["groupIds"] for u in site.members.get(ids.read(g) or 0, ())}
        tests.append(lambda s: s.user_id in members)
    if wanted.get("courseIds") is not None:
        quizzes = set(_quizzes_in(run, map(ids.read, wanted["courseIds"])))
        tests.append(lambda s: s.quiz_id in quizzes)
    in_time = _in_time(wanted)
    if in_time is not None:
        tests.append(lambda s: in_time(s.completed_at))
    if not tests:
        return site.submissions.listing
    kept_as = ("submissions", repr(sorted(wanted.items())))
    return site.answer(kept_as, lambda: (s for s in site.submissions if all(test(s) for test in tests)))


def _in_time(wanted: Wire) -> Callable[[int | None], bool] | None:
    bounds = wanted.get("completedAt") or {}
    if not bounds:
        return None
    start = parse_moment(bounds["from"]) if bounds.get("from") else 0
    end = parse_moment(bounds["to"]) if bounds.get("to") else None
    return lambda at: at is not None and start <= at and (end is None or at <= end)


def _numbers(given: list[Any]) -> set[int | None]:
    return set(map(ids.read, given))


def _quizzes_in(run: Run, course_ids: Iterable[int | None]) -> Iterable[int]:
    for course_id in course_ids:
        course = run.site.courses.get(course_id)
        for chapter_id in course["chapter_ids"] if course else ():
            for content_id in run.site.chapters[chapter_id]["content_ids"]:
                if content_id in run.site.quiz_of_content:
                    yield run.site.quiz_of_content[content_id]


def _questions(run: Run, quiz: Wire, arguments: Wire) -> list[Wire]:
    return [
        {
            "id": quiz["id"] * 100 + place,
            "prompt": f"<p>{quiz['name']}: question {place}</p>",
            "position": place,
            "type": "MULTIPLE_CHOICE" if place % 3 else "MULTIPLE_ANSWERS",
        }
        for place in range(1, quiz["questions"] + 1)
    ]


def _choices(run: Run, question: Wire, arguments: Wire) -> list[Wire]:
    right = question["id"] % len(CHOICES)
    return [
        {"id": question["id"] * 10 + place, "text": text, "position": place + 1, "correct": place == right}
        for place, text in enumerate(CHOICES)
    ]


# -- surveys and assignments -----------------------------------------------------------------------------


def surveys(run: Run, _: Any, arguments: Wire) -> list[Wire]:
    name = ((arguments.get("filter") or {}).get("name") or "").lower()
    return [content for content in _contents(run, "Survey") if name in content["name"].lower()]


def _contents(run: Run, kind: str) -> list[Wire]:
    site = run.site
    return site.answer(
        ("contents", kind), lambda: (c for c in site.contents if c["contentable_type"] == kind)
    )


def _course_id(run: Run, content: Wire) -> int | None:
    return run.site.course_of_chapter.get(content["chapter_id"])


def _survey_questions(run: Run, survey: Wire, arguments: Wire) -> list[Wire]:
    first = survey["id"] * 10
    return [
        {"id": first, "prompt": "How was it?", "position": 1, "questionType": "MULTIPLE_CHOICE"},
        {"id": first + 1, "prompt": "What would help you more?", "position": 2, "questionType": "TEXT"},
    ]


def _ratings(run: Run, question: Wire, arguments: Wire) -> list[Wire]:
    if question["questionType"] == "TEXT":
        return []
    return [
        {"id": question["id"] * 10 + place, "text": text, "position": place + 1}
        for place, text in enumerate(RATINGS)
    ]


def _answered(run: Run, kind: str) -> list[Wire]:
    """Returns the answers to contents of this kind: by the first 20 people who completed the course."""

    def build() -> Iterator[Wire]:
        for content in _contents(run, kind):
            course_id = _course_id(run, content)
            done = [e for e in run.site.enrollments_in.get(course_id or 0, ()) if e.completed_at is not None]
            for place, enrollment in enumerate(done[:SUBMITTED]):
                yield _answer_row(content, place, enrollment)

    return run.site.answer(("answered", kind), build)


def _answer_row(content: Wire, place: int, enrollment: Enrollment) -> Wire:
    return {
        "id": content["id"] * 100 + place,
        "content": content,
        "user_id": enrollment.user_id,
        "course_id": enrollment.course_id,
        "at": enrollment.completed_at,
    }


def survey_submissions(run: Run, _: Any, arguments: Wire) -> list[Wire]:
    wanted = arguments.get("filter") or {}
    rows = _answered(run, "Survey")
    if wanted.get("userIds") is not None:
        users = _numbers(wanted["userIds"])
        rows = [row for row in rows if row["user_id"] in users]
    if wanted.get("courseIds") is not None:
        courses = _numbers(wanted["courseIds"])
        rows = [row for row in rows if row["course_id"] in courses]
    in_time = _in_time(wanted)
    return rows if in_time is None else [row for row in rows if in_time(row["at"])]


def _survey_answers(run: Run, row: Wire, arguments: Wire) -> list[Wire]:
    rating, remark = _survey_questions(run, row["content"], {})
    chosen = _ratings(run, rating, {})[row["id"] % len(RATINGS)]
    return [
        {"question": rating, "choices": [chosen], "textResponse": None, "skipped": False},
        {"question": remark, "choices": [], "textResponse": "More examples.", "skipped": False},
    ]


def assignment_submissions(run: Run, user: Any, arguments: Wire) -> list[Wire]:
    """Returns the assignment submissions of the site or, as a field of a user, of that user."""
    rows = _answered(run, "Assignment")
    wanted = arguments.get("filter") or {}
    if user is not run.site:
        rows = [row for row in rows if row["user_id"] == user.id]
    if wanted.get("userIds") is not None:
        users = _numbers(wanted["userIds"])
        rows = [row for row in rows if row["user_id"] in users]
    return rows


def assignment_submission(run: Run, given: Any) -> Wire | None:
    number = ids.read(given)
    return next((row for row in _answered(run, "Assignment") if row["id"] == number), None)


def _review(run: Run, row: Wire, arguments: Wire) -> str:
    return run.site.reviewed_assignments.get(row["id"], ("PENDING", None))[0]


def _reviewed_at(run: Run, row: Wire, arguments: Wire) -> str | None:
    return moment(run.site.reviewed_assignments.get(row["id"], ("PENDING", None))[1])


def _updated_at(run: Run, row: Wire, arguments: Wire) -> str | None:
    return _reviewed_at(run, row, arguments) or moment(row["at"])


def _file(row: Wire) -> Wire:
    return {"name": f"answer-{row['id']}.pdf", "type": "application/pdf", "url": row["content"]["take_url"]}


def _user(run: Run, row: Wire, arguments: Wire) -> Any:
    return run.site.users.get(row["user_id"])


def _at(row: Wire) -> str | None:
    return moment(row["at"])


QUIZ: dict[str, Resolver | Get] = {
    "id": ids.of("Quiz"),
    "passingScore": key("passing_score"),
    "questions": _questions,
}
SUBMISSION: dict[str, Resolver | Get] = {
    "id": ids.of("QuizSubmission"),
    "attempts": Get(lambda s: s.attempts),
    "correctCount": Get(lambda s: s.correct_count),
    "incorrectCount": Get(lambda s: s.incorrect_count),
    "passed": Get(lambda s: s.passed),
    "completedAt": Get(lambda s: moment(s.completed_at)),
    "createdAt": Get(lambda s: moment(s.created_at)),
    "quiz": lambda run, s, a: run.site.quizzes.get(s.quiz_id),
    "user": lambda run, s, a: run.site.users.get(s.user_id),
    # Thinkific allows null here, and our client does not read the chosen answers.
    "userAnswers": lambda run, s, a: None,
}
RESULT_TYPES: Types = {
    "Quiz": QUIZ,
    "QuizQuestion": {"id": ids.of("Question"), "choices": _choices},
    "QuizChoice": {"id": ids.of("Choice")},
    "QuizSubmission": SUBMISSION,
    "Survey": {
        "id": ids.of("Survey"),
        "createdAt": Get(lambda content: None),
        "questions": _survey_questions,
    },
    "SurveyQuestion": {"id": ids.of("SurveyQuestion"), "choices": _ratings},
    "SurveyChoice": {"id": ids.of("SurveyChoice")},
    "SurveySubmission": {
        "id": ids.of("SurveySubmission"),
        "createdAt": Get(_at),
        "completedAt": Get(_at),
        "user": _user,
        "survey": lambda run, row, a: row["content"],
        "course": lambda run, row, a: run.site.courses.get(row["course_id"]),
        "userAnswers": _survey_answers,
    },
    "AssignmentSubmission": {
        "id": ids.of("AssignmentSubmission"),
        "status": _review,
        "file": lambda run, row, a: _file(row),
        "user": _user,
        "assignment": lambda run, row, a: row["content"],
        "reviewedAt": _reviewed_at,
        "createdAt": Get(_at),
        "updatedAt": _updated_at,
    },
    "Assignment": {"lesson": lambda run, content, a: content},
}
