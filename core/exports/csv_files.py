"""CSV: for spreadsheets and for programs."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from core.services.spreadsheets import csv_lines

TOGETHER = 500  # lines: encoding each by itself takes longer


def write(title: str, heads: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    lines = csv_lines([head.heading for head in heads], rows)
    while some := list(islice(lines, TOGETHER)):
        yield "".join(some).encode()
