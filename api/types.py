"""Types of the fields that clients send: strict, except that a number may also be sent as text, as shops and
spreadsheets do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from ninja import Path, Schema
from pydantic import AfterValidator, ConfigDict, Field, Strict
from pydantic.functional_validators import BeforeValidator
from pydantic_core import core_schema

BIGGEST = 2**63 - 1  # what the database can compare with
MOST_IN_A_CALL = 100


class Input(Schema):
    """A body. Unknown fields are ignored, as by the published API."""

    model_config = ConfigDict(extra="ignore")


def _number(value: Any) -> Any:
    if isinstance(value, bool | float):
        raise ValueError("This is no whole number.")
    if isinstance(value, str):
        text = value.strip()
        if not text.isascii() or not text.removeprefix("-").isdigit() or len(text) > 20:
            raise ValueError("This is no whole number.")
        return int(text)
    return value


def _schema(least: int, most: int) -> dict[str, Any]:
    pattern = "^[0-9]{1,19}$"
    return {
        "anyOf": [
            {"type": "integer", "minimum": least, "maximum": most},
            {"type": "string", "pattern": pattern},
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


def whole(least: int, most: int = BIGGEST) -> Any:
    """Returns the type of a whole number from `least` to `most`, sent as a number or as its digits."""
    return Annotated[int, Whole(least, most)]


def text(most: int, least: int = 0) -> Any:
    """Returns the type of a text of so many characters."""
    return Annotated[str, Strict(), Field(min_length=least, max_length=most)]


def _plain_bool(value: Any) -> Any:
    if not isinstance(value, bool):
        raise ValueError("This is neither true nor false.")
    return value


def given(check: Callable[[Any], Any]) -> AfterValidator:
    return AfterValidator(check)


Flag = Annotated[bool, BeforeValidator(_plain_bool)]
ProductNumber = Annotated[int, Whole(1)]
Id = Annotated[int, Path(ge=1, le=BIGGEST, description="The id in the dashboard.")]
