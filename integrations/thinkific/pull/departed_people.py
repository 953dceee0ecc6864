"""Rows of people who are gone from Thinkific. It keeps their enrollments and results in its lists.

Such rows are left out and are no error: no account is created for a person whom Thinkific does not list.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.utils.text import capfirst
from msgspec import UNSET, UnsetType

from core.services.mirror.outcome import Applied
from core.services.mirror.people import match_users
from core.services.mirror.source import Source
from integrations.models import KEPT_ERRORS, Kind
from integrations.thinkific.cleaning import Notes, Unusable
from integrations.thinkific.client import schemas
from integrations.thinkific.mapping import user_row
from integrations.thinkific.pull.people import ensure_users, primary_keys
from integrations.thinkific.pull.watermarks import last_watermark
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.state import Place

MARGIN = timedelta(minutes=10)  # Thinkific's clock and ours are not the same
NAME = "gone"

NamedPerson = tuple[schemas.User, datetime | None]  # a person, and when the row with their name was created


def students(
    named: Iterable[NamedPerson],
    applied: Applied,
    *,
    source: Source,
    now: datetime,
    contested: list[int] | None = None,
) -> tuple[dict[int, int], set[int]]:
    """Returns `Thinkific id -> primary key` of the people in rows of a list, and the Thinkific ids of people
    who are gone. Unknown people are stored (see ensure_users; for `contested` apply_users)."""
    named = _earliest(named)
    people = {person.id: person for person, _ in named}
    known = primary_keys(people)
    if len(known) == len(people):
        return known, set()
    unknown = [one for one in named if one[0].id not in known]
    gone = who_is_gone(unknown, applied, now=now)
    others = [person for number, person in people.items() if number not in known and number not in gone]
    if others:
        known |= ensure_users(others, applied, source=source, now=now, contested=contested)
    return known, gone


def who_is_gone(unknown: Iterable[NamedPerson], applied: Applied, *, now: datetime) -> set[int]:
    """Returns which of these unknown people are gone from Thinkific (Thinkific ids).

    These are people whose row is older than the last complete pull of users, which did not have them, and
    people without an e-mail address, since every account has one. People who wait for an administrator's
    decision are added to `applied.withheld` instead.
    """
    once = _earliest(unknown)
    if not once:
        return set()
    looked = last_watermark(Kind.USERS)
    gone, rows = set(), {}
    for person, since in once:
        if not person.email:
            gone.add(person.id)
        elif looked is not None and since is not None and since < looked - MARGIN:
            gone.add(person.id)
            try:
                rows[person.id] = user_row(person, Notes(), digest=None, now=now)
            except Unusable:
                continue
    if rows:
        withheld = match_users(list(rows.values()), known=()).withheld
        applied.withheld |= withheld
        gone -= withheld
    return gone


def _earliest(rows: Iterable[NamedPerson]) -> Collection[NamedPerson]:
    """Returns each person once, with the date of their oldest row."""
    found: dict[int, NamedPerson] = {}
    for person, since in rows:
        before = found.get(person.id)
        if before is None or (since is not None and (before[1] is None or since < before[1])):
            found[person.id] = (person, since)
    return found.values()


class DepartedPlace(Place, rename={"noted": "told of gone"}):
    noted: bool | UnsetType = UNSET


def note_gone(context: RunContext, what: str) -> None:
    """Add one line to the run that says how many rows of departed people were left out."""
    count = len(context.numbers(NAME))
    place = context.place(DepartedPlace)
    if not count or place.noted:
        return

    def note() -> None:
        place.noted = True
        said = (
            f"{count:,} {what} belong to people who are not among the users that Thinkific lists; most often "
            "their accounts were deleted there. They were skipped."
        )
        context.run.errors = [{"object": capfirst(what), "message": said}, *context.run.errors][:KEPT_ERRORS]

    context.store(note)
