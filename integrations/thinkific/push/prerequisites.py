"""Objects that must exist in Thinkific before another can be pushed: the account of a person, a group."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from core.models import OutboxEntry, ThinkificGroup, User
from core.services import outbox
from core.services.mirror.outcome import Clash
from integrations.thinkific.client.errors import ThinkificError

Status = OutboxEntry.Status
# Waiting entries are due at once when the entry that they wait for is done. This is for when it never is.
MEANWHILE = timedelta(minutes=30)


class NotYet(ThinkificError):
    """Something else must be pushed first. The entry waits until `until`, and no attempt is counted. `person`
    (primary key): it waits for the account of this user."""

    def __init__(self, message: str, *, until: datetime, person: int | None = None) -> None:
        super().__init__(message)
        self.until = until
        self.person = person


class Impossible(ThinkificError):
    """The change cannot be made in Thinkific. The message says why and what a person can do."""


class Undecided(Impossible):
    """An administrator must decide first whether a Thinkific account is this person's (`clash`)."""

    def __init__(self, message: str, clash: Clash) -> None:
        super().__init__(message)
        self.clash = clash


def account_of(user: User) -> int:
    """Returns the id of a person's Thinkific account.

    Raises NotYet if it is not made yet, Impossible if deleted.
    """
    if user.thinkific_id is None:
        raise _waits_for(user, f"the Thinkific account of {user}")
    if user.removed_at is not None:
        raise Impossible(f"{user} is no longer in Thinkific. Create a Thinkific account again, then retry.")
    return user.thinkific_id


def id_of_group(group: ThinkificGroup) -> int:
    """Returns the id of a group in Thinkific. Raises NotYet if it is not made yet, Impossible if deleted."""
    if group.thinkific_id is None:
        raise _waits_for(group, f"the group {group}")
    if group.removed_at is not None:
        raise Impossible(f"The group {group} is no longer in Thinkific. Create one there, or unassign it.")
    return group.thinkific_id


def _waits_for(instance: Model, what: str) -> NotYet:
    entries = OutboxEntry.objects.unsent().filter(entity=instance._meta.model_name, object_id=instance.pk)
    entry = entries.exclude(status=Status.FAILED).first() or entries.first()
    now, person = timezone.now(), instance.pk if isinstance(instance, User) else None
    if entry is None:
        with transaction.atomic():
            # Unless another thread has just created it.
            if type(instance)._default_manager.filter(pk=instance.pk, thinkific_id__isnull=True).exists():
                outbox.mark_stale([instance], reason="needed in Thinkific by another change")
        return NotYet(f"Waits for {what}.", until=now)
    if entry.status == Status.FAILED:
        words = f"Waits for {what}, which failed: {entry.error}"
        return NotYet(words, until=now + MEANWHILE, person=person)
    until = max(entry.not_before, now + timedelta(seconds=0.5))
    return NotYet(f"Waits for {what}.", until=until, person=person)


def lock_if_linked(person: int) -> bool:
    """Returns whether a user (primary key) has a Thinkific account; the answer stays true until the
    transaction ends."""
    account = User.objects.select_for_update(of=("self",)).filter(pk=person)
    return any(user.thinkific_id is not None and user.removed_at is None for user in account)
