"""People whose Thinkific account is older than their account here: who was deleted here only and comes back,
and who is linked late. Pulls of changes do not bring what they had before, so it is noted here as unread."""

from collections.abc import Collection, Iterable
from datetime import timedelta

from django.db import transaction

from core.models import UnreadRecords, User
from core.services.mirror.table import Values
from core.services.site import sync_state
from core.services.storage import bulk

MARGIN = timedelta(minutes=10)  # Thinkific's clock and ours are not the same


def among(rows: Iterable[Values]) -> set[int]:
    """Returns whose account (Thinkific id) is older, of rows that make an account here or link one: it was
    there when people were pulled last, or was deleted here. Nobody before the first pull of people ends, as
    everything is read after it. Only reads."""
    created = {row["thinkific_id"]: row["thinkific_created_at"] for row in rows}
    looked = sync_state.people_read_at() if created else None
    if looked is None:
        return set()
    found = {number for number, at in created.items() if at is not None and at < looked - MARGIN}
    deleted = User.history.filter(bulk.among("thinkific_id", set(created) - found), history_type="-")
    return found | set(deleted.order_by().values_list("thinkific_id", flat=True))


def note(thinkific_ids: Collection[int]) -> None:
    """Note that the records of these people (Thinkific ids) are to be read."""
    if not thinkific_ids:
        return
    people = User.objects.filter(bulk.among("thinkific_id", thinkific_ids)).order_by()
    _note(list(people.values_list("pk", flat=True)))


@transaction.atomic
def note_linked(user: User) -> None:
    """Note that the records of a person are to be read who is linked with an account that existed."""
    if sync_state.people_read_at() is not None:
        _note([user.pk])


def _note(people: Collection[int]) -> None:
    kinds = sync_state.kinds_read()
    rows = [UnreadRecords(user_id=pk, kind=kind) for pk in people for kind in kinds]
    UnreadRecords.objects.bulk_create(rows, batch_size=1000, ignore_conflicts=True)
