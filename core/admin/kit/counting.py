"""Counts of people in words."""

from collections.abc import Sequence

from django.db.models import Model

from core.wording import plural


def counted(people: Sequence[Model] | int) -> str:
    """Returns "Nobody", "1 person" or "54 people"."""
    count = people if isinstance(people, int) else len(people)
    return plural(count, "person", "people") if count else "Nobody"
