"""Rows of people who are gone from Thinkific: it keeps their enrollments and results in its lists.

They are not for us, and no error: no account is made for who is not among the users that Thinkific lists.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils.text import capfirst
from msgspec import UNSET, UnsetType

from core.services.mirror.outcome import Applied
from core.services.mirror.people import match_users
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

Told = tuple[schemas.User, datetime | None]  # a person, and when the row that names them was made


def students(
    told: Iterable[Told],
    applied: Applied,
    *,
    source: str,
    now: datetime,
    contested: list[int] | None = None,
) -> tuple[dict[int, int], set[int]]:
    """`Thinkific id -> primary key` of the people whom rows of a list name, storing those whom we have not
    met (see ensure_users, for `contested` apply_users); and the Thinkific ids of those who are gone."""
    told = list(told)
    people = {person.id: person for person, _ in told}
    known = primary_keys(people)
    if len(known) == len(people):
        return known, set()
    unknown = [one for one in told if one[0].id not in known]
    gone = who_is_gone(unknown, applied, now=now)
    others = [person for number, person in people.items() if number not in known and number not in gone]
    if others:
        known |= ensure_users(others, applied, source=source, now=now, contested=contested)
    return known, gone


def who_is_gone(unknown: Iterable[Told], applied: Applied, *, now: datetime) -> set[int]:
    """Of these people, who are not stored, those who are gone from Thinkific (Thinkific ids): who has a row
    from before the last complete pull of users, and was not in it; and of whom it tells no e-mail address,
    since every account has one. Who waits for an administrator's decision is in `applied.withheld` instead.
    """
    looked = last_watermark(Kind.USERS)
    gone, rows = set(), {}
    for person, since in unknown:
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


def earliest(rows: Iterable[tuple[schemas.User, datetime | None]]) -> Iterable[Told]:
    """Each person once, with the oldest of their rows."""
    found: dict[int, Told] = {}
    for person, since in rows:
        before = found.get(person.id)
        if before is None or (since is not None and (before[1] is None or since < before[1])):
            found[person.id] = (person, since)
    return found.values()


class DepartedPlace(Place, rename={"told": "told of gone"}):
    told: bool | UnsetType = UNSET


def note_gone(context: RunContext, what: str) -> None:
    """Say in one line how many rows were left out for it."""
    count = len(context.numbers(NAME))
    place = context.place(DepartedPlace)
    if not count or place.told:
        return

    def note() -> None:
        place.told = True
        said = (
            f"{count:,} {what} belong to people who are not among the users that Thinkific lists; most often "
            "their accounts were deleted there. They were skipped."
        )
        context.run.errors = [{"object": capfirst(what), "message": said}, *context.run.errors][:KEPT_ERRORS]

    context.store(note)
