"""Shows Thinkific's answer to a push: the reason first, then the request."""

import re

from django.utils.safestring import SafeString
from django.utils.text import capfirst

from core.admin.kit import cells
from core.email_display import as_people_write

# The format of thinkific/client/errors.py: "POST /enrollments answered 422: the course is a draft".
_ANSWER = re.compile(r"((?:[A-Z]{3,7} /\S*|GraphQL \w+)(?: answered \d{3})?): (.+)", re.DOTALL)


def parted(error: str) -> tuple[str, str]:
    """Returns the reason, and the request with its status; the second is empty for other texts."""
    found = _ANSWER.fullmatch(as_people_write(error))
    return (_in_words(found[2]), found[1]) if found else (as_people_write(error), "")


def _in_words(reason: str) -> str:
    """Returns the reason with field names as words, or without them: "course_id: The course is …"."""
    return "; ".join(map(_one_in_words, reason.split("; ")))


def _one_in_words(part: str) -> str:
    found = re.fullmatch(r"([a-z]+(?:_[a-z]+)*): (.+)", part, re.DOTALL)
    if found is None:
        return part
    field, said = found[1], found[2]
    if field.endswith("_id") and said[0].isupper():  # a whole sentence, which names its subject
        return said
    return f"{capfirst(field.removesuffix('_id').replace('_', ' '))}: {said}"


def in_one_line(error: str) -> str:
    reason, request = parted(error)
    return f"{reason} ({request})" if request else reason


def cell(error: str) -> SafeString:
    """Returns the cell for a list: the reason in as many lines as it needs, and the request below."""
    return _two_lines(*parted(error), limit=cells.SHOWN_CHARACTERS)


def whole(error: str) -> SafeString:
    """Returns Thinkific's unchanged answer, for the detail page."""
    found = _ANSWER.fullmatch(error)
    return _two_lines(*((found[2], found[1]) if found else (error, "")), limit=5000)


def _two_lines(reason: str, request: str, *, limit: int) -> SafeString:
    if not reason:
        return cells.NOTHING
    shown = cells.sentence(reason, limit)
    return cells.with_second(shown, request) if request else shown
