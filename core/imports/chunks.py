"""Lines in chunks."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def chunked(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yields lists of so many things; the last one may be shorter."""
    rest = iter(things)
    while chunk := list(islice(rest, size)):
        yield chunk
