"""Numbers and lists in sentences."""

from collections.abc import Sequence


def one_or_many(count: int, one: str, many: str) -> str:
    """Returns the word that goes with the count: "is" or "are"."""
    return one if count == 1 else many


def plural(count: int, one: str, many: str = "") -> str:
    """Returns the count with its noun: "1 seat", "1,204 seats". Without `many` the noun takes an s."""
    return f"{count:,} {one_or_many(count, one, many or f'{one}s')}"


def listed(names: Sequence[str]) -> str:
    """Returns the names as a list in a sentence: "Ana, Bo and Cleo". Empty for none."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def first_of(names: Sequence[str], most: int = 3) -> str:
    """Returns the first names and how many more there are: "Ana, Bo, Cleo and 9 more"."""
    if len(names) <= most:
        return listed(names)
    return f"{', '.join(names[:most])} and {len(names) - most:,} more"
