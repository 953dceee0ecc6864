"""JSON: an array with one object for each row, one on each line. For programs: moments are ISO 8601 with
their offset, numbers are numbers, what is missing is null, and nothing is defused."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from core import moments


def plain(value: Any) -> Any:
    """Returns a value that JSON has."""
    if value is None or isinstance(value, str | int | float | dict | list):
        return value
    if isinstance(value, datetime):
        return moments.local(value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)


def dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=plain)


def write(title: str, heads: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    keys = [head.key for head in heads]
    before = "[\n"
    for row in rows:
        yield (before + dumped(dict(zip(keys, map(plain, row), strict=True)))).encode()
        before = ",\n"
    yield b"[]\n" if before == "[\n" else b"\n]\n"
