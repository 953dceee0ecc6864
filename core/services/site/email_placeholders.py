"""Placeholders in texts of e-mails: `{first_name}`.

This is no template language: a placeholder is one of the names that the e-mail has, between braces, and
nothing else. `str.format` would also read attributes of the values (`{link.__class__}`), so it is not used.
"""

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping

PLACEHOLDER = re.compile(r"\{[^{}\n]*\}")


def problems(text: str, allowed: Collection[str]) -> Iterator[str]:
    """Yields for each brace that belongs to none of the allowed placeholders a sentence that helps."""
    told = set()
    for number, line in enumerate(text.split("\n"), start=1):
        for found in PLACEHOLDER.findall(line):
            if found[1:-1] not in allowed and found not in told:
                told.add(found)
                yield _unknown(found, allowed)
        if re.search(r"[{}]", PLACEHOLDER.sub("", line)):
            yield f"Line {number} has a brace that belongs to no placeholder. Write {_listed(allowed)}."


def names_in(text: str) -> set[str]:
    return {found[1:-1] for found in PLACEHOLDER.findall(text)}


def filled(text: str, values: Mapping[str, str], *, several_lines: Collection[str] = ()) -> str:
    """Returns the text with the values in the place of the placeholders, each in one line unless its name is
    in `several_lines`. What stands in a value is never read as a placeholder. An empty value takes a blank
    before it away, and a comma that would have nothing to part: "Hello {first_name}," becomes "Hello,",
    "Welcome, {first_name}!" becomes "Welcome!", and "{first_name}, your courses" becomes "Your courses"."""
    if empty := "|".join(re.escape(name) for name, value in values.items() if not str(value).strip()):
        text = re.sub(rf"(?m)^\{{(?:{empty})\}}[,:] (\w)", lambda found: found[1].upper(), text)
        text = re.sub(rf"(?m),? ?\{{(?:{empty})\}}(?=[,.!?:;]|$)", "", text)

    def value_of(found: re.Match[str]) -> str:
        lines = str(values[found["name"]]).split("\n" if found["name"] in several_lines else None)
        # Otherwise a name with a line of its own could write into the text of somebody else.
        value = ("\n" if found["name"] in several_lines else " ").join(
            " ".join(line.split()) for line in lines
        )
        return f"{found['blank']}{value}" if value else ""

    names = "|".join(map(re.escape, values))
    return re.sub(rf"(?P<blank> ?)\{{(?P<name>{names})\}}", value_of, text) if values else text


def has_control_characters(text: str, *, lines: bool) -> bool:
    """Whether the text has a character that no mail should have. `lines`: whether it may have several
    lines."""
    kept = "\n\t" if lines else ""
    return any(unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} and sign not in kept for sign in text)


def _unknown(found: str, allowed: Collection[str]) -> str:
    close = difflib.get_close_matches(found[1:-1].strip().lower(), allowed, n=1)
    helps = f"Did you mean {{{close[0]}}}?" if close else f"Use {_listed(allowed)}."
    return f"{found[:60]} is no placeholder of this e-mail. {helps}"


def _listed(allowed: Collection[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in allowed)
