"""People whom an event names and who are not stored here.

They are read from Thinkific; the event alone does not create a person. People whom Thinkific does not know
are not stored: its test events name such people.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from core.models import User
from core.services import automatic_memberships
from core.services.mirror.outcome import Applied
from core.services.mirror.people import apply_users, deleted_here
from core.services.storage import bulk
from integrations.models import InboundEvent
from integrations.thinkific.cleaning import Notes, Unusable
from integrations.thinkific.client import schemas
from integrations.thinkific.client.errors import NotFound, ThinkificError
from integrations.thinkific.mapping import user_row
from integrations.thinkific.pull.address_owners import Owners, clear_the_way, look_at_owners
from integrations.thinkific.pull.people import primary_keys
from integrations.thinkific.webhooks.batch import SOURCE, Batch
from integrations.thinkific.webhooks.inbox import Verdict, ignored
from integrations.thinkific.webhooks.test_events import TEST_EVENT, may_be_test_event

MANY = 25  # people to ask for one by one in a batch
UNKNOWN = "Thinkific does not know this person (any more). Nothing was stored."


def unknown_person(event: InboundEvent) -> Verdict:
    """Returns the verdict on an event whose person Thinkific does not know."""
    return ignored(TEST_EVENT if may_be_test_event(event) else UNKNOWN)


@dataclass
class PeopleLookup:
    """What Thinkific answered about people who are not stored here, by Thinkific id."""

    found: dict[int, schemas.User] = field(default_factory=dict)
    owners: Owners = field(default_factory=Owners)  # accounts here with the same addresses
    not_found: set[int] = field(default_factory=set)  # people whom Thinkific does not know
    errors: dict[int, ThinkificError] = field(default_factory=dict)
    not_asked: set[int] = field(default_factory=set)  # people above the limit


def look_up_people(numbers: Collection[int], batch: Batch) -> PeopleLookup:
    """Read from Thinkific the people (Thinkific ids) who are not stored here or marked as removed."""
    lookup = PeopleLookup()
    here = User.objects.filter(bulk.among("thinkific_id", numbers), removed_at__isnull=True).order_by()
    missing = set(numbers) - set(here.values_list("thinkific_id", flat=True))
    missing -= deleted_here(missing)
    for number in sorted(missing):
        if len(lookup.found) + len(lookup.not_found) >= MANY:
            lookup.not_asked.add(number)
            continue
        try:
            lookup.found[number] = batch.user(number)
        except NotFound:
            lookup.not_found.add(number)
        except ThinkificError as error:
            lookup.errors[number] = error
    try:
        lookup.owners = look_at_owners(lookup.found.values(), batch.user, at_most=MANY)
    except ThinkificError as error:
        lookup.errors |= dict.fromkeys(lookup.found, error)
        lookup.found.clear()
    return lookup


def store_people(
    lookup: PeopleLookup, numbers: Collection[int], applied: Applied, *, now: datetime
) -> dict[int, int]:
    """Store the people who were found; new ones join the default team.

    Returns Thinkific id -> primary key for those of `numbers` who are stored here then.
    """
    before = primary_keys(lookup.found)
    clear_the_way(lookup.owners, source=SOURCE, now=now)
    notes, rows = Notes(), []
    for number, person in (lookup.owners.found | lookup.found).items():
        try:
            rows.append(user_row(person, notes, digest=None, now=now))
        except Unusable as error:
            applied.fail(f"User {number}", str(error))
    if rows:
        made = apply_users(rows, source=SOURCE)
        applied.issues += made.issues + notes.issues
        applied.conflicts += made.conflicts
        applied.withheld |= made.withheld
    automatic_memberships.join_default_team(lookup.found.keys() - before.keys(), source=SOURCE, now=now)
    return primary_keys(numbers)
