"""Finds the owner of an e-mail address when Thinkific gives the address of an account here to another person.

An account that was deleted in Thinkific and created again has a new id and the same address. The dashboard
may not know yet that the former one is gone. So Thinkific is asked for the account that has the address
here, by its id. When Thinkific does not know that id, the mirror links the new account to the one here
(core/services/mirror/people.py), unless it is protected. Call `look_at_owners` outside of transactions
because it sends requests, and `clear_the_way` in the transaction that stores the people.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from core.models import User
from core.services.mirror.people import match_users, remove_users
from core.services.mirror.source import Source
from core.services.mirror.table import Values
from core.services.storage import bulk
from integrations.thinkific.cleaning import Notes, Unusable
from integrations.thinkific.client import schemas
from integrations.thinkific.client.errors import NotFound
from integrations.thinkific.mapping import user_row

AT_ONCE = 250  # the most people to request, one request each; the next pull meets the others again

Ask = Callable[[int], schemas.User]


@dataclass
class Owners:
    """What Thinkific says about the accounts that have the wanted addresses here, by Thinkific id."""

    gone: set[int] = field(default_factory=set)
    found: dict[int, schemas.User] = field(default_factory=dict)

    @property
    def asked(self) -> int:
        return len(self.gone) + len(self.found)


def look_at_owners(people: Iterable[schemas.User], ask: Ask, *, at_most: int = AT_ONCE) -> Owners:
    """Request the accounts that have the addresses of these people here.

    If such an account now has an address that a third account has here, that one is requested too.
    """
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


def clear_the_way(owners: Owners, *, source: Source, now: datetime) -> None:
    """Mark the gone accounts as removed. Store `owners.found` in the same transaction as the people."""
    if owners.gone:
        here = User.objects.filter(bulk.among("thinkific_id", owners.gone), removed_at__isnull=True)
        remove_users(list(here.values_list("pk", flat=True)), source=source, now=now)


def rows_of(people: Iterable[schemas.User]) -> list[Values]:
    """Returns the rows of people who can be stored, without digests because they do not come from a list."""
    rows, now = [], timezone.now()
    for person in {person.id: person for person in people}.values():
        try:
            rows.append(user_row(person, Notes(), digest=None, now=now))
        except Unusable:
            continue
    return rows
