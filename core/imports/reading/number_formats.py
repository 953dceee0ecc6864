"""What a number in a cell of an XLSX file looks like in the spreadsheet: a date, a time, 00123."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import isfinite

_DAYS = {14, 15, 16, 17, *range(27, 32), 36, *range(50, 55), 57, 58}
_TIMES = {18, 19, 20, 21, 32, 33, 34, 35, 45, 47, 55, 56}
_NO_CODE = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_DIGITS = 15  # that a spreadsheet program keeps


@dataclass(frozen=True, slots=True)
class Style:
    day: bool = False
    time: bool = False
    elapsed: bool = False
    zeros: int = 0


PLAIN = Style()


def style_of(number: int, code: str) -> Style:
    """Returns the style for the number format with this number, and this code if the file defines one."""
    if not code:
        if number == 46:
            return Style(elapsed=True)
        return Style(day=number in _DAYS or number == 22, time=number in _TIMES or number == 22)
    code = _NO_CODE.sub("", code.split(";")[0]).lower()
    if re.fullmatch("00+", code):
        return Style(zeros=len(code))
    if "[" in code:
        return Style(elapsed=True)
    if re.search("general|standard|[#?0]", re.sub(r"[.,]0+", "", code)):
        return PLAIN
    time = bool(re.search("[hs]", code))
    return Style(day=bool(re.search("[dy]", code)) or ("m" in code and not time), time=time)


def shown(raw: str, style: Style, *, from_1904: bool) -> tuple[str, bool]:
    """Returns the number as text, and True if it is not what somebody typed."""
    if style is PLAIN and raw.isascii() and raw.isdigit() and (len(raw) == 1 or raw[0] != "0"):
        return raw, len(raw) > _DIGITS
    value = float(raw)
    if not isfinite(value):
        return raw.strip(), True
    if style.day or style.time or style.elapsed:
        return _moment(value, style, from_1904)
    if value.is_integer():
        text = str(int(value)) if abs(value) < 10**_DIGITS else f"{Decimal(raw.strip()):.0f}"
        return (text.zfill(style.zeros) if value >= 0 else text), abs(value) >= 10**_DIGITS
    return f"{Decimal(repr(value)):f}", False


def _moment(value: float, style: Style, from_1904: bool) -> tuple[str, bool]:
    if value < 0 or value >= 2_958_466:  # the year 10000
        return f"{value:g}", True
    seconds = round(value * 86_400)
    if style.elapsed or (style.time and not style.day and value < 1):
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}", False
    # In Excel 1900 was a leap year; from March of it on all days are counted from one earlier.
    first = datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 31 if value < 60 else 30)
    moment = first + timedelta(seconds=seconds)
    if style.time:
        return moment.isoformat(sep=" "), False
    return moment.date().isoformat(), False
