"""Cells of a CSV file, or values of a JSON document -> values of the format's types."""

import hashlib
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from django.utils.dateparse import parse_date, parse_datetime

from core import moments
from core.folding import email_key, fold, tidy, tidy_name
from core.migration.format import BUILT_IN, Column, Layout, Type
from core.permissions.codes import PERMISSIONS

YES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
LARGEST_NUMBER = 2**63 - 1
Value = str | int | bool | list[str] | None


class BadValue(Exception):
    """A cell that cannot be read; the text says why, as the end of a sentence about its column."""


def read(layout: Layout, cells: Mapping[str, Any]) -> tuple[dict[str, Value], list[str]]:
    """Returns the values of a row by column, and a sentence for each cell that cannot be read."""
    values: dict[str, Value] = {}
    problems = []
    for column in layout.columns:
        try:
            values[column.name] = _read(column, cells.get(column.name))
        except BadValue as bad:
            values[column.name] = None
            problems.append(f"{column.name}: {bad}")
    if layout.kind == "roles" and values["id"] in BUILT_IN:
        problems.append(f"id: “{values['id']}” is the name of a built-in role. Use another id.")
    return values, problems


def key_of(layout: Layout, values: Mapping[str, Value]) -> str:
    """Returns a digest of what identifies the row without its id."""
    parts = []
    for name in layout.key:
        text = str(values[name] if values[name] is not None else "")
        if name == "name":
            text = fold(text)
        parts.append(email_key(text) if name == "email" else text)
    # Teams that are archived may have the name of another.
    parts += ["archived"] if layout.kind == "teams" and values["archived_at"] else []
    return hashlib.sha1("\x00".join(parts).encode(), usedforsecurity=False).hexdigest()


def moment(text: Value) -> datetime | None:
    """Returns a stored MOMENT."""
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def day(text: Value) -> date | None:
    """Returns a stored DAY."""
    return date.fromisoformat(text) if isinstance(text, str) else None


def _read(column: Column, raw: Any) -> Value:
    if column.type in (Type.REFS, Type.CODES):
        return LISTS[column.type](column, _parts(column, raw))
    text = _text(column, raw)
    if not text:
        if column.needed:
            raise BadValue("is empty, and needed.")
        return "" if column.type in (Type.TEXT, Type.LINES) else column.default
    if len(text) > column.longest:
        raise BadValue(f"has {len(text):,} characters; {column.longest:,} is the most.")
    return READERS[column.type](column, text)


def _text(column: Column, raw: Any) -> str:
    if raw is None:
        return ""
    if isinstance(raw, bool):
        return "yes" if raw else "no"
    if isinstance(raw, int):
        return str(raw) if abs(raw) <= LARGEST_NUMBER else "a number that is too large"
    if not isinstance(raw, str):
        raise BadValue("is not a text, a number, true or false.")
    # Lone surrogates can be written in JSON, and stored nowhere.
    raw = raw.encode("utf-8", "replace").decode().replace("\x00", "")
    if column.type is Type.LINES:
        lines = raw.replace("\r\n", "\n").replace("\r", "\n")
        return unicodedata.normalize("NFC", lines).strip()
    return tidy_name(raw)


def _parts(column: Column, raw: Any) -> list[str]:
    if isinstance(raw, list):
        found = [_text(column, one) for one in raw]
    else:
        found = [part.strip() for part in _text(column, raw).split(";")]
    if sum(map(len, found)) > column.longest:
        raise BadValue("has too many values.")
    return list(dict.fromkeys(part for part in found if part))


def _refs(column: Column, parts: list[str]) -> Value:
    return list(parts)


def _codes(column: Column, parts: list[str]) -> Value:
    if unknown := [part for part in parts if part not in PERMISSIONS]:
        raise BadValue(f"there is no permission “{unknown[0][:60]}”. docs/migration.md lists them.")
    return sorted(parts)


def _yes(column: Column, text: str) -> Value:
    if (found := YES.get(text.lower())) is None:
        raise BadValue(f"“{text[:60]}” is neither yes nor no.")
    return found


def _number(column: Column, text: str) -> Value:
    if not text.isascii() or not text.isdecimal() or int(text[:30]) > LARGEST_NUMBER:
        raise BadValue(f"“{text[:60]}” is not a whole number.")
    return int(text)


def _day(column: Column, text: str) -> Value:
    try:
        found = parse_date(text)
    except ValueError:
        found = None
    if found is None:
        raise BadValue(f"“{text[:60]}” is not a day. Write it as 2026-01-31.")
    return found.isoformat()


def _moment(column: Column, text: str) -> Value:
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or not 1900 <= found.year <= moments.LAST_DAY.year:
        raise BadValue(f"“{text[:60]}” is not a time. Write it as 2026-01-31T14:05:00+00:00.")
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return found.isoformat()


def _choice(column: Column, text: str) -> Value:
    for choice in column.choices:
        if text.lower() == choice.lower():
            return choice
    raise BadValue(f"“{text[:60]}” is not one of {', '.join(column.choices)}.")


def _id(column: Column, text: str) -> Value:
    if ";" in text:
        raise BadValue("contains a semicolon, which separates ids in a list. Use another id.")
    return tidy(text)


def _plain(column: Column, text: str) -> Value:
    return tidy(text)


LISTS: dict[Type, Callable[[Column, list[str]], Value]] = {Type.REFS: _refs, Type.CODES: _codes}
READERS: dict[Type, Callable[[Column, str], Value]] = {
    Type.TEXT: _plain,
    Type.LINES: _plain,
    Type.ID: _id,
    Type.REF: _plain,
    Type.ROLE: _plain,
    Type.YES: _yes,
    Type.NUMBER: _number,
    Type.DAY: _day,
    Type.MOMENT: _moment,
    Type.CHOICE: _choice,
}
