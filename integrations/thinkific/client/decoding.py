"""From bytes to typed rows: a whole page at once, and row by row where a page holds a bad one.

The fast way reads more than a million enrollments a second. It gives up on the first thing out of order; the
careful way then repairs what can be repaired (odd dates, numbers where text was, lone surrogates) and
reports the rest.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import NoneType
from typing import Any, Generic, NamedTuple, TypeVar, get_args, get_origin

import msgspec

from integrations.thinkific.client.errors import RetryLater, looks_like_html
from integrations.thinkific.client.paging import more_follow
from integrations.thinkific.client.rates import RateHeaders

T = TypeVar("T")

PAGE_SIZE = 250  # the most Thinkific returns per page


class BadRow(NamedTuple):
    """A row that could not be read: its id (or `#3`, its place on the page, from 1) and why."""

    id: str
    message: str


@dataclass(slots=True)
class Page(Generic[T]):
    """One page of a list. The totals are those that Thinkific names, None where it names none."""

    items: list[T]
    page: int = 1
    total_items: int | None = None
    total_pages: int | None = None
    next_page: int | None = None
    bad_rows: list[BadRow] = field(default_factory=list)
    rate: RateHeaders | None = None
    asked: int = PAGE_SIZE

    @property
    def fetched(self) -> int:
        """Rows on the page, the unreadable ones included."""
        return len(self.items) + len(self.bad_rows)

    @property
    def is_last(self) -> bool:
        return not more_follow(
            number=self.page,
            fetched=self.fetched,
            asked=self.asked,
            total_items=self.total_items,
            total_pages=self.total_pages,
            next_page=self.next_page,
        )


class Pagination(msgspec.Struct):
    total_items: int | None = None
    total_pages: int | None = None
    next_page: int | None = None

    @property
    def told(self) -> tuple[int | None, int | None, int | None]:
        """As a page has them, in this order."""
        return self.total_items, self.total_pages, self.next_page or None


class _Meta(msgspec.Struct):
    pagination: Pagination | None = None


class Envelope(msgspec.Struct, Generic[T]):
    items: list[T]
    meta: _Meta | None = None

    @property
    def pagination(self) -> Pagination:
        return (self.meta.pagination if self.meta else None) or Pagination()


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def decoder_of(wanted: Any) -> msgspec.json.Decoder[Any]:
    """Returns a decoder, kept for the next time: making one takes longer than reading a page."""
    if wanted not in _decoders:
        _decoders[wanted] = msgspec.json.Decoder(wanted, strict=False)
    return _decoders[wanted]


def decode_page(
    body: bytes, row_type: type[T], *, page: int = 1, asked: int = PAGE_SIZE, what: str = "the list"
) -> Page[T]:
    """A page of `{"items": [...], "meta": {"pagination": {...}}}`.

    A row that cannot be read is in `bad_rows` and the others survive. Raises RetryLater when the body is no
    list at all (cut off, HTML): such answers are transient. `what` names the request in that message.
    """
    bad: list[BadRow] = []
    pagination: Pagination
    try:
        envelope = decoder_of(Envelope[row_type]).decode(body)  # type: ignore[valid-type]
        items, pagination = envelope.items, envelope.pagination
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        rows, pagination = rows_and_pagination(load_json(body, what), what)
        items, bad = read_rows(rows, row_type)
    # Its number, whatever it says itself: a site that always sends page 1 must not be asked for ever.
    return Page(items, page, *pagination.told, bad_rows=bad, asked=asked)


def decode_object(body: bytes, row_type: type[T], *, unwrap: str = "", what: str = "the answer") -> T:
    """Returns one object, also where it comes as `{unwrap: {...}}`.

    Raises RetryLater when the body is not JSON, msgspec.ValidationError when it is some other object.
    """
    if unwrap:
        value = load_json(body, what)
        if isinstance(value, dict) and isinstance(value.get(unwrap), dict):
            value = value[unwrap]
        return read_row(value, row_type)
    try:
        return decoder_of(row_type).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return read_row(load_json(body, what), row_type)


def load_json(body: bytes, what: str) -> Any:
    """Returns the body as Python objects. Accepts bad UTF-8, control characters and NaN (as None).

    Raises RetryLater when it is not JSON: an incomplete answer or an error page.
    """
    try:
        return json.loads(body.decode("utf-8", "replace"), strict=False, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        kind = "an HTML page" if looks_like_html(body) else "incomplete JSON" if body else "an empty body"
        raise RetryLater(f"{what} was answered with {kind}.") from None


def rows_and_pagination(value: Any, what: str) -> tuple[list[Any], Pagination]:
    rows = value.get("items") if isinstance(value, dict) else value
    if not isinstance(rows, list):
        raise RetryLater(f"{what} was answered without a list of items.")
    try:
        meta = msgspec.convert(value["meta"], _Meta, strict=False)
    except (msgspec.ValidationError, KeyError, TypeError):
        meta = _Meta()
    return rows, meta.pagination or Pagination()


def read_rows(rows: list[Any], row_type: type[T]) -> tuple[list[T], list[BadRow]]:
    """Returns the rows that can be read, in order, and the others with the reason."""
    items: list[T] = []
    bad: list[BadRow] = []
    for place, row in enumerate(rows, start=1):
        try:
            items.append(read_row(row, row_type))
        except (msgspec.ValidationError, RecursionError) as error:
            number = row.get("id") if isinstance(row, dict) else None
            bad.append(BadRow(f"#{place}" if number is None else str(number)[:64], str(error)))
    return items, bad


def read_row(row: Any, row_type: type[T]) -> T:
    """Returns one typed row from Python objects, repaired where that is safe. Raises ValidationError."""
    try:
        try:
            return msgspec.convert(row, row_type, strict=False)
        except msgspec.ValidationError:
            return msgspec.convert(_repair(row, row_type), row_type, strict=False)
    except UnicodeEncodeError:  # a lone surrogate where a number or a date should be
        return read_row(_whole(row), row_type)


def _whole(value: Any) -> Any:
    """Returns `value` without lone surrogates."""
    if isinstance(value, str):
        return value.encode("utf-8", "ignore").decode()
    if isinstance(value, list):
        return [_whole(part) for part in value]
    return {_whole(key): _whole(part) for key, part in value.items()} if isinstance(value, dict) else value


def _repair(value: Any, wanted: Any) -> Any:
    """Returns `value` with unusual dates parsed, and numbers as text where the type is text."""
    args = get_args(wanted)
    if get_origin(wanted) is list:
        return [_repair(part, args[0]) for part in value] if isinstance(value, list) else value
    if hasattr(wanted, "__metadata__"):
        return _repair(value, wanted.__origin__)
    if args and get_origin(wanted) is not dict:
        some = [arg for arg in args if arg is not NoneType]
        if len(some) > 1:
            return value
        return None if value == "" and some[0] is not str else _repair(value, some[0])
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        if not isinstance(value, dict):
            return value
        types = {f.encode_name: f.type for f in msgspec.structs.fields(wanted)}
        return {key: _repair(part, types[key]) for key, part in value.items() if key in types}
    if wanted is datetime and isinstance(value, str):
        return parse_moment(value)
    if wanted is str and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


def parse_moment(text: str) -> datetime:
    """Returns a UTC datetime from any ISO form: only a date, with an offset, nanoseconds, or without (UTC).

    Raises msgspec.ValidationError.
    """
    text = text.strip().removesuffix(" UTC")
    try:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = msgspec.convert(text, datetime)  # more than six decimals
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise msgspec.ValidationError(f"“{text[:40]}” is not a date and time") from None
