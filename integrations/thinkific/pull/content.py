"""Pulling curricula: chapters, lessons and quizzes of each course."""

from collections.abc import Iterator
from functools import partial

from django.db.models import Max

from core.models import Chapter, Lesson, Product
from core.services.mirror.catalog import apply_curriculum, remove_chapters, remove_lessons
from integrations.thinkific.pull.content_plan import Plan
from integrations.thinkific.pull.course_content import Curriculum, read_course
from integrations.thinkific.runs.context import Pull
from integrations.thinkific.runs.deletion_guard import mark_missing
from integrations.thinkific.runs.lifecycle import UNREAD


def pull_content(pull: Pull) -> None:
    """The curriculum of every course, stored one after the other; with the option `unread`, of those whose
    content was never read."""
    courses = Product.objects.courses().filter(removed_at__isnull=True).order_by("pk")
    if UNREAD in pull.run.options:
        courses = courses.filter(content_synced_at__isnull=True)
    pull.run.pages_total = courses.count()
    pull.cursor.setdefault("chapters_top", _top(Chapter))
    pull.cursor.setdefault("lessons_top", _top(Lesson))
    pull.cursor.setdefault("unread", [])
    todo = list(courses.filter(pk__gt=pull.cursor.get("course", 0)))
    plan = Plan(pull, todo)
    pull.commit(partial(pull.cursor.update, planned={"seconds": plan.seconds, "pages": len(todo)}))
    for course, curriculum in read_curricula(pull, plan, todo):
        _store(pull, course, curriculum, judge=False)
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


def pull_course_content(pull: Pull, course: Product) -> None:
    """One course; what is gone from it is marked at once."""
    for _, curriculum in read_curricula(pull, Plan(pull, [course]), [course]):
        _store(pull, course, curriculum, judge=True)


def read_curricula(pull: Pull, plan: Plan, courses: list[Product]) -> Iterator[tuple[Product, Curriculum]]:
    """What Thinkific has in these courses, in their order: each is read by the way that the plan says."""
    curricula = pull.side_by_side(read_course(pull, plan, course) for course in courses)
    return zip(courses, curricula, strict=True)


def note_unread(pull: Pull, course: Product, curriculum: Curriculum) -> None:
    """Count what could not be read, in the step that stores what could."""
    pull.run.skipped += curriculum.unknown
    for problem in curriculum.problems:
        pull.fail(str(course), problem)


def _store(pull: Pull, course: Product, curriculum: Curriculum, *, judge: bool) -> None:
    """With `judge`, what is gone from the course is marked at once; else what it has is noted as met."""

    def write() -> None:
        pull.cursor["course"] = course.pk
        pull.run.pages_done += 1
        note_unread(pull, course, curriculum)
        if not curriculum.complete:
            pull.cursor.setdefault("unread", []).append(course.pk)
        if not curriculum.is_known:
            return
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
