"""Cells of the CSV files that *Export everything* writes: spreadsheets never run them, and an import reads
back what was stored."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from core.services.spreadsheets import FORMULA_STARTS, PASSED_OVER

# As core/services/spreadsheets.py defuses, and also where apostrophes stand there already: the reading of CSV
# files takes one away in each such place (`undefused`), whatever stood there.
_FORMULA = re.compile(rf"(?:^|(?<=[;\t\r\n\v\f]))(?=[{PASSED_OVER}']*[{FORMULA_STARTS}])")


def written(value: Any) -> str:
    """Returns the text of a cell."""
    return _FORMULA.sub("'", plain(value))


def plain(value: Any) -> str:
    """Returns a value as text, not defused."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple | set):
        return ";".join(map(str, value))
    return str(value)


def in_json(value: Any) -> Any:
    """Returns a value as it stands in the JSON document."""
    if isinstance(value, list | tuple | set):
        return [str(one) for one in value]
    return plain(value) if isinstance(value, date) else value


def row(values: Iterable[Any]) -> Sequence[str]:
    return [written(value) for value in values]
