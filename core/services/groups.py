"""Thinkific's groups: making them, their members, and their assignments to teams with a direction."""

from collections.abc import Collection, Iterable

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from core.errors import Refusal
from core.folding import tidy_name
from core.models import (
    Direction,
    GroupAssignment,
    GroupMembership,
    Membership,
    OutboxEntry,
    Role,
    Team,
    ThinkificGroup,
    User,
)
from core.models.groups import GROUP_NAME_LENGTH
from core.services import outbox
from core.services.directions import PUSHING, pushing_groups
from core.services.history import signed
from core.services.site import connection
from core.services.storage.collisions import checked_again

Pending, Clean = GroupMembership.PushState.PENDING, GroupMembership.PushState.CLEAN
Failed = GroupMembership.PushState.FAILED
NO_REMOVALS = (
    "Thinkific removes people from groups through GraphQL only, and there is no access token "
    "(THINKIFIC_ACCESS_TOKEN). Remove them in Thinkific; the next sync of the groups updates the dashboard."
)


@checked_again
def create(*, name: str, by: User | None = None) -> ThinkificGroup:
    """Make a group, here and in Thinkific. Raises Refusal when the name is empty, too long or taken."""
    name = tidy_name(name)
    if not name:
        raise Refusal("A group needs a name.")
    if len(name) > GROUP_NAME_LENGTH:
        raise Refusal(f"The name has {len(name)} characters; {GROUP_NAME_LENGTH} is the most.")
    # Thinkific adds people to groups by the group's name, so two groups of one name could not be told apart.
    if ThinkificGroup.named(name).filter(removed_at__isnull=True).exists():
        raise Refusal(f"There is a group “{name}” already. Use that one, or choose another name.")
    group = ThinkificGroup.objects.create(name=name)
    outbox.mark_stale([group], reason="group made", requested_by=by)
    return group


@checked_again
def assign(
    *,
    group: ThinkificGroup,
    team: Team,
    direction: str = Direction.BIDIRECTIONAL,
    role: Role | None = None,
    send_members: bool = True,
    by: User | None = None,
) -> GroupAssignment:
    """Assign a group to a team. If the direction pushes, the team's members are put into the group now, or
    without `send_members` only those who join the team later. If it pulls, the group's members join the team
    with the next pull of the groups.

    Raises Refusal when the group is assigned to the team already, or is no longer in Thinkific.
    """
    if group.removed_at is not None:
        raise Refusal(f"The group {group} is no longer in Thinkific. Choose another group.")
    if GroupAssignment.objects.filter(group=group, team=team).exists():
        raise Refusal(f"{group} is assigned to {team} already. Change its direction instead.")
    assignment = GroupAssignment(group=group, team=team, direction=Direction(direction), role=role)
    if not send_members:
        assignment.last_synced_at = timezone.now()  # nothing is left to be sent
    signed(assignment, by=by, reason="group assigned").save()
    if send_members:
        _send_team(assignment, by)
    return assignment


@transaction.atomic
def change_direction(
    assignment: GroupAssignment, *, direction: str, role: Role | None = None, by: User | None = None
) -> GroupAssignment:
    """Change the direction of an assignment. Nobody leaves the team or the group. `role` is for people who
    join the team from the group."""
    assignment = GroupAssignment.objects.select_for_update(of=("self",)).get(pk=assignment.pk)
    if (assignment.direction, assignment.role) == (direction, role):
        return assignment
    assignment.direction, assignment.role = Direction(direction), role
    assignment.changed_at, assignment.last_error = timezone.now(), ""
    signed(assignment, by=by, reason="direction changed").save()
    _send_team(assignment, by)
    return assignment


@transaction.atomic
def unassign(assignment: GroupAssignment, *, by: User | None = None) -> None:
    """End the assignment of a group to a team. Everybody stays in both."""
    signed(assignment, by=by, reason="group unassigned").delete()


