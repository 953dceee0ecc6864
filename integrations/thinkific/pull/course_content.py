"""Reads the content of one course: over GraphQL, or over REST with the quizzes of its lessons over GraphQL.

Both ways find the same chapters and lessons with the same values.
"""

import re
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from core.models import Product
from core.models.catalog import TITLE_LENGTH
from integrations.thinkific.cleaning import Notes
from integrations.thinkific.client import schemas
from integrations.thinkific.client.decoding import Page
from integrations.thinkific.client.errors import (
    CredentialsRefused,
    Endless,
    NotFound,
    Rejected,
    SchemaDrift,
    TooExpensive,
)
from integrations.thinkific.client.graphql import curriculum
from integrations.thinkific.client.graphql.sending import GraphPage
from integrations.thinkific.client.rest import all_pages
from integrations.thinkific.client.schemas import parse_graphql_id
from integrations.thinkific.mapping import Values, quiz_row
from integrations.thinkific.pull.content_plan import GRAPHQL, Plan
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.jobs import Ask, Job

T = TypeVar("T")
Part = Generator[list[Ask], list[Any], T]

# REST's names of kinds of lessons -> GraphQL's, where these are not the same in capitals.
KINDS = {"Lesson": "VIDEO", "HtmlItem": "TEXT", "Iframe": "MULTIMEDIA"}
QUIZ = "QUIZ"


@dataclass
class Curriculum:
    """The content of one course. `complete` is False when a part of it could not be read."""

    chapters: list[Values] = field(default_factory=list)
    lessons: list[Values] = field(default_factory=list)
    quizzes: list[Values] = field(default_factory=list)
    complete: bool = True
    problems: list[str] = field(default_factory=list)
    is_known: bool = True  # False: Thinkific does not show the content
    unknown: int = 0  # 1 if it is not known and that is not an error

    @classmethod
    def unread(cls, *problems: str) -> "Curriculum":
        return cls(complete=False, problems=list(problems), is_known=False, unknown=not problems)


def read_course(context: RunContext, plan: Plan, course: Product) -> Job[Curriculum]:
    """Returns the content of the course in Thinkific, read in the cheaper way, or in the other one if the
    first does not have the course."""
    if plan.way(course) == GRAPHQL:
        try:
            return (yield from _from_graphql(context, plan, course))
        except CredentialsRefused as error:
            plan.refuse(error)
        except (NotFound, SchemaDrift):
            pass  # REST may have it
        except (Rejected, Endless, TooExpensive) as error:
            return Curriculum.unread(str(error))
    if course.source != Product.Source.REST:
        return Curriculum.unread()  # only GraphQL shows courses of the new builder
    try:
        return (yield from _from_rest(context, plan, course))
    except NotFound:
        return Curriculum.unread("Thinkific does not know this course.")


# --- GraphQL ------------------------------------------------------------------------------------------


def _from_graphql(context: RunContext, plan: Plan, course: Product) -> Part[Curriculum]:
    def ask() -> list[GraphPage[schemas.ChapterNode]]:
        return list(
            curriculum.curriculum(context.client.graphql, course.productable_id, size=plan.size(course))
        )

    found, notes, place = Curriculum(), Notes(), 0
    [pages] = yield [Ask(ask, points=True)]
    for page in pages:
        for bad in page.rows.bad:
            found.complete = False
            found.problems.append(f"Chapter {bad.id}: {bad.message}")
        for chapter in page.rows:
            place += 1
            _add_chapter(found, notes, course, chapter, place)
    found.problems += [f"{issue.object}: {issue.message}" for issue in notes.issues]
    return found


def _add_chapter(
    found: Curriculum, notes: Notes, course: Product, chapter: schemas.ChapterNode, place: int
) -> None:
    number = parse_graphql_id(chapter.id)
    if number is None:
        found.complete = False
        found.problems.append(f"The chapter id “{chapter.id}” holds no number.")
        return
    position = chapter.position if chapter.position is not None else place
    found.chapters.append(
        _chapter(course, number, notes.text(chapter.title, TITLE_LENGTH, "Chapter", "name"), position)
    )
    for order, lesson in enumerate(chapter.lessons, start=1):
        lesson_number = parse_graphql_id(lesson.id)
        if lesson_number is None:
            found.complete = False
            found.problems.append(f"The lesson id “{lesson.id}” holds no number.")
            continue
        kind = lesson.lesson_type or (lesson.content.content_type if lesson.content else None)
        found.lessons.append(
            {
                "thinkific_id": lesson_number,
                "chapter": number,
                "quiz": _add_quiz(found, notes, course, lesson.content.quiz if lesson.content else None),
                "name": notes.text(lesson.title, TITLE_LENGTH, "Lesson", "name"),
                "position": order,
                "content_type": notes.text(kind, 100, "Lesson", "type"),
                "take_url": notes.text(lesson.take_url, 2000, "Lesson", "address"),
                "removed_at": None,
            }
        )


