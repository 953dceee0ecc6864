"""Recognizing the events that Thinkific sends when somebody presses its test button.

They are signed like other events, but their people, courses and enrollments do not exist. Names and addresses
begin with "[TEST]".
"""

from typing import Any

from integrations.models import InboundEvent

MARK = "[test]"
TEST_EVENT = "A test event of Thinkific. Nothing was stored."
PARTS = ("user", "course", "product", "quiz", "lesson", "chapter")
NAMES = ("email", "first_name", "last_name", "full_name", "name")


def is_test_event(event: InboundEvent) -> bool:
    """Returns whether the e-mail address is marked as a test. No real address is, so nothing is asked."""
    return any(_is_marked(part, "email") for part in _parts(event.payload))


def may_be_test_event(event: InboundEvent) -> bool:
    """Returns whether any name in it is marked as a test.

    A real object may have such a name, so ask first.
    """
    return any(_is_marked(part, name) for part in _parts(event.payload) for name in NAMES)


def _parts(payload: Any) -> list[dict[str, Any]]:
    found = [payload, *(payload.get(name) for name in PARTS)] if isinstance(payload, dict) else []
    return [part for part in found if isinstance(part, dict)]


def _is_marked(part: dict[str, Any], name: str) -> bool:
    value = part.get(name)
    return isinstance(value, str) and value.lstrip().lower().startswith(MARK)