@checked_again
def add_member(*, group: ThinkificGroup, user: User, by: User | None = None) -> GroupMembership:
    """Put a user into a group, here and in Thinkific. Raises Refusal when no assignment pushes, or Thinkific
    no longer has the group."""
    _check_takes(group)
    return add_to_groups([group.pk], [user], by=by, reason=f"added to {group}")[0]


@checked_again
def add_members(*, group: ThinkificGroup, users: Collection[User], by: User | None = None) -> int:
    """`add_member` for several users, all or none. Returns how many were added."""
    _check_takes(group)
    new = not_members(group, users)
    add_to_groups([group.pk], new, by=by, reason=f"added to {group}")
    return len(new)


def not_members(group: ThinkificGroup, users: Collection[User]) -> list[User]:
    """Returns the users who are not in the group."""
    there = GroupMembership.objects.filter(group=group, user__in=users, removed_at__isnull=True)
    inside = set(there.values_list("user", flat=True))
    return [user for user in users if user.pk not in inside]


def _check_takes(group: ThinkificGroup) -> None:
    """Raises Refusal when nobody can be put into the group from here."""
    if why := why_not_sent(group):
        raise Refusal(why)
    if group.removed_at is not None:
        raise Refusal(f"The group {group} is no longer in Thinkific. Choose another group.")


@transaction.atomic
def remove_member(membership: GroupMembership, *, by: User | None = None) -> None:
    """Take a user out of a group, here and in Thinkific; the user stays in all teams. The setting for
    automatic removals does not matter, as a person asks for this one. Raises Refusal when no assignment
    pushes."""
    group = membership.group
    if why := why_not_sent(group):
        raise Refusal(why)
    remove_from_groups([group.pk], membership.user, by=by, reason=f"removed from {group}")


def count_to_push(group: ThinkificGroup, team: Team) -> int:
    """Returns how many members of the team would be put into the group by an assignment that pushes."""
    if group.removed_at is not None:
        return 0
    there = GroupMembership.objects.filter(group=group, removed_at__isnull=True).exclude(push_state=Failed)
    return Membership.objects.filter(team=team).exclude(user__in=there.values("user")).count()


def count_to_join(group: ThinkificGroup, team: Team) -> int:
    """Returns how many members of the group would join the team by an assignment that pulls."""
    if group.removed_at is not None or team.archived_at is not None:
        return 0
    members = GroupMembership.objects.filter(group=group, removed_at__isnull=True)
    return members.exclude(user__in=Membership.objects.filter(team=team).values("user")).count()


def accepting_members(groups: QuerySet[ThinkificGroup], user: User | None = None) -> QuerySet[ThinkificGroup]:
    """Returns the groups that this user can be put into from here: an assignment pushes, and the user is not
    in the group. `user` None: the groups that any user can be put into."""
    sent = GroupAssignment.objects.filter(direction__in=PUSHING).values("group")
    if user is None:
        return groups.filter(pk__in=sent)
    there = GroupMembership.objects.filter(user=user, removed_at__isnull=True).values("group")
    return groups.filter(pk__in=sent).exclude(pk__in=there)


def why_not_removable(membership: GroupMembership) -> str:
    """Returns why this user cannot be taken out of the group from here; empty when it is possible."""
    return why_not_sent(membership.group) or ("" if _can_leave(membership) else NO_REMOVALS)


def why_no_removals(group: ThinkificGroup) -> str:
    """Returns why members cannot be taken out of the group from here; empty when it is possible."""
    return why_not_sent(group) or ("" if connection.has_access_token() else NO_REMOVALS)


def removable(memberships: QuerySet[GroupMembership]) -> QuerySet[GroupMembership]:
    """Returns the memberships that can be ended from here."""
    sent = GroupAssignment.objects.filter(direction__in=PUSHING).values("group")
    rows = memberships.filter(group__in=sent)
    return rows if connection.has_access_token() else rows.exclude(push_state=Clean)


def _can_leave(membership: GroupMembership) -> bool:
    """Whether the membership can be ended. One that was not sent to Thinkific needs no access token for
    it."""
    return connection.has_access_token() or membership.push_state != Clean


