"""How many people something is about, in words."""

from collections.abc import Sequence

from django.db.models import Model


def counted(people: Sequence[Model] | int) -> str:
    """ "Nobody", "1 person", "54 people"."""
    count = people if isinstance(people, int) else len(people)
    return {0: "Nobody", 1: "1 person"}.get(count, f"{count:,} people")