def _add_quiz(found: Curriculum, notes: Notes, course: Product, quiz: schemas.Quiz | None) -> int | None:
    number = parse_graphql_id(quiz.id) if quiz else None
    if quiz is not None and number is not None:
        row = {"thinkific_id": number, "product_id": course.pk, "removed_at": None}
        found.quizzes.append({**row, **quiz_row(quiz, notes)})
    return number


def _chapter(course: Product, number: int, name: str, position: int) -> Values:
    return {
        "thinkific_id": number,
        "product_id": course.pk,
        "name": name,
        "position": position,
        "removed_at": None,
    }


# --- REST ---------------------------------------------------------------------------------------------


def _from_rest(context: RunContext, plan: Plan, course: Product) -> Part[Curriculum]:
    found, notes, rest = Curriculum(), Notes(), context.client.rest
    ask: Callable[[int], Page[schemas.Chapter]] = partial(rest.course_chapters_page, course.productable_id)
    [chapters] = yield [Ask(partial(_all, ask, "of chapters"))]
    found.complete, found.problems = not chapters.problems and chapters.is_whole, chapters.problems
    contents = yield [
        Ask(partial(_all, partial(rest.chapter_contents_page, chapter.id), "of lessons"))
        for chapter in chapters.rows
    ]
    for chapter, inside in zip(chapters.rows, contents, strict=True):
        name = notes.text(chapter.name, TITLE_LENGTH, "Chapter", "name")
        found.chapters.append(_chapter(course, chapter.id, name, chapter.position or 0))
        found.problems += inside.problems
        found.complete = found.complete and not inside.problems and inside.is_whole
        rows = sorted(inside.rows, key=lambda content: content.position or 0)
        for order, row in enumerate(rows, start=1):
            found.lessons.append(_lesson(notes, chapter.id, row, order))
            if not plan.knows_graphql:  # otherwise only the courses that happen to be read over REST had it
                found.lessons[-1]["free"] = bool(row.free)
    yield from _add_quizzes(context, plan, course, found, notes)
    found.problems += [f"{issue.object}: {issue.message}" for issue in notes.issues]
    return found


def _lesson(notes: Notes, chapter: int, content: schemas.Content, order: int) -> Values:
    return {
        "thinkific_id": content.id,
        "chapter": chapter,
        "name": notes.text(content.name, TITLE_LENGTH, "Lesson", "name"),
        "position": order,
        "content_type": notes.text(_kind(content.contentable_type), 100, "Lesson", "type"),
        "take_url": notes.text(content.take_url, 2000, "Lesson", "address"),
        "removed_at": None,
    }


def _kind(name: str | None) -> str | None:
    """Returns GraphQL's name of a kind of lesson: LIVE_LESSON for `LiveLesson`."""
    return KINDS.get(name, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()) if name else name


def _add_quizzes(
    context: RunContext, plan: Plan, course: Product, found: Curriculum, notes: Notes
) -> Part[None]:
    """Add the quizzes of the lessons, which only GraphQL has. If it cannot be asked, stored quizzes stay."""
    lessons = [row for row in found.lessons if row["content_type"] == QUIZ]
    if not plan.knows_graphql:
        return
    if lessons:
        numbers = [row["thinkific_id"] for row in lessons]
        try:
            [quizzes] = yield [
                Ask(partial(curriculum.lesson_quizzes, context.client.graphql, numbers), points=True)
            ]
        except CredentialsRefused as error:
            plan.refuse(error)
            return
        except (Rejected, SchemaDrift, TooExpensive):
            return
        for row in lessons:
            if row["thinkific_id"] in quizzes:
                row["quiz"] = _add_quiz(found, notes, course, quizzes[row["thinkific_id"]])
    for row in found.lessons:
        if row["content_type"] != QUIZ:
            row["quiz"] = None


@dataclass
class _Listed:
    rows: list[Any] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    is_whole: bool = True


def _all(ask: Callable[[int], Page[T]], what: str) -> _Listed:
    found = _Listed()

    def read(number: int) -> Page[T]:
        page = ask(number)
        found.problems += [f"{bad.id}: {bad.message}" for bad in page.bad_rows]
        if page.total_items is None or page.total_items < (number - 1) * page.asked + page.fetched:
            found.is_whole = False  # more rows may follow
        return page

    rows: Iterable[T] = all_pages(read, what)
    try:
        found.rows += rows
    except Endless as error:
        found.problems.append(str(error))
    return found
