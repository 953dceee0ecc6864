"""What Thinkific said to a change: its reason first, and the request that it answered after it."""

import re

from django.utils.safestring import SafeString
from django.utils.text import capfirst

from core.admin.kit import cells
from core.email_display import as_people_write

# "POST /enrollments answered 422: the course is a draft", as thinkific/client/errors.py words it.
_ANSWER = re.compile(r"((?:[A-Z]{3,7} /\S*|GraphQL \w+)(?: answered \d{3})?): (.+)", re.DOTALL)


def parted(error: str) -> tuple[str, str]:
    """The reason, and the request with its status; that is empty where the text is no answer to one."""
    found = _ANSWER.fullmatch(as_people_write(error))
    return (_in_words(found[2]), found[1]) if found else (as_people_write(error), "")


def _in_words(reason: str) -> str:
    """Without names of fields that are no words: "course_id: The course is not published." """
    return "; ".join(map(_one_in_words, reason.split("; ")))


def _one_in_words(part: str) -> str:
    found = re.fullmatch(r"([a-z]+(?:_[a-z]+)*): (.+)", part, re.DOTALL)
    if found is None:
        return part
    field, said = found[1], found[2]
    if field.endswith("_id") and said[0].isupper():  # a sentence that says itself what it is about
        return said
    return f"{capfirst(field.removesuffix('_id').replace('_', ' '))}: {said}"


def in_one_line(error: str) -> str:
    reason, request = parted(error)
    return f"{reason} ({request})" if request else reason


def cell(error: str) -> SafeString:
    """For a list: the reason in as many lines as it takes, its request below."""
    return _two_lines(*parted(error), limit=cells.SHOWN_CHARACTERS)


def whole(error: str) -> SafeString:
    """For a page of its own: Thinkific's words as they came."""
    found = _ANSWER.fullmatch(error)
    return _two_lines(*((found[2], found[1]) if found else (error, "")), limit=5000)


def _two_lines(reason: str, request: str, *, limit: int) -> SafeString:
    if not reason:
        return cells.NOTHING
    shown = cells.sentence(reason, limit)
    return cells.with_second(shown, request) if request else shown
