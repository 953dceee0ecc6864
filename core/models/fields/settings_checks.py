"""Limits, choices and validators of the columns of SiteSettings."""

from email.utils import parseaddr
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, validate_email

MOST_DAYS = 36_500  # a hundred years: a date so far ahead is still within Python's calendar
MOST_PLACES = 1_000_000


def at_most(number: int) -> MaxValueValidator:
    return MaxValueValidator(number, f"Enter {number:,} or less.")


def known_time_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(f"“{name}” is not a time zone. Choose one such as Europe/Berlin.")


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
