"""Errors for requests that a rule forbids. The text says what happened, to what, and what helps."""

from collections.abc import Collection
from typing import Any


class Refusal(Exception):
    """A request that a rule forbids. Nothing was changed.

    Screens show the text as a message, the API answers with `status` and the text, at `field` if the rule is
    about a field that the API calls so too. Without a field its 422 is a 409.
    """

    status = 422
    field = ""


class NotAllowed(Refusal):
    """Whoever asked may not do this to anything of the kind, or not to this object, which they see."""

    status = 403


class NotInTheirName(Refusal):
    """Somebody acts as another user and asked for what only that user may do (core/acting.py)."""

    status = 403


class NotConnected(Refusal):
    """No Thinkific site is connected."""

    def __init__(self) -> None:
        super().__init__("No Thinkific site is connected. Enter its subdomain and API key in Settings.")


def names(things: Collection[Any]) -> str:
    """Returns one short text for any number of objects: "Ana", "Ana and Bo", "Ana and 2 others"."""
    first, *others = things
    if not others:
        return str(first)
    return f"{first} and {others[0]}" if len(others) == 1 else f"{first} and {len(others):,} others"
