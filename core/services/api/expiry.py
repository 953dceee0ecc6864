"""The end of access of a user's students, in the four kinds of the published API."""

import re
from collections.abc import Collection
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from core import moments
from core.errors import Refusal
from core.models import Enrollment, Product, Seat, User
from core.services.api import personal_team, rights
from core.services.enrollments import changes, enrollments

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
PUBLISHED = re.compile(r"([A-Za-z]{3})[a-z]* (\d{1,2}),? (\d{4})", re.ASCII)  # Jun 30 2023
ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
FIRST_DAY = date(1970, 1, 1)
LIFETIME = 10  # years of `no_expiry`
NEVER_THERE = Q(push_state="failed", thinkific_id__isnull=True)


class BadDate(Refusal):
    field = "expiry_date"


class BadDays(Refusal):
    field = "expiry_days"


def parse_date(text: str) -> date:
    """Returns the day of `Jun 30 2023`, as published and in English whatever the language of the machine, or
    of `2023-06-30`; of a moment by ISO 8601 the day in the site's time zone. Raises BadDate."""
    text = " ".join(text.split())
    try:
        if found := ISO.fullmatch(text):
            day = date(*map(int, found.groups()))
        elif ISO.match(text):
            moment = datetime.fromisoformat(text)
            day = moment.date() if timezone.is_naive(moment) else moments.local(moment).date()
        elif found := PUBLISHED.fullmatch(text):
            day = date(int(found[3]), MONTHS.index(found[1].lower()) + 1, int(found[2]))
        else:
            raise ValueError
    except (ValueError, OverflowError):
        raise BadDate(f"“{text}” is no day. Write it as Jun 30 2023 or as 2023-06-30.") from None
    if not FIRST_DAY <= day <= moments.LAST_DAY:
        raise BadDate(f"Choose a day from {FIRST_DAY.year} to {moments.LAST_DAY.year}.")
    return day


def in_days(days: int) -> date:
    """Returns the day so many days from today, in the site's time zone. Raises BadDays."""
    today = timezone.localdate()
    if days > (moments.LAST_DAY - today).days:
        raise BadDays(f"The day is too far ahead. Choose one until {moments.LAST_DAY.year}.")
    return today + timedelta(days=days)


def lifetime() -> date:
    """Returns the day ten years from today, which the published API calls no expiry."""
    today = timezone.localdate()
    try:
        return today.replace(year=today.year + LIFETIME)
    except ValueError:  # 29 February
        return today.replace(year=today.year + LIFETIME, day=28)


def check(by: User) -> None:
    """Raises NotAllowed for whoever may not change the end of all access: students may be shared, and a
    bundle is changed for everybody who shares them."""
    rights.check(by, "enrollments.extend", "enrollments.delete")


@transaction.atomic
def change(user: User, product: Product, *, last_day: date | None, by: User) -> list[Enrollment]:
    """Let the access of all students of the user to a product end with this day in the site's time zone, also
    one that is past; None ends it now. Ended access opens again. Nobody is enrolled anew.

    A student has one enrollment in a product, so it changes for everybody who shares the student. A bundle's
    courses follow it, except those that the student also has in another way for longer. Returns the
    enrollments that it is about.
    """
    check(by)
    students = personal_team.students_of(user).order_by().values("pk")
    theirs = Enrollment.objects.filter(user__in=students, removed_at__isnull=True).exclude(NEVER_THERE)
    chosen = list(theirs.filter(product=product).order_by("pk"))
    move(chosen, last_day=last_day, by=by)
    return [*chosen, *changes.courses_in(chosen)]


def of_seat(seat: Seat) -> list[Enrollment]:
    """Returns the enrollments that this seat gave, of whoever uses it now."""
    there = Enrollment.objects.filter(last_seat=seat, product=seat.product_id, removed_at__isnull=True)
    return list(there.exclude(NEVER_THERE).order_by("pk"))


@transaction.atomic
def move(chosen: Collection[Enrollment], *, last_day: date | None, by: User) -> None:
    """Let these enrollments end with this day in the site's time zone, ended ones too; None ends them now."""
    check(by)
    if last_day is None:
        enrollments.expire(chosen, by=by)
    else:
        enrollments.change_expiry(chosen, expiry_date=moments.end_of(last_day), by=by)
