"""The curriculum: chapters, lessons and their contents. Courses of the newer builder have one too."""

from typing import Any

from integrations.thinkific.sandbox.graphql import ids
from integrations.thinkific.sandbox.graphql.sdl import PLAIN_CONTENTS
from integrations.thinkific.sandbox.graphql.types import Get, Resolver, Run, Types

Wire = dict[str, Any]
# REST's contentable_type -> the type in GraphQL.
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


def _quiz(run: Run, content: Wire, arguments: Wire) -> Wire | None:
    return run.site.quizzes.get(run.site.quiz_of_content.get(content["id"]))


CONTENT: dict[str, Resolver | Get] = {"id": ids.of("Content"), "contentType": Get(_enum)}
LESSON_TYPES: Types = {
    "Curriculum": {
        "chaptersCount": Get(lambda course: len(course["chapter_ids"])),
        "lessonsCount": _lessons_count,
        "totalVideoContentTime": _video_time,
        "chapters": _chapters,
    },
    "Chapter": {
        "id": ids.of("Chapter"),
        "position": Get(lambda chapter: chapter["position"]),
        "title": Get(lambda chapter: chapter["name"]),
        "lessons": _lessons,
    },
    "Lesson": {
        "id": ids.of("Lesson"),
        "title": Get(lambda content: content["name"]),
        "lessonType": Get(_enum),
        "draft": Get(lambda content: False),
        "takeUrl": Get(lambda content: content["take_url"]),
        "course": _course,
        "chapter": _chapter,
        "content": lambda run, content, a: content,
    },
    **dict.fromkeys(PLAIN_CONTENTS, CONTENT),
    "PdfContent": CONTENT | {"url": Get(lambda content: f"{content['take_url']}.pdf")},
    "VideoContent": CONTENT | {"url": Get(lambda content: f"{content['take_url']}.mp4")},
    "QuizContent": CONTENT | {"quiz": _quiz},
}
