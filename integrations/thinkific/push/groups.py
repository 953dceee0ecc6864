"""Pushing groups and their members."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from core.models import GroupMembership, OutboxEntry, ThinkificGroup
from core.services.mirror.groups import note_pushed
from integrations.thinkific.cleaning import Notes, moment
from integrations.thinkific.client import schemas
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.decoding import PAGE_SIZE
from integrations.thinkific.client.errors import NotFound, Rejected, RetryLater, SchemaDrift, TooExpensive
from integrations.thinkific.client.graphql import groups
from integrations.thinkific.mapping import group_row
from integrations.thinkific.push.prerequisites import Impossible, account_of, id_of_group

NEEDS_GRAPHQL = "Only GraphQL can do that, and there is no access token (THINKIFIC_ACCESS_TOKEN)."
BY_HAND = "Do it by hand in Thinkific, then discard this change."
LATER = 1.0  # seconds until the next look whether a mutation worked; doubled after each look
LOOKS = 7  # looks before the push fails, for an administrator: more than a minute


def push_group(entry: OutboxEntry, client: ThinkificClient) -> None:
    """Create a group that exists only here, or link Thinkific's group of that name.

    REST cannot rename groups.
    """
    group = ThinkificGroup.objects.filter(pk=entry.object_id).first()
    if group is None or group.thinkific_id is not None:
        return
    # Groups are told apart by name only, so one of this name is ours; whoever made it.
    remote = client.rest.find_group_by_name(group.name) or client.rest.create_group(group.name)
    _link(group, remote)


def _link(group: ThinkificGroup, remote: schemas.Group) -> None:
    try:
        with transaction.atomic():
            ThinkificGroup.objects.filter(pk=group.pk, thinkific_id__isnull=True).update(
                thinkific_id=remote.id,
                name=group_row(remote, Notes())["name"],  # REST adds people by it: case matters
                token=(remote.token or "")[:100],
                thinkific_created_at=moment(remote.created_at),
                last_synced_at=timezone.now(),
            )
    except IntegrityError:
        raise Impossible(
            f"Another group here already stands for Thinkific's group “{group.name}”. Use that one."
        ) from None


def push_membership(entry: OutboxEntry, client: ThinkificClient) -> None:
    """Add a person to a group in Thinkific, or remove them from it. Raises ThinkificError."""
    membership = GroupMembership.objects.select_related("group", "user").filter(pk=entry.object_id).first()
    if membership is None:
        return
    group, user = membership.group, membership.user
    never_there = None in (group.thinkific_id, user.thinkific_id)
    gone = group.removed_at is not None or user.removed_at is not None
    if membership.removed_at is not None and (never_there or gone):
        return  # the person is not in the group in Thinkific
    group_id, user_id = id_of_group(group), account_of(user)
    if membership.removed_at is not None:
        _remove_member(membership, user_id, group_id, entry, client)
    else:
        _add_member(membership, user_id, group_id, entry, client)
    note_pushed(group, now=timezone.now())


def _add_member(
    membership: GroupMembership, user_id: int, group_id: int, entry: OutboxEntry, client: ThinkificClient
) -> None:
    group = membership.group
    known = ThinkificGroup.objects.filter(thinkific_id__isnull=False, removed_at__isnull=True)
    similar = known.filter(name__iexact=group.name).count() > 1 and bool(client.credentials.token)
    if similar or known.filter(name=group.name).count() > 1:
        # REST adds people by the group's name. Two groups have this name, so only GraphQL can add to one.
        what = f"Two groups in Thinkific are called “{group.name}”."
        _by_mutation(membership, user_id, group_id, entry, client, what=what)
        return
    try:
        client.rest.add_user_to_groups(user_id, [group.name])
    except Rejected as error:
        raise Impossible(
            f"Thinkific does not add people to “{group.name}”: {error.words}. Sync the groups to see whether "
            "it was renamed or deleted there."
        ) from None


def _remove_member(
    membership: GroupMembership, user_id: int, group_id: int, entry: OutboxEntry, client: ThinkificClient
) -> None:
    what = f"{membership.user} must leave {membership.group} in Thinkific."
    _by_mutation(membership, user_id, group_id, entry, client, what=what)


def _by_mutation(
    membership: GroupMembership,
    user_id: int,
    group_id: int,
    entry: OutboxEntry,
    client: ThinkificClient,
    *,
    what: str,
) -> None:
    """Add or remove a person with a GraphQL mutation, and check the result.

    A mutation may take effect later or never. Raises RetryLater until it has; Impossible after 7 looks, if
    Thinkific refuses it, or without an access token.
    """
    leaves = membership.removed_at is not None
    token = bool(client.credentials.token)
    perhaps_done = entry.uncertain or entry.attempts > 1 or not token  # by an earlier attempt, or by hand
    if perhaps_done and _is_in(membership.group, user_id, group_id, client) is not leaves:
        return
    if not token:
        raise Impossible(f"{what} {NEEDS_GRAPHQL} {BY_HAND}")
    change = groups.remove_users_from_groups if leaves else groups.add_users_to_groups
    email = membership.user.email
    try:
        groups.for_one(client.graphql, change, user_id=user_id, email=email, group_id=group_id)
    except (Rejected, SchemaDrift, TooExpensive) as error:
        raise Impossible(f"{what} Thinkific refuses it: “{str(error).rstrip('.')}”. {BY_HAND}") from None
    if _is_in(membership.group, user_id, group_id, client) is not leaves:
        return
    if entry.attempts >= LOOKS:
        there = "is still" if leaves else "is not"
        raise Impossible(f"{what} Thinkific said yes, but {membership.user} {there} in the group. {BY_HAND}")
    words = f"{what} The request was sent; the result is checked again later."
    raise RetryLater(words, after=LATER * 2 ** (entry.attempts - 1))


def _is_in(group: ThinkificGroup, user_id: int, group_id: int, client: ThinkificClient) -> bool:
    """Returns whether Thinkific lists the person in the group.

    For a group of more than one page, the list is filtered by the address as Thinkific spells it.
    """
    known = GroupMembership.objects.filter(group=group, removed_at__isnull=True).count()
    try:
        email = client.rest.get_user(user_id).email if known > PAGE_SIZE else None
    except NotFound:
        return False  # deleted in Thinkific, so in no group
    filters = {"group_id": group_id, "email": email}
    return any(row.id == user_id for row in client.rest.list_all("/users", schemas.User, filters))
