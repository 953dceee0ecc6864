"""Telling Thinkific about groups and their members."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from core.models import GroupMembership, OutboxEntry, SiteSettings, ThinkificGroup
from core.services.mirror.groups import note_pushed
from integrations.thinkific import graphql, schemas
from integrations.thinkific.client import ThinkificClient
from integrations.thinkific.errors import Rejected
from integrations.thinkific.mending import moment
from integrations.thinkific.sync.needs import Impossible, account_of, id_of_group

BY_HAND = (
    "Only GraphQL can do that, and there is no access token (THINKIFIC_ACCESS_TOKEN). Do it by hand in "
    "Thinkific, then discard this change."
)


def push_group(entry: OutboxEntry, client: ThinkificClient) -> None:
    """Create a group that exists here only, or link the one of that name. REST cannot rename one."""
    group = ThinkificGroup.objects.filter(pk=entry.object_id).first()
    if group is None or group.thinkific_id is not None:
        return
    # Groups are told apart by name only, so one of this name is ours; whoever made it.
    remote = client.find_group_by_name(group.name) or client.create_group(group.name)
    _link(group, remote)


def _link(group: ThinkificGroup, remote: schemas.Group) -> None:
    try:
        with transaction.atomic():
            ThinkificGroup.objects.filter(pk=group.pk, thinkific_id__isnull=True).update(
                thinkific_id=remote.id,
                token=(remote.token or "")[:100],
                thinkific_created_at=moment(remote.created_at),
                last_synced_at=timezone.now(),
            )
    except IntegrityError:
        raise Impossible(
            f"Another group here already stands for Thinkific's group “{group.name}”. Use that one."
        ) from None


def push_membership(entry: OutboxEntry, client: ThinkificClient) -> None:
    """Add a person to a group, or take them out where the settings allow it."""
    membership = GroupMembership.objects.select_related("group", "user").filter(pk=entry.object_id).first()
    if membership is None:
        return
    group, user = membership.group, membership.user
    if membership.removed_at is not None and None in (group.thinkific_id, user.thinkific_id):
        return  # what was never there need not be taken out
    group_id, user_id = id_of_group(group), account_of(user)
    if membership.removed_at is not None:
        _take_out(membership, user_id, group_id, client)
    else:
        _put_in(group, user_id, group_id, client)
    note_pushed(group, now=timezone.now())


def _put_in(group: ThinkificGroup, user_id: int, group_id: int, client: ThinkificClient) -> None:
    namesakes = ThinkificGroup.objects.filter(name=group.name, thinkific_id__isnull=False)
    if namesakes.filter(removed_at__isnull=True).count() > 1:
        # REST adds by name, and two groups have this one: only GraphQL can tell them apart.
        if not client.credentials.token:
            raise Impossible(f"Two groups in Thinkific are called “{group.name}”. {BY_HAND}")
        graphql.add_users_to_groups(client, [user_id], [group_id])
        return
    try:
        client.add_user_to_groups(user_id, [group.name])
    except Rejected as error:
        raise Impossible(
            f"Thinkific does not add people to “{group.name}”: {error.words}. Sync the groups to see whether "
            "it was renamed or deleted there."
        ) from None


def _take_out(membership: GroupMembership, user_id: int, group_id: int, client: ThinkificClient) -> None:
    if not SiteSettings.load().mirror_group_removals:
        raise Impossible(
            f"{membership.user} stays in {membership.group} in Thinkific, because the settings do not let us "
            "take people out of groups. Allow it there and retry, or discard this change."
        )
    if not client.credentials.token:
        raise Impossible(f"{membership.user} must leave {membership.group} in Thinkific. {BY_HAND}")
    graphql.remove_users_from_groups(client, [user_id], [group_id])
