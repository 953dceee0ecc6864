"""Pulls curricula: chapters, lessons and quizzes of each course."""

from collections.abc import Iterator
from functools import partial

from msgspec import UNSET, Struct, UnsetType

from core.models import Chapter, Lesson, Product
from core.services.mirror.catalog import apply_curriculum, remove_chapters, remove_lessons
from integrations.thinkific.pull.content_plan import Plan
from integrations.thinkific.pull.course_content import Curriculum, read_course
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.deletion_guard import mark_missing
from integrations.thinkific.runs.lifecycle import UNREAD
from integrations.thinkific.runs.list_walk import top_of
from integrations.thinkific.runs.state import Place


class Planned(Struct):
    seconds: float
    pages: int


class ContentPlace(Place):
    course: int = 0  # the last course (primary key) that is stored
    chapters_top: int | UnsetType = UNSET
    lessons_top: int | UnsetType = UNSET
    unread: list[int] = []  # courses (primary keys) whose content did not come completely
    planned: Planned | UnsetType = UNSET


def pull_content(context: RunContext) -> None:
    """Pull the curriculum of every course, or with the option `unread`, of courses whose content was never
    read."""
    courses = Product.objects.courses().filter(removed_at__isnull=True).order_by("pk")
    if UNREAD in context.run.options:
        courses = courses.filter(content_synced_at__isnull=True)
    context.run.pages_total = courses.count()
    place = context.place(ContentPlace)
    if place.chapters_top is UNSET or place.lessons_top is UNSET:
        place.chapters_top, place.lessons_top = top_of(Chapter.objects.all()), top_of(Lesson.objects.all())
    todo = list(courses.filter(pk__gt=place.course))
    plan = Plan(context, todo)
    context.commit(partial(setattr, place, "planned", Planned(seconds=plan.seconds, pages=len(todo))))
    for course, curriculum in read_curricula(context, plan, todo):
        _store(context, course, curriculum, remove_missing=False)
    if UNREAD in context.run.options:
        return
    here = Chapter.objects.filter(removed_at__isnull=True, product__in=courses)
    here = here.exclude(product__in=place.unread)
    mark_missing(
        context,
        "chapters",
        here,
        lambda pks, *, source, now: remove_chapters(pks, now=now),
        top=place.chapters_top,
        what="chapters",
    )
    mark_missing(
        context,
        "lessons",
        Lesson.objects.filter(removed_at__isnull=True, chapter__in=here),
        remove_lessons,
        top=place.lessons_top,
        what="lessons",
    )


def pull_course_content(context: RunContext, course: Product) -> None:
    """Pull the content of one course. What is gone from it is marked as removed at once."""
    for _, curriculum in read_curricula(context, Plan(context, [course]), [course]):
        _store(context, course, curriculum, remove_missing=True)


def read_curricula(
    context: RunContext, plan: Plan, courses: list[Product]
) -> Iterator[tuple[Product, Curriculum]]:
    """Yields the courses in their order, each with its content in Thinkific, read in the way that the plan
    chooses."""
    curricula = context.side_by_side(read_course(context, plan, course) for course in courses)
    return zip(courses, curricula, strict=True)


def note_unread(context: RunContext, course: Product, curriculum: Curriculum) -> None:
    """Count what could not be read. Call it in the step that stores the rest."""
    context.run.skipped += curriculum.unknown
    for problem in curriculum.problems:
        context.fail(str(course), problem)


def _store(context: RunContext, course: Product, curriculum: Curriculum, *, remove_missing: bool) -> None:
    """Store the content of a course. With `remove_missing`, chapters and lessons that are gone are marked as
    removed at once."""

    def write() -> None:
        place = context.place(ContentPlace)
        place.course = course.pk
        context.run.pages_done += 1
        note_unread(context, course, curriculum)
        if not curriculum.complete:
            place.unread.append(course.pk)
        if not curriculum.is_known:
            return
        context.run.fetched += len(curriculum.chapters) + len(curriculum.lessons)
        applied, chapters, lessons = apply_curriculum(
            course,
            curriculum.chapters,
            curriculum.lessons,
            curriculum.quizzes,
            complete=curriculum.complete and remove_missing,
            now=context.now,
            source=context.source,
        )
        context.count(applied)
        context.seen("chapters").add(chapters)
        context.seen("lessons").add(lessons)
        Product.objects.filter(pk=course.pk).update(content_synced_at=context.now)

    context.store(write)
