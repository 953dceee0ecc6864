"""Mending single values: what Thinkific sends, as every database can hold it.

What was lost on the way is noted, so that it stands on the run instead of vanishing.
"""

import math
import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from core.folding import normalize_email, tidy
from core.models.people import EMAIL_LENGTH
from core.services.mirror.outcome import Issue
from integrations.thinkific.client.schemas import Number

# One @, nothing that mail programs read as the end of an address, and a domain of at least two parts. Not
# Django's rule: it refuses addresses that are in use (two dots in a row, letters beyond ASCII).
_ADDRESS = re.compile(r'[^\s@<>()\[\]:;,\\"]+@[^\s@<>()\[\]:;,\\".]+(\.[^\s@<>()\[\]:;,\\".]+)+')
LARGEST_PRICE = Decimal("9999999999.99")
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


class Unusable(ValueError):
    """A row that cannot be stored at all; the message says why, for a person."""


class Notes:
    """What was mended in the rows of a page."""

    def __init__(self) -> None:
        self.issues: list[Issue] = []

    def text(self, value: str | None, limit: int, what: str, field: str) -> str:
        """Text that every database can hold: no NULs, no half characters, no longer than its column."""
        if not value:
            return ""
        if not value.isascii() or "\x00" in value:
            value = tidy(value.replace("\x00", "").encode("utf-8", "ignore").decode())
        if len(value) > limit:
            self.issues.append(
                Issue(what, f"The {field} has {len(value):,} characters; the first {limit:,} are kept here.")
            )
            value = value[:limit]
        return value

    def decimal(self, value: Number | None, what: str, field: str) -> Decimal | None:
        if value is None or value == "":
            return None
        number = to_decimal(value)
        if number is None or abs(number) > LARGEST_PRICE:
            self.issues.append(Issue(what, f"The {field} “{str(value)[:50]}” is not a usable number."))
            return None
        return number

    def count(self, value: int | None, what: str, field: str) -> int | None:
        """A number of things; None where nothing usable is said, so that what is stored stays."""
        if value is not None and value < 0:
            said = f"The number of {field} is {value}, which cannot be; it was left as it was."
            self.issues.append(Issue(what, said))
            return None
        return value

    def progress(self, value: Number | None, what: str) -> Decimal | None:
        """A share from 0 to 1; None where nothing usable is said, so that what is stored stays."""
        if value is None or value == "":
            return None
        share = progress(value)
        if share is None:
            said = f"The progress “{str(value)[:50]}” is not a usable number; it was left as it was."
            self.issues.append(Issue(what, said))
        return share


def to_decimal(value: Number) -> Decimal | None:
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


@lru_cache(maxsize=20_000)
def progress(value: Number) -> Decimal | None:
    """A share from 0 to 1, four digits. Above 1 it was sent as a percentage; None where it is no number."""
    number = to_decimal(value)
    if number is None or number < 0:
        return None
    if number > 1:
        number /= 100
    return round(min(number, Decimal(1)), 4)


def moment(value: datetime | None) -> datetime | None:
    """A moment that every database can hold, in UTC."""
    if value is None or not EARLIEST < value < LATEST:
        return None
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def split_name(full: str | None) -> tuple[str, str]:
    """First and last name of a full one: the first word, and the rest."""
    first, _, last = (full or "").strip().partition(" ")
    return first, last.strip()


def email_of(value: str | None) -> str:
    """The address as we store it. Raises Unusable where there is none, or something that is none."""
    told = (value or "").replace("\x00", "").encode("utf-8", "ignore").decode().strip()
    email = normalize_email(told)
    if not email:
        raise Unusable("Thinkific has no e-mail address for this person, and accounts here need one.")
    if len(email) > EMAIL_LENGTH:
        raise Unusable(f"The e-mail address has {len(email):,} characters; {EMAIL_LENGTH} is the most.")
    # What nobody sees would make two addresses of one, or one of two.
    if not told.isprintable() or not is_address(email):
        raise Unusable(f"“{email[:100]}” is no e-mail address, and accounts here need one.")
    return email


def is_address(email: str) -> bool:
    """Whether a text can be an e-mail address at all."""
    return email.isprintable() and _ADDRESS.fullmatch(email) is not None


def clean_json(value: Any) -> Any:
    """A value as JSON columns hold it: PostgreSQL refuses NULs there too, and JSON knows no infinity."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "ignore").decode()
    return value
