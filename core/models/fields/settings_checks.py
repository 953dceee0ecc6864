"""Limits, choices and validators of the columns of SiteSettings."""

from email.utils import parseaddr
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, validate_email
from django.utils.deconstruct import deconstructible

from core.folding import fold, tidy_name

MOST_DAYS = 36_500  # a hundred years: a date so far ahead is still within Python's calendar
MOST_PLACES = 1_000_000
MOST_DEFAULT_TEAMS = 20
DEFAULT_TEAM_NAME_LENGTH = 100  # with the organization's name before it
MOST_SEAT_TAGS = 20


def at_most(number: int) -> MaxValueValidator:
    return MaxValueValidator(number, f"Enter {number:,} or less.")


def known_time_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(f"“{name}” is not a time zone. Choose one such as Europe/Berlin.")


@deconstructible
class LinesOf:
    """Checks names that stand one on each line: how many, how long, and that none is there twice."""

    def __init__(self, most: int, length: int) -> None:
        self.most, self.length = most, length

    def __call__(self, text: str) -> None:
        names = lines(text)
        if len(names) > self.most:
            raise ValidationError(f"These are {len(names)} names; {self.most} is the most.")
        for name in names:
            if len(name) > self.length:
                raise ValidationError(
                    f"“{name[:30]}…” has {len(name)} characters; {self.length} is the most."
                )
        seen: set[str] = set()
        for name in names:
            if fold(name) in seen:
                raise ValidationError(f"“{name}” is there twice. Enter each name once.")
            seen.add(fold(name))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LinesOf) and (self.most, self.length) == (other.most, other.length)


def lines(text: str) -> list[str]:
    """Returns the names of a setting with one on each line, tidied."""
    return [name for line in text.splitlines() if (name := tidy_name(line))]


SUBDOMAIN = "Enter only the first part of the address: acme, of https://acme.thinkific.com."


def address_with_name(text: str) -> None:
    _name, address = parseaddr(text)
    try:
        validate_email(address.replace("@localhost", "@localhost.example"))
    except ValidationError:
        raise ValidationError("Enter an address such as Acme Academy <courses@acme.example>.") from None
    if "\n" in text or "\r" in text:
        raise ValidationError("Enter it in one line.")


DATE_FORMATS = {
    "j M Y": "14 Mar 2029",
    "M j, Y": "Mar 14, 2029",
    "d/m/Y": "14/03/2029",
    "m/d/Y": "03/14/2029",
    "d.m.Y": "14.03.2029",
    "Y-m-d": "2029-03-14",
}
