"""The teams that a line names."""

from typing import Any, NamedTuple

from core.models import Role


class Places(NamedTuple):
    """Teams with the role in each. `asked`: the line names the role."""

    pairs: tuple[tuple[Any, Role], ...]
    asked: bool
    limited: tuple[Any, ...]  # teams with a limit that a student joins here
    problems: tuple[tuple[str, str], ...] = ()  # field, text
