"""Accounts that were deleted in Thinkific and created again with the same e-mail address, as they appear in
lists of enrollments and results.

The rows of these lists have the id and the address of a person. If the id is unknown here and the address
belongs to another account, mostly one of the two accounts is gone, so both are requested. Rows of an account
that is gone are left out; that is no error.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from msgspec import UNSET

from core.models import Enrollment
from core.services.mirror.bundles import total_up_students_of
from core.services.mirror.digests import known_digests
from core.services.mirror.former_accounts import former_ids, remove_former_enrollments
from core.services.mirror.outcome import Applied
from core.services.mirror.people import apply_users, match_users
from core.services.mirror.source import Source
from integrations.thinkific.client import schemas
from integrations.thinkific.client.errors import NotFound
from integrations.thinkific.mapping import person_of_enrollment
from integrations.thinkific.pull.address_owners import (
    AT_ONCE,
    Ask,
    Owners,
    clear_the_way,
    look_at_owners,
    rows_of,
)
from integrations.thinkific.pull.changed_rows import Known, PostponedPlace, postponed_rows
from integrations.thinkific.pull.people import primary_keys
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.pages import RawRow, decode_row

Typed = list[tuple[schemas.Enrollment, int | None]]  # each with its digest


@dataclass
class Claims:
    """What Thinkific says about people whose address belongs to another account here, and its owners."""

    found: list[schemas.User] = field(default_factory=list)
    owners: Owners = field(default_factory=Owners)
    gone: set[int] = field(default_factory=set)  # Thinkific ids

    def store(self, applied: Applied, *, source: Source, now: datetime) -> None:
        """Store the people who exist. They are not counted, because the rows that named them are."""
        clear_the_way(self.owners, source=source, now=now)
        people = [*self.found, *self.owners.found.values()]
        made = apply_users(rows_of(people), source=source) if people else Applied()
        applied.issues += made.issues
        applied.conflicts += made.conflicts


def look_at_claims(people: Iterable[schemas.User], ask: Ask) -> Claims:
    """Request those of these people who are unknown and whose address belongs to another account here. Call
    it outside of transactions."""
    named = {person.id: person for person in people}
    missing = named.keys() - primary_keys(named).keys()
    if not missing:
        return Claims()
    claims = Claims(gone=former_ids(missing))
    rows = rows_of(named[number] for number in missing - claims.gone)
    for number in sorted(row["thinkific_id"] for row, _, _ in match_users(rows).refused)[:AT_ONCE]:
        try:
            claims.found.append(ask(number))
        except NotFound:
            claims.gone.add(number)
    claims.owners = look_at_owners(claims.found, ask)
    return claims


def waiting_list(context: RunContext | None) -> list[int] | None:
    """Returns a list for the Thinkific ids of enrollments to postpone, or None if none may be postponed."""
    full = context is None or len(context.place(PostponedPlace).contested or ()) >= AT_ONCE
    return None if full else []


def store_postponed(context: RunContext, apply: Callable[[list[RawRow], Known], Applied]) -> None:
    """Request the people of the postponed enrollments, then store the enrollments with `apply`."""
    rows = postponed_rows(context)
    if not rows:
        return
    read = ((row.id, decode_row(row, schemas.Enrollment)) for row in rows)
    readable = {number: one for number, one in read if isinstance(one, schemas.Enrollment) and one.user_id}
    claims = look_at_claims(map(person_of_enrollment, readable.values()), context.client.rest.get_user)

    def write() -> None:
        context.place(PostponedPlace).contested = UNSET
        applied = Applied()
        claims.store(applied, source=context.source, now=context.now)
        known = known_digests(Enrollment, [row.id for row in rows])
        of_gone = {number for number, one in readable.items() if one.user_id in claims.gone}
        _remove(of_gone, known, applied, source=context.source, now=context.now)
        applied += apply([row for row in rows if row.id not in of_gone], known)
        context.count(applied)
        total_up_students_of([row.id for row in rows], source=context.source)

    context.store(write)


def without_former(
    rows: Typed, missing: Collection[int], known: Known, applied: Applied, *, source: Source, now: datetime
) -> Typed:
    """Returns the rows without those of former accounts of people here. `missing` are the Thinkific ids of
    people who are not stored."""
    former = former_ids(missing)
    if not former:
        return rows
    _remove({e.id for e, _ in rows if e.user_id in former}, known, applied, source=source, now=now)
    return [row for row in rows if row[0].user_id not in former]


def _remove(numbers: set[int], known: Known, applied: Applied, *, source: Source, now: datetime) -> None:
    here = [known[number][0] for number in numbers if number in known]
    remove_former_enrollments(here, source=source, now=now)
    applied.met += here
    applied.skipped += len(numbers)
    applied.lost |= {number for number in numbers if number not in known}
