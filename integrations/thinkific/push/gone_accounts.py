"""Finding a person's new Thinkific account when a push finds that the known one is deleted."""

from typing import NoReturn

from django.db import transaction
from django.utils import timezone

from core.models import OutboxEntry, User
from core.services import existing_accounts, identity
from core.services.history import signed
from core.services.mirror import former_accounts, returned_people
from core.services.mirror.people import remove_users
from core.services.mirror.protected_accounts import clash_over
from core.services.outbox.outcomes import SOURCE
from integrations.thinkific.cleaning import Notes
from integrations.thinkific.client import schemas
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.errors import NotFound
from integrations.thinkific.mapping import user_row
from integrations.thinkific.push.prerequisites import Impossible, NotYet, Undecided


def relink_if_recreated(person: int | None, client: ThinkificClient) -> bool:
    """Link a new account if the known one of a person (primary key) is deleted.

    Returns whether one was linked. Called after Thinkific has refused a change of this person. Raises
    Impossible if the account is deleted and no other is found, or an administrator must decide about it.
    """
    user = User.objects.filter(pk=person, thinkific_id__isnull=False, removed_at__isnull=True).first()
    if user is None or user.thinkific_id is None:
        return False
    try:
        client.rest.get_user(user.thinkific_id)
    except NotFound:
        link_recreated_account(user, client)
        return True
    return False


def link_recreated_account(user: User, client: ThinkificClient) -> schemas.User:
    """Find and link another Thinkific account of a person whose known account is deleted. Returns it.

    A protected account here is not linked. Raises Impossible if none is found or an administrator must
    decide, and NotYet if another account was linked in the meantime.
    """
    remote, now = _find(user, client), timezone.now()
    with transaction.atomic():
        present = User.objects.select_for_update(of=("self",)).filter(pk=user.pk)
        if user.thinkific_id not in present.values_list("thinkific_id", flat=True):
            raise NotYet(f"Another Thinkific account was linked with {user} just now.", until=now)
        remove_users([user.pk], source=SOURCE, now=now)
        free = remote is not None and not User.objects.filter(thinkific_id=remote.id).exists()
        protected = bool(identity.protected_among([user.pk], lock=True))
        if remote is not None and free and not protected:
            former_accounts.remove_former_data({user.pk: remote.id}, source=SOURCE, now=now)
            user.thinkific_id, user.removed_at, user.remote_digest = remote.id, None, None
            signed(user, by=None, reason=SOURCE.reason).save(
                update_fields=["thinkific_id", "removed_at", "remote_digest", "updated_at"]
            )
            existing_accounts.found_in_thinkific([user.pk])
            returned_people.note_linked(user)
            return remote
    if remote is not None and free:
        ask_an_administrator(user, remote)
    raise Impossible(
        f"{user} ({user.email}) is no longer in Thinkific. Create a Thinkific account again, or discard this "
        "change."
    )


def _find(user: User, client: ThinkificClient) -> schemas.User | None:
    """Find an account by the address here, or by the one before a change that was not sent yet.

    Older addresses are not tried: they may belong to somebody else now.
    """
    unsent = OutboxEntry.objects.unsent().filter(entity="user", object_id=user.pk)
    told = [seen["email"] for seen in unsent.values_list("last_seen", flat=True) if seen.get("email")]
    addresses = dict.fromkeys([user.email, *told])
    return next((found for one in addresses if (found := client.rest.find_user_by_email(one))), None)


def ask_an_administrator(user: User, remote: schemas.User) -> NoReturn:
    """Raise Undecided: an administrator must say whether the account is this person's."""
    row = user_row(remote, Notes(), digest=None, now=timezone.now())
    raise Undecided(
        f"Thinkific has an account with {remote.email} already, number {remote.id}. The address alone does "
        f"not prove that it is {user}'s, who has rights or a password here. Decide under Sync, Conflicts; "
        "then this change goes on.",
        clash_over(user, row),
    )
