"""Types of the fields that clients send: strict, except that a number may also be sent as text, as shops and
spreadsheets do."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from django.utils import timezone
from ninja import Path, Schema
from pydantic import AfterValidator, ConfigDict, model_validator
from pydantic.functional_validators import BeforeValidator
from pydantic_core import core_schema

BIGGEST = 2**63 - 1  # what the database can compare with


class Input(Schema):
    """A body, or an object in one. Unknown fields are ignored, as by the published API."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="wrap")
    @classmethod
    def _run_root_validator(cls, values: Any, handler: Any, info: Any) -> Any:
        """Instead of Ninja's, which reads attributes of anything: of a list too, which has none of ours, so
        that a body in which every field is optional would be accepted."""
        if not isinstance(values, dict):
            raise ValueError("Send a JSON object.")
        return handler(values)


MOST_AS_TEXT = 10**18 - 1  # so that a pattern can say it
LONGEST_AS_TEXT = 40  # characters, with spaces and zeros before the number


def _number(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)  # in JSON, 5.0 is a whole number
    if isinstance(value, bool | float):
        raise ValueError("This is no whole number.")
    if isinstance(value, str):
        digits = value.strip(" ")
        if not digits.isascii() or not digits.isdigit() or len(value) > LONGEST_AS_TEXT:
            raise ValueError("This is no whole number.")
        if int(digits) > MOST_AS_TEXT:
            raise ValueError("This number is too large.")
        return int(digits)
    return value


def _up_to(most: str, lowest: int = 0) -> list[str]:
    """Returns patterns for the numbers of as many digits as `most`, up to it. `lowest` is the first digit
    from which they begin."""
    first, rest = int(most[0]), most[1:]
    if not rest:
        return [f"[{lowest}-{first}]"]
    lower = [f"[{lowest}-{first - 1}][0-9]{{{len(rest)}}}"] if lowest < first else []
    return [*lower, *(f"{first}{other}" for other in _up_to(rest))]


def digits_pattern(least: int, most: int) -> str:
    """Returns the pattern of the numbers from `least` (0 or 1) to `most` as text. There may be spaces around
    and zeros before the digits."""
    written = str(min(most, MOST_AS_TEXT))
    if set(written) == {"9"}:
        numbers = [f"[1-9][0-9]{{0,{len(written) - 1}}}"]
    else:
        numbers = [f"[1-9][0-9]{{0,{len(written) - 2}}}", *_up_to(written, 1)]
    return f"^ *0*(?:{'|'.join(numbers)}{'|0' if least == 0 else ''}) *$"


def _schema(least: int, most: int) -> dict[str, Any]:
    return {
        "anyOf": [
            {"type": "integer", "minimum": least, "maximum": most},
            {"type": "string", "pattern": digits_pattern(least, most), "maxLength": LONGEST_AS_TEXT},
        ]
    }


@dataclass(frozen=True)
class Whole:
    """A whole number from `least` to `most`, sent as a number or as its digits. Write
    `Annotated[int, Whole(1)]`."""

    least: int
    most: int = BIGGEST

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        number = core_schema.int_schema(ge=self.least, le=self.most)
        return core_schema.no_info_before_validator_function(_number, number)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return _schema(self.least, self.most)


def _plain_bool(value: Any) -> Any:
    if not isinstance(value, bool):
        raise ValueError("This is neither true nor false.")
    return value


def _iso(value: Any) -> Any:
    """Numbers are no moments: pydantic would count them as seconds since 1970."""
    if isinstance(value, str) and not ISO_DATE.match(value):
        raise ValueError("Write it by ISO 8601, for example 2026-01-05T09:00:00Z.")
    return value


def in_utc(moment: datetime) -> datetime:
    """Returns the same moment in UTC; one without a zone as it is. PostgreSQL refuses zones that are more
    than sixteen hours away. Raises ValueError for one that UTC has no date for."""
    try:
        return moment if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("This moment is out of the calendar.") from None


ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _with_zone(moment: datetime) -> datetime:
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment


# A moment or a day by ISO 8601; without a zone it is in the site's.
Moment = Annotated[datetime, BeforeValidator(_iso), AfterValidator(_with_zone), AfterValidator(in_utc)]
EMAIL: Any = {"format": "email"}  # said in the schema; the services check it
Flag = Annotated[bool, BeforeValidator(_plain_bool)]
ProductNumber = Annotated[int, Whole(1)]
Id = Annotated[int, Path(ge=1, le=BIGGEST, description="The id in the dashboard.")]
