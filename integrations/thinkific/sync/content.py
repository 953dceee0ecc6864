"""Pulling curricula: chapters, lessons and quizzes of each course."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from django.db.models import Max

from core.models import Chapter, Lesson, Product
from core.services.mirror.catalog import apply_curriculum, remove_chapters, remove_lessons
from integrations.thinkific import graphql, schemas
from integrations.thinkific.decoding import Page
from integrations.thinkific.errors import CredentialsRefused, Endless, NotFound, Rejected, SchemaDrift
from integrations.thinkific.mapping import Values, quiz_row
from integrations.thinkific.mending import Notes
from integrations.thinkific.rest import all_pages
from integrations.thinkific.schemas import parse_graphql_id
from integrations.thinkific.sync.pull import Pull
from integrations.thinkific.sync.runs import UNREAD
from integrations.thinkific.sync.walks import mark_missing

T = TypeVar("T")
TITLE = 500


@dataclass
class Curriculum:
    """What one course contains; `complete` is false when a part of it could not be read."""

    chapters: list[Values] = field(default_factory=list)
    lessons: list[Values] = field(default_factory=list)
    quizzes: list[Values] = field(default_factory=list)
    complete: bool = True
    problems: list[str] = field(default_factory=list)


def pull_content(pull: Pull) -> None:
    """The curriculum of every course, one after the other; with the option `unread`, of those whose content
    was never read."""
    courses = Product.objects.courses().filter(removed_at__isnull=True).order_by("pk")
    if UNREAD in pull.run.options:
        courses = courses.filter(content_synced_at__isnull=True)
    pull.run.pages_total = courses.count()
    pull.cursor.setdefault("chapters_top", _top(Chapter))
    pull.cursor.setdefault("lessons_top", _top(Lesson))
    pull.cursor.setdefault("unread", [])
    for course in courses.filter(pk__gt=pull.cursor.get("course", 0)):
        pull_course_content(pull, course, judge=False)
    if UNREAD in pull.run.options:
        return
    here = Chapter.objects.filter(removed_at__isnull=True, product__in=courses)
    here = here.exclude(product__in=pull.cursor["unread"])
    mark_missing(
        pull,
        "chapters",
        here,
        lambda pks: remove_chapters(pks, now=pull.now),
        top=pull.cursor["chapters_top"],
        what="chapters",
    )
    mark_missing(
        pull,
        "lessons",
        Lesson.objects.filter(removed_at__isnull=True, chapter__in=here),
        lambda pks: remove_lessons(pks, source=pull.source, now=pull.now),
        top=pull.cursor["lessons_top"],
        what="lessons",
    )


def _top(model: type[Chapter] | type[Lesson]) -> int:
    return model._default_manager.aggregate(top=Max("pk"))["top"] or 0


def pull_course_content(pull: Pull, course: Product, *, judge: bool = True) -> None:
    """One course: over GraphQL where there is a token, which shows every kind of course; else over REST.

    With `judge`, what is gone from it is marked at once; else what it has is noted as met.
    """
    curriculum = read_curriculum(pull, course)

    def write() -> None:
        pull.cursor["course"] = course.pk
        pull.run.pages_done += 1
        if curriculum is None or not curriculum.complete:
            pull.cursor.setdefault("unread", []).append(course.pk)
        if curriculum is None:
            return
        for problem in curriculum.problems:
            pull.fail(str(course), problem)
        pull.run.fetched += len(curriculum.chapters) + len(curriculum.lessons)
        applied, chapters, lessons = apply_curriculum(
            course,
            curriculum.chapters,
            curriculum.lessons,
            curriculum.quizzes,
            complete=curriculum.complete and judge,
            now=pull.now,
            source=pull.source,
        )
        pull.count(applied)
        pull.seen("chapters").add(chapters)
        pull.seen("lessons").add(lessons)
        Product.objects.filter(pk=course.pk).update(content_synced_at=pull.now)

    pull.store(write)


def read_curriculum(pull: Pull, course: Product) -> Curriculum | None:
    """What Thinkific has in the course; None where it does not say, which is then noted."""
    if pull.client.credentials.token and not pull.cursor.get("no_graphql"):
        try:
            return _from_graphql(pull, course)
        except CredentialsRefused as error:
            pull.cursor["no_graphql"] = True
            pull.refuse(error, "Course content was read over REST, without quizzes.")
        except (NotFound, SchemaDrift):
            pass  # REST may know it
        except (Rejected, Endless) as error:
            pull.fail(str(course), str(error))
            return None
    if course.source != Product.Source.REST:
        pull.run.skipped += 1
        return None  # only GraphQL shows courses of the new builder
    try:
        return _from_rest(pull, course)
    except NotFound:
        pull.fail(str(course), "Thinkific does not know this course.")
        return None


def _from_graphql(pull: Pull, course: Product) -> Curriculum:
    found, notes = Curriculum(), Notes()
    place = 0
    for page in graphql.curriculum(pull.client, course.productable_id):
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
        _chapter(course, number, notes.text(chapter.title, TITLE, "Chapter", "name"), position)
    )
    for order, lesson in enumerate(chapter.lessons, start=1):
        lesson_number = parse_graphql_id(lesson.id)
        if lesson_number is None:
            found.complete = False
            found.problems.append(f"The lesson id “{lesson.id}” holds no number.")
            continue
        quiz = lesson.content.quiz if lesson.content else None
        quiz_number = parse_graphql_id(quiz.id) if quiz else None
        if quiz is not None and quiz_number is not None:
            found.quizzes.append(
                {
                    "thinkific_id": quiz_number,
                    "product_id": course.pk,
                    "removed_at": None,
                    **quiz_row(quiz, notes),
                }
            )
        kind = lesson.lesson_type or (lesson.content.content_type if lesson.content else None)
        found.lessons.append(
            {
                "thinkific_id": lesson_number,
                "chapter": number,
                "quiz": quiz_number,
                "name": notes.text(lesson.title, TITLE, "Lesson", "name"),
                "position": order,
                "content_type": notes.text(kind, 100, "Lesson", "type"),
                "take_url": notes.text(lesson.take_url, 2000, "Lesson", "address"),
                "removed_at": None,
            }
        )


def _chapter(course: Product, number: int, name: str, position: int) -> Values:
    return {
        "thinkific_id": number,
        "product_id": course.pk,
        "name": name,
        "position": position,
        "removed_at": None,
    }


def _from_rest(pull: Pull, course: Product) -> Curriculum:
    found, notes = Curriculum(), Notes()
    for chapter in _all(
        partial(pull.client.course_chapters_page, course.productable_id), found, "of chapters"
    ):
        name = notes.text(chapter.name, TITLE, "Chapter", "name")
        found.chapters.append(_chapter(course, chapter.id, name, chapter.position or 0))
        for content in _all(partial(pull.client.chapter_contents_page, chapter.id), found, "of lessons"):
            found.lessons.append(
                {
                    "thinkific_id": content.id,
                    "chapter": chapter.id,
                    "name": notes.text(content.name, TITLE, "Lesson", "name"),
                    "position": content.position or 0,
                    "content_type": notes.text(content.contentable_type, 100, "Lesson", "type"),
                    "free": bool(content.free),
                    "take_url": notes.text(content.take_url, 2000, "Lesson", "address"),
                    "removed_at": None,
                }
            )
    found.problems += [f"{issue.object}: {issue.message}" for issue in notes.issues]
    return found


def _all(ask: Callable[[int], Page[T]], found: Curriculum, what: str) -> Iterator[T]:
    def read(number: int) -> Page[T]:
        page = ask(number)
        for bad in page.bad_rows:
            found.complete = False
            found.problems.append(f"{bad.id}: {bad.message}")
        if page.total_items is None or page.total_items < (number - 1) * page.asked + page.fetched:
            found.complete = False  # who says that nothing follows?
        return page

    try:
        yield from all_pages(read, what)
    except Endless as error:
        found.complete = False
        found.problems.append(str(error))
