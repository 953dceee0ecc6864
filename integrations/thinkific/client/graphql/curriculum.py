"""What courses contain, by GraphQL: their sizes, their chapters with all lessons, the quizzes of lessons.

A query for chapters with their lessons costs a point for each lesson that is asked for, even if there are
fewer. So the caller says how many; further queries ask for the rest.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from integrations.thinkific.client import schemas
from integrations.thinkific.client.decoding import read_row, read_rows
from integrations.thinkific.client.graphql.graphql import GraphQL
from integrations.thinkific.client.graphql.queries import CHAPTER, CURRICULUM, LESSON, QUIZ_OF_LESSON, SIZES
from integrations.thinkific.client.graphql.sending import GraphPage, Query, connection

BASE = 3  # points for the query, the course and its curriculum
FURTHER = 20  # lessons per page, for those of a chapter that did not fit in the first query
QUIZZES = 50  # lessons per query


class Size(NamedTuple):
    """The number of chapters of a course, and of lessons in its largest chapter, as far as known."""

    chapters: int
    lessons: int

    @property
    def points(self) -> int:
        """What the whole course costs by the documented rule."""
        return BASE + self.chapters * max(1, self.lessons)


def course_sizes(graphql: GraphQL) -> Iterator[GraphPage[schemas.CourseSize]]:
    """Yields the sizes of all courses."""
    ask = Query(graphql, "CourseSizes", SIZES, {})
    return ask.pages(("site", "courses"), schemas.CourseSize, 100, None)


def curriculum(graphql: GraphQL, course_id: int, *, size: Size) -> Iterator[GraphPage[schemas.ChapterNode]]:
    """Yields the chapters of one course, each with all its lessons. Raises NotFound for an unknown course."""
    lessons = graphql.learned.rows_of_a_page("Curriculum of a chapter", max(1, size.lessons))
    lessons = min(lessons, graphql.learned.rows_for("Curriculum", BASE, 1))

    def read(node: Any) -> schemas.ChapterNode:
        chapter = dict(node) if isinstance(node, dict) else {}
        nodes, cursor, has_next = connection(chapter.get("lessons") or {}, "Curriculum")
        found, bad = read_rows(nodes, schemas.LessonNode)
        chapter["lessons"] = []
        row = read_row(chapter, schemas.ChapterNode)
        if bad:
            raise msgspec.ValidationError(f"lesson {bad[0].id}: {bad[0].message}")
        row.lessons = found
        if has_next:
            graphql.learned.page("Curriculum of a chapter", asked=lessons, came=len(nodes))
            for page in chapter_lessons(graphql, str(row.id), after=cursor):
                row.lessons.extend(page.rows)
        return row

    text = CURRICULUM % {"lesson": LESSON}
    variables = {"id": str(course_id), "lessons": lessons}
    ask = Query(graphql, "Curriculum", text, variables, base=BASE, cost_per_row=lessons)
    return ask.pages(("course", "curriculum", "chapters"), read, max(1, size.chapters), None)


def chapter_lessons(
    graphql: GraphQL, chapter_id: str, *, after: str | None
) -> Iterator[GraphPage[schemas.LessonNode]]:
    """Yields the lessons of one chapter after a cursor of the curriculum. Takes a GraphQL id."""
    ask = Query(graphql, "ChapterLessons", CHAPTER % {"lesson": LESSON}, {"id": chapter_id})
    return ask.pages(("chapter", "lessons"), schemas.LessonNode, FURTHER, after)


def lesson_quizzes(graphql: GraphQL, lesson_ids: Iterable[int]) -> dict[int, schemas.Quiz]:
    """Returns the quizzes of lessons by the lesson's id, without lessons that have none."""
    numbers, found = list(lesson_ids), {}
    for start in range(0, len(numbers), QUIZZES):
        part = numbers[start : start + QUIZZES]
        asks = [QUIZ_OF_LESSON % {"alias": f"l{one}", "id": json.dumps(str(one))} for one in part]
        rule = quiz_points(len(part))
        cost = graphql.learned.price("LessonQuizzes", rule)
        text = f"query LessonQuizzes {{ {' '.join(asks)} }}"
        answer = graphql.run("LessonQuizzes", text, cost=cost)
        graphql.learned.paid("LessonQuizzes", rule, answer.points.cost)
        for one in part:
            lesson = answer.data.get(f"l{one}") or {}
            told = (lesson.get("content") or {}).get("quiz") if isinstance(lesson, dict) else None
            if told:
                found[one] = read_row(told, schemas.Quiz)
    return found


def quiz_points(lessons: int) -> int:
    """Returns the points that the quizzes of so many lessons cost by the documented rule."""
    return -(-lessons // QUIZZES) + 2 * lessons
