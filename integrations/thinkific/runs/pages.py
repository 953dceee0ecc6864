"""A page of a REST list with its rows unread: as bytes, each with its id and a digest.

Most rows of most pulls are what they were, and their bytes say so; only the others are decoded.
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

# How Thinkific writes rows: the id first. Others are found the slow way.
ID_FIRST = re.compile(rb'\s*\{\s*"id"\s*:\s*"?([0-9]{1,18})[",\s}]')


class _Identified(msgspec.Struct):
    id: int


_identified = msgspec.json.Decoder(_Identified, strict=False)


class RawRow(NamedTuple):
    id: int
    digest: int  # 64 bits, signed
    data: bytes
    told: Any = None  # the row decoded ahead, where most of its list is news


@dataclass(slots=True)
class RawPage(Page[RawRow]):
    size: int = 0  # bytes
    asked_at: datetime | None = None


def read_page(body: bytes, *, number: int, what: str, ahead: type | None = None) -> RawPage:
    """With `ahead`, rows are decoded at once. Raises RetryLater when the body is no list (cut off, HTML)."""
    pagination: Pagination
    try:
        envelope = decoder_of(Envelope[msgspec.Raw]).decode(body)
        rows, pagination = [bytes(item) for item in envelope.items], envelope.pagination
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        values, pagination = rows_and_pagination(load_json(body, what), what)
        rows = [json.dumps(value).encode() for value in values]
    page = RawPage([], number, *pagination.told, size=len(body))
    for place, data in enumerate(rows, start=1):
        told = None if ahead is None else _decoded(data, ahead)
        number_of_row = _id_of(data) if told is None else told.id
        if number_of_row is None:
            page.bad_rows.append(BadRow(f"#{place}", "The row has no id."))
        else:
            digest = int.from_bytes(blake2b(data, digest_size=8).digest(), "little", signed=True)
            page.items.append(RawRow(number_of_row, digest, data, told))
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
    """The row, typed; or why it cannot be read."""
    told = row.told if isinstance(row.told, row_type) else _decoded(row.data, row_type)
    if told is not None:
        return told
    try:
        return read_row(load_json(row.data, f"row {row.id}"), row_type)
    except (msgspec.ValidationError, RecursionError) as error:
        return BadRow(str(row.id), str(error))


def _decoded(data: bytes, row_type: type[T]) -> T | None:
    """The row as it nearly always is; None where its types are not what the schema says."""
    try:
        return decoder_of(row_type).decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