def add_to_groups(
    groups: Iterable[int], users: Iterable[User], *, by: User | None, reason: str
) -> list[GroupMembership]:
    """Put users into groups (primary keys); members stay as they are. The caller has checked the directions.
    Returns the new and changed memberships; when there are none, those that exist already."""
    by_key = {user.pk: user for user in users}
    stale: list[GroupMembership] = []
    for group in groups:
        rows = GroupMembership.objects.select_for_update().filter(group=group, user__in=by_key)
        known = {row.user_id: row for row in rows}
        new = [
            GroupMembership(
                group_id=group, user=user, source=GroupMembership.Source.DASHBOARD, push_state=Pending
            )
            for key, user in by_key.items()
            if key not in known
        ]
        back = [row for row in known.values() if row.removed_at or row.push_state == Failed]
        for row in back:
            row.removed_at, row.push_state, row.first_seen_at = None, Pending, timezone.now()
            row.user = by_key[row.user_id]
        GroupMembership.objects.bulk_create(new)
        GroupMembership.objects.bulk_update(back, ["removed_at", "push_state", "first_seen_at"])
        stale += new + back
    if not stale:
        return list(GroupMembership.objects.filter(group__in=groups, user__in=by_key))
    outbox.mark_stale(
        [row.user for row in stale if row.user.thinkific_id is None],
        reason="needs a Thinkific account for its group",
        requested_by=by,
    )
    new_groups = ThinkificGroup.objects.filter(pk__in=groups, thinkific_id__isnull=True)
    outbox.mark_stale(new_groups, reason="group made", requested_by=by)
    outbox.mark_stale(stale, reason=reason, requested_by=by)
    return stale


def remove_from_groups(groups: Iterable[int], user: User, *, by: User | None, reason: str) -> None:
    """Take a user out of groups (primary keys). The caller has checked the directions and, for an automatic
    removal, the setting."""
    rows = list(
        GroupMembership.objects.select_for_update().filter(
            group__in=groups, user=user, removed_at__isnull=True
        )
    )
    for row in rows:
        row.removed_at, row.push_state = timezone.now(), Pending
        row.save(update_fields=["removed_at", "push_state"])
    outbox.mark_stale(rows, reason=reason, requested_by=by)


def drop_unsent_additions(team: Team, user: User) -> None:
    """Take a user out of the groups that the team sends its members to, where this was not sent yet."""
    assigned = GroupAssignment.objects.filter(team=team, direction__in=PUSHING).values("group")
    rows = GroupMembership.objects.select_for_update(of=("self",)).filter(
        user=user, group__in=assigned, push_state=Pending, removed_at__isnull=True
    )
    keys = list(rows.values_list("pk", flat=True))
    waiting = OutboxEntry.objects.filter(entity="groupmembership", object_id__in=keys)
    waiting = waiting.filter(status=OutboxEntry.Status.PENDING)
    unsent = list(waiting.values_list("object_id", flat=True))
    waiting.update(status=OutboxEntry.Status.DISCARDED, finished_at=timezone.now())
    GroupMembership.objects.filter(pk__in=unsent).delete()


def why_not_sent(group: ThinkificGroup) -> str:
    """Returns why changes of the group's members are not sent to Thinkific; empty when they are."""
    return "" if pushing_groups([group.pk]) else not_sent(group)


def not_sent(group: ThinkificGroup) -> str:
    return (
        f"No team sends changes of {group} to Thinkific. Assign the group with the direction "
        "Bidirectional or Dashboard-to-Thinkific, or change its members in Thinkific."
    )


def _send_team(assignment: GroupAssignment, by: User | None) -> None:
    """Put the team's members into the group, if the direction pushes and Thinkific has the group."""
    if assignment.direction not in PUSHING or assignment.group.removed_at is not None:
        return
    members = Membership.objects.filter(team=assignment.team_id).select_related("user").order_by("pk")
    people = [membership.user for membership in members]
    add_to_groups([assignment.group_id], people, by=by, reason=f"{assignment.team} got its group")
