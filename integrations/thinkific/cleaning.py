"""Correcting single values of Thinkific, so that every database can store them.

Each loss of information is recorded as an issue, so that people see it on the run.
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

# One @, no character that mail programs read as the end of an address, and a domain of at least two parts.
# Django's rule does not fit: it refuses addresses that people have (two dots in a row, non-ASCII letters).
_ADDRESS = re.compile(r'[^\s@<>()\[\]:;,\\"]+@[^\s@<>()\[\]:;,\\".]+(\.[^\s@<>()\[\]:;,\\".]+)+')
LARGEST_PRICE = Decimal("9999999999.99")
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


class Unusable(ValueError):
    """A row that cannot be stored at all; the message says why, for a person."""


class Notes:
    """Corrects values, and collects in `issues` what was lost in the rows of a page.

    `what` names the object and `field` the value, for the message of the issue.
    """

    def __init__(self) -> None:
        self.issues: list[Issue] = []

    def text(self, value: str | None, limit: int, what: str, field: str) -> str:
        """Returns the text without NULs and incomplete characters, cut to `limit` characters."""
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
        """Returns a count. None if it is missing or negative: the stored value then stays."""
        if value is not None and value < 0:
            said = f"The number of {field} is {value}, which is impossible; the stored value stays."
            self.issues.append(Issue(what, said))
            return None
        return value

    def progress(self, value: Number | None, what: str) -> Decimal | None:
        """Returns a share from 0 to 1. None if it is missing or unusable: the stored value then stays."""
        if value is None or value == "":
            return None
        share = progress(value)
        if share is None:
            said = f"The progress “{str(value)[:50]}” is not a usable number; the stored value stays."
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
    """Returns a share from 0 to 1 with four digits; None if the value is no number or negative.

    A value above 1 is a percentage.
    """
    number = to_decimal(value)
    if number is None or number < 0:
        return None
    if number > 1:
        number /= 100
    return round(min(number, Decimal(1)), 4)


def moment(value: datetime | None) -> datetime | None:
    """Returns the moment in UTC; None if it is outside of the years that every database can store."""
    if value is None or not EARLIEST < value < LATEST:
        return None
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def email_of(value: str | None) -> str:
    """Returns the e-mail address as we store it. Raises Unusable if it is missing, too long or no address."""
    told = (value or "").replace("\x00", "").encode("utf-8", "ignore").decode().strip()
    email = normalize_email(told)
    if not email:
        raise Unusable("Thinkific has no e-mail address for this person, and accounts here need one.")
    if len(email) > EMAIL_LENGTH:
        raise Unusable(f"The e-mail address has {len(email):,} characters; {EMAIL_LENGTH} is the most.")
    # With invisible characters, two accounts could look the same, or one person could have two accounts.
    if not told.isprintable() or not is_address(email):
        raise Unusable(f"“{email[:100]}” is not an e-mail address, and accounts here need one.")
    return email


def is_address(email: str) -> bool:
    """Returns whether a text can be an e-mail address."""
    return email.isprintable() and _ADDRESS.fullmatch(email) is not None


def clean_json(value: Any) -> Any:
    """Returns a value that JSON columns can store: without NULs, which PostgreSQL refuses, and infinities."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "ignore").decode()
    return value
