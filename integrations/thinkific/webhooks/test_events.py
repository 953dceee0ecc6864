"""The events that Thinkific sends when somebody presses its test button.

They are signed like any other, and name people, courses and enrollments that the site does not have: "[TEST]"
stands before names and addresses.
"""

from typing import Any

from integrations.models import InboundEvent

MARK = "[test]"
TRIAL = "A test sent by Thinkific. Nothing was made of it."
PARTS = ("user", "course", "product", "quiz", "lesson", "chapter")
NAMES = ("email", "first_name", "last_name", "full_name", "name")


def is_trial(event: InboundEvent) -> bool:
    """Whether it is about somebody whose address cannot be one: nothing has to be asked."""
    return any(_is_marked(part, "email") for part in _parts(event.payload))


def looks_like_a_trial(event: InboundEvent) -> bool:
    """Whether anything in it is called a test. Real things may be, too: ask first whether there are any."""
    return any(_is_marked(part, name) for part in _parts(event.payload) for name in NAMES)


def _parts(payload: Any) -> list[dict[str, Any]]:
    found = [payload, *(payload.get(name) for name in PARTS)] if isinstance(payload, dict) else []
    return [part for part in found if isinstance(part, dict)]


def _is_marked(part: dict[str, Any], name: str) -> bool:
    value = part.get(name)
    return isinstance(value, str) and value.lstrip().lower().startswith(MARK)
