"""The curriculum: chapters, lessons and what is in them. Courses of the newer builder have one, too."""

from typing import Any

from . import ids
from .types import FieldType, Run, Types, connection, one, scalar

Wire = dict[str, Any]
# What REST calls contentable_type, and the type and enum of it in GraphQL.
CONTENT_KINDS = {
    "Quiz": "QuizContent",
    "Pdf": "PdfContent",
    "Lesson": "VideoContent",
    "HtmlItem": "TextContent",
    "Audio": "AudioContent",
    "Download": "DownloadContent",
    "Presentation": "PresentationContent",
    "Survey": "SurveyContent",
    "Assignment": "AssignmentContent",
    "Iframe": "MultimediaContent",
}


def content_type(content: Wire) -> str:
    return CONTENT_KINDS.get(content["contentable_type"], "OtherContent")


def _enum(content: Wire) -> str:
    return content_type(content).removesuffix("Content").upper()


def _id(kind: str) -> FieldType:
    return FieldType(lambda run, row, a: ids.shown(kind, row["id"], run.options.graphql_ids))


def _chapters(run: Run, course: Wire, arguments: Wire) -> list[Wire]:
    return [chapter for chapter_id in course["chapter_ids"] if (chapter := run.site.chapters.get(chapter_id))]


def _lessons(run: Run, chapter: Wire, arguments: Wire) -> list[Wire]:
    return [
        content for content_id in chapter["content_ids"] if (content := run.site.contents.get(content_id))
    ]


def _chapter(run: Run, content: Wire, arguments: Wire) -> Wire | None:
    return run.site.chapters.get(content["chapter_id"])


def _course(run: Run, content: Wire, arguments: Wire) -> Wire | None:
    return run.site.courses.get(run.site.course_of_chapter.get(content["chapter_id"]))


def _lessons_count(run: Run, course: Wire, arguments: Wire) -> int:
    return sum(len(chapter["content_ids"]) for chapter in _chapters(run, course, arguments))


def _video_time(run: Run, course: Wire, arguments: Wire) -> int:
    return sum(chapter["duration_in_seconds"] or 0 for chapter in _chapters(run, course, arguments))


CONTENT = {"id": _id("Content"), "contentType": scalar(_enum)}
LESSON_TYPES: Types = {
    "Curriculum": {
        "chaptersCount": scalar(lambda course: len(course["chapter_ids"])),
        "lessonsCount": FieldType(_lessons_count),
        "totalVideoContentTime": FieldType(_video_time),
        "chapters": connection("Chapter", _chapters),
    },
    "Chapter": {
        "id": _id("Chapter"),
        "position": scalar(lambda chapter: chapter["position"]),
        "title": scalar(lambda chapter: chapter["name"]),
        "lessons": connection("Lesson", _lessons),
    },
    "Lesson": {
        "id": _id("Lesson"),
        "title": scalar(lambda content: content["name"]),
        "lessonType": scalar(_enum),
        "draft": scalar(lambda content: False),
        "takeUrl": scalar(lambda content: content["take_url"]),
        "course": one("Course", _course),
        "chapter": one("Chapter", _chapter),
        "content": one("Content", lambda run, content, a: content),
    },
    "Content": CONTENT,
    **dict.fromkeys((*CONTENT_KINDS.values(), "OtherContent"), CONTENT),
    "PdfContent": CONTENT | {"url": scalar(lambda content: f"{content['take_url']}.pdf")},
    "VideoContent": CONTENT | {"url": scalar(lambda content: f"{content['take_url']}.mp4")},
    "QuizContent": CONTENT
    | {
        "quiz": one(
            "Quiz", lambda run, content, a: run.site.quizzes.get(run.site.quiz_of_content.get(content["id"]))
        )
    },
}
