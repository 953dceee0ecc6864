"""A page of a REST list with its rows as bytes, each with its id and a digest.

Most rows have not changed since the last pull, which their digest shows; only the others are decoded.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple, TypeVar

import msgspec

from integrations.thinkific.client.decoding import (
    BadRow,
    Envelope,
    Page,
    Pagination,
    decoder_of,
    load_json,
    read_row,
    rows_and_pagination,
)

T = TypeVar("T")

# Thinkific writes the id first in a row. If it is elsewhere, the row is decoded to find it.
ID_FIRST = re.compile(rb'\s*\{\s*"id"\s*:\s*"?([0-9]{1,18})[",\s}]')


class _Identified(msgspec.Struct):
    id: int


_identified = msgspec.json.Decoder(_Identified, strict=False)


class RawRow(NamedTuple):
    id: int
    digest: int  # 64 bits, signed
    data: bytes
    decoded: Any = None  # the typed row, if it was decoded in advance


@dataclass(slots=True)
class RawPage(Page[RawRow]):
    size: int = 0  # bytes
    asked_at: datetime | None = None


def read_page(body: bytes, *, number: int, what: str, ahead: type | None = None) -> RawPage:
    """Read the body of an answer. With `ahead`, rows are decoded as this type at once.

    Raises RetryLater if the body is not a list, for example HTML or cut off.
    """
    pagination: Pagination
    try:
        envelope = decoder_of(Envelope[msgspec.Raw]).decode(body)
        rows, pagination = [bytes(item) for item in envelope.items], envelope.pagination
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        values, pagination = rows_and_pagination(load_json(body, what), what)
        rows = [json.dumps(value).encode() for value in values]
    page = RawPage([], number, *pagination.told, size=len(body))
    for place, data in enumerate(rows, start=1):
        decoded = None if ahead is None else _decoded(data, ahead)
        number_of_row = _id_of(data) if decoded is None else decoded.id
        if number_of_row is None:
            page.bad_rows.append(BadRow(f"#{place}", "The row has no id."))
        else:
            digest = int.from_bytes(blake2b(data, digest_size=8).digest(), "little", signed=True)
            page.items.append(RawRow(number_of_row, digest, data, decoded))
    return page


def _id_of(data: bytes) -> int | None:
    found = ID_FIRST.match(data)
    return int(found[1]) if found else _slow_id(data)


def _slow_id(data: bytes) -> int | None:
    try:
        number = _identified.decode(data).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return number if 0 < number < 2**63 else None


def decode_row(row: RawRow, row_type: type[T]) -> T | BadRow:
    """Returns the typed row, or a BadRow that says why it cannot be read."""
    decoded = row.decoded if isinstance(row.decoded, row_type) else _decoded(row.data, row_type)
    if decoded is not None:
        return decoded
    try:
        return read_row(load_json(row.data, f"row {row.id}"), row_type)
    except (msgspec.ValidationError, RecursionError) as error:
        return BadRow(str(row.id), str(error))


def _decoded(data: bytes, row_type: type[T]) -> T | None:
    """Returns the typed row; None if its values do not fit the schema, which is rare."""
    try:
        return decoder_of(row_type).decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
