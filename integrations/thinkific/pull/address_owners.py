"""Whose address it is, where Thinkific gives the address of an account here to another one.

An account that is deleted in Thinkific and made anew has a new id and the same address, and nobody may have
seen that the former one went. So whoever stands in the way is asked for by id: when Thinkific no longer knows
that id, its account here is free, and the mirror links the new one to it (core/services/mirror/people.py),
unless the account is protected. This asks, so call it outside of transactions; `clear_the_way` belongs in the
one that stores the people.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from core.models import User
from core.services.mirror.people import match_users, remove_users
from core.services.mirror.table import Values
from core.services.storage import bulk
from integrations.thinkific.cleaning import Notes, Unusable
from integrations.thinkific.client import schemas
from integrations.thinkific.client.errors import NotFound
from integrations.thinkific.mapping import user_row

AT_ONCE = 250  # people to ask for, one request each; who is left is met again by the next pull

Ask = Callable[[int], schemas.User]


@dataclass
class Owners:
    """What Thinkific said of those who stood in the way (Thinkific ids)."""

    gone: set[int] = field(default_factory=set)
    found: dict[int, schemas.User] = field(default_factory=dict)

    @property
    def asked(self) -> int:
        return len(self.gone) + len(self.found)


def look_at_owners(people: Iterable[schemas.User], ask: Ask, *, at_most: int = AT_ONCE) -> Owners:
    """Ask for the accounts here that have the addresses of these people. Whoever gave theirs up for one that
    somebody else has brings that one along."""
    people, owners = list(people), Owners()
    while people:
        rows = rows_of([*people, *owners.found.values()])
        in_the_way = match_users(rows).in_the_way - owners.gone - owners.found.keys()
        numbers = sorted(in_the_way)[: at_most - owners.asked]
        if not numbers:
            break
        for number in numbers:
            try:
                owners.found[number] = ask(number)
            except NotFound:
                owners.gone.add(number)
    return owners


def clear_the_way(owners: Owners, *, source: str, now: datetime) -> None:
    """Mark those who are gone. Store `owners.found` together with the people that it was asked for."""
    if owners.gone:
        here = User.objects.filter(bulk.among("thinkific_id", owners.gone), removed_at__isnull=True)
        remove_users(list(here.values_list("pk", flat=True)), source=source, now=now)


def rows_of(people: Iterable[schemas.User]) -> list[Values]:
    """The rows of those who can be stored, without digests: these are not a list's bytes."""
    rows, now = [], timezone.now()
    for person in {person.id: person for person in people}.values():
        try:
            rows.append(user_row(person, Notes(), digest=None, now=now))
        except Unusable:
            continue
    return rows
