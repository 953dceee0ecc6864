"""What the columns of a file mean, for every kind of import."""

import re
from collections.abc import Iterable, Mapping, Sequence

from core.folding import bare

Columns = dict[int, str]  # column, from 0 -> field; a column that is left out is ignored

_NOT_A_LETTER = re.compile(r"[\W_]+")


def meanings(synonyms: Mapping[str, str]) -> dict[str, str]:
    """Returns the field of each header, from the headers of each field: words that `plain` returns."""
    return {word: field for field, words in synonyms.items() for word in words.split()}


def plain(header: str) -> str:
    """Returns the letters and digits of a header as they are compared."""
    return _NOT_A_LETTER.sub("", bare(header))


def first_of_each(meant: Iterable[str | None]) -> Columns:
    """Returns the columns of what each header means (None: not known). A field is given once, to the first
    header that means it."""
    found: Columns = {}
    for index, field in enumerate(meant):
        if field is not None and field not in found.values():
            found[index] = field
    return found


def problem_with(columns: Columns, headers: Sequence[str], fields: Mapping[str, str]) -> str:
    """Returns what is wrong with columns of any kind, in a sentence; empty when nothing is."""
    for index, field in columns.items():
        if not 0 <= index < len(headers):
            return f"The file has no column {index + 1}. Map its columns again."
        if field not in fields:
            return f"There is no field “{field}”. Choose one of {', '.join(fields.values())}."
    for field, label in fields.items():
        twice = [headers[index] for index, chosen in sorted(columns.items()) if chosen == field]
        if len(twice) > 1:
            return f"“{twice[0]}” and “{twice[1]}” are both mapped to {label}. Choose one of them."
    return ""


def ignored(columns: Iterable[int], headers: Sequence[str]) -> list[str]:
    """Returns the headers of the columns that are not imported."""
    used = set(columns)
    return [header for index, header in enumerate(headers) if header and index not in used]
