"""Why a person cannot be signed in to Thinkific from here.

Thinkific takes the e-mail address in the token for the person, and opens whichever account has it, an
administrator's too. So a token is made only for somebody whose Thinkific account is known here by its number,
while nothing says that the address could be another one's there.
"""

from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string

from core.models import OutboxEntry, User
from core.models.outbox import OutboxQuerySet

Status = OutboxEntry.Status


@dataclass(frozen=True)
class Obstacle:
    """`said` is for the person, `told` for administrators: it goes on after the person's name."""

    said: str
    told: str
    passes: bool = False  # whether it passes by itself, within seconds


ASK = "Ask an administrator of the dashboard."
NO_ACCOUNT = Obstacle(
    "Your account in Thinkific is being made. This takes some seconds.",
    "has no account in Thinkific yet; it is made when they open Thinkific.",
    passes=True,
)
REFUSED_ACCOUNT = Obstacle(
    f"Your account in Thinkific could not be made. {ASK}",
    "has no account in Thinkific, as Thinkific refused to make it. Look at Waiting changes.",
)
REMOVED = Obstacle(
    f"Your account in Thinkific was removed there. {ASK}",
    "had an account in Thinkific, which was removed there. Create Thinkific Account makes a new one.",
)
HAS_RIGHTS = Obstacle(
    "Your account in Thinkific has rights of its own there, so it is not opened from here. Sign in to "
    "Thinkific with your password.",
    "has rights in Thinkific (see Roles in Thinkific), so nobody is signed in to that account from here.",
)
SHARED_ADDRESS = Obstacle(
    f"Another account here has the same e-mail address as yours. {ASK}",
    "shares the e-mail address with another account here.",
)
UNDECIDED = Obstacle(
    f"It is not settled yet which account in Thinkific is yours. {ASK}",
    "has an open conflict about the account or the e-mail address. Look at Conflicts.",
)
UNSENT_ADDRESS = Obstacle(
    "Your new e-mail address is on its way to Thinkific. This takes some seconds.",
    "has a new e-mail address that has not reached Thinkific yet.",
    passes=True,
)
REFUSED_ADDRESS = Obstacle(
    f"Thinkific refused your new e-mail address, so it knows you by another one. {ASK}",
    "has another e-mail address in Thinkific, which refused the one here. Look at Waiting changes.",
)
NOT_COMPARED = Obstacle(
    "Your e-mail address may be another one in Thinkific. Both are compared again with the next sync. Try "
    f"again later. {ASK}",
    "may have another e-mail address in Thinkific: the change was discarded. The next sync compares both.",
)


def obstacle(user: User) -> Obstacle | None:
    """Returns what is in the way; None when the account in Thinkific can be opened."""
    if user.email_key is None:
        return SHARED_ADDRESS
    if import_string(settings.IDENTITY_UNDECIDED)(user):
        return UNDECIDED
    if user.thinkific_id is None:
        failed = _entries(user).filter(status=Status.FAILED).exists()
        return REFUSED_ACCOUNT if failed else NO_ACCOUNT
    if user.removed_at is not None:
        return REMOVED
    if user.thinkific_roles:
        return HAS_RIGHTS
    return _about_the_address(user)


def is_being_made(user: User) -> bool:
    """Whether the making of an account in Thinkific waits to be sent."""
    return _entries(user).unsent().exists()


def _about_the_address(user: User) -> Obstacle | None:
    entries = list(_entries(user).unsent().values_list("status", "last_seen"))
    states = {status for status, seen in entries if _may_be_the_address(seen)}
    if Status.FAILED in states:
        return REFUSED_ADDRESS
    if states:
        return UNSENT_ADDRESS
    if user.remote_digest is None:  # changed since a pull last found both sides equal
        last = _entries(user).order_by("-id").values_list("status", "last_seen").first()
        if last is not None and last[0] == Status.DISCARDED and _may_be_the_address(last[1]):
            return NOT_COMPARED
    return None


def _may_be_the_address(last_seen: dict) -> bool:
    """Whether an entry may be about the address. One that does not say which fields it is about sends all."""
    return not last_seen or "email" in last_seen


def _entries(user: User) -> OutboxQuerySet:
    return OutboxEntry.objects.filter(entity="user", object_id=user.pk)
