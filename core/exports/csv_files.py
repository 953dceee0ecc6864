"""CSV: for spreadsheets and for programs."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from core.services.spreadsheets import csv_parts


def write(title: str, heads: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    return (part.encode() for part in csv_parts([head.heading for head in heads], rows))
