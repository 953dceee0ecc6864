"""Telling Thinkific about groups and their members."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from core.models import GroupMembership, OutboxEntry, SiteSettings, ThinkificGroup
from core.services.mirror.groups import note_pushed
from integrations.thinkific import graphql, schemas
from integrations.thinkific.client import ThinkificClient
from integrations.thinkific.errors import Rejected, RetryLater


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
                thinkific_id=remote.id, token=(remote.token or "")[:100], last_synced_at=timezone.now()
            )
    except IntegrityError:
        raise Rejected(
            "link", 409, [(None, f"Another group here already stands for Thinkific's group “{group.name}”.")]
        ) from None


def push_membership(entry: OutboxEntry, client: ThinkificClient) -> None:
    """Add a person to a group, or take them out where the settings allow it."""
    membership = GroupMembership.objects.select_related("group", "user").filter(pk=entry.object_id).first()
    if membership is None:
        return
    group, user = membership.group, membership.user
    if group.thinkific_id is None:
        raise RetryLater(f"The group {group} is not in Thinkific yet.", after=5)
    if user.thinkific_id is None:
        raise RetryLater(f"{user} has no Thinkific account yet.", after=5)
    if membership.removed_at is not None:
        _take_out(membership, client)
    elif ThinkificGroup.objects.filter(name=group.name, thinkific_id__isnull=False).count() > 1:
        # REST adds by name, and two groups have this one: only GraphQL can tell them apart.
        graphql.add_users_to_groups(client, [user.thinkific_id], [group.thinkific_id])
    else:
        client.add_user_to_groups(user.thinkific_id, [group.name])
    note_pushed(group, now=timezone.now())


def _take_out(membership: GroupMembership, client: ThinkificClient) -> None:
    what = f"{membership.user} in {membership.group}"
    if not SiteSettings.load().mirror_group_removals:
        raise Rejected("remove", 409, [(None, f"Removing members from groups is switched off: {what}.")])
    if not client.credentials.token:
        raise Rejected(
            "remove",
            409,
            [
                (
                    None,
                    f"Only GraphQL can remove a member, and there is no access token. Remove it by hand: {what}.",
                )
            ],
        )
    graphql.remove_users_from_groups(
        client, [membership.user.thinkific_id or 0], [membership.group.thinkific_id or 0]
    )
