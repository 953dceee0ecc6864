"""Stores groups and their members as Thinkific has them, and tells which teams the members join or leave."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db.models import F, Q, QuerySet

from core.folding import fold
from core.models import GroupAssignment, GroupMembership, Membership, OutboxEntry, Role, ThinkificGroup
from core.moments import is_older
from core.services import webhooks
from core.services.directions import PULLING, PUSHING
from core.services.mirror.outcome import Applied
from core.services.mirror.source import Source
from core.services.mirror.table import Table, Values, compare, write
from core.services.mirror.unsent import JUST_SENT
from core.services.storage import bulk

NOT_SENT = "Not sent to Thinkific for "  # how the errors of refused changes begin

GROUPS = Table(model=ThinkificGroup, fields=("name", "token", "thinkific_created_at", "removed_at"))


class TeamTarget(NamedTuple):
    """A team that members of a group join, and their role there.

    `again`: users who were removed from the team after they joined the group join it again.
    """

    team_id: int
    role_id: int
    again: bool = True


def apply_groups(rows: list[Values], *, source: Source) -> Applied:
    """Store groups by Thinkific id. A group that was made here and has no id yet is recognised by its
    name."""
    applied = Applied()
    rows = list({row["thinkific_id"]: row for row in rows}.values())
    stored = GROUPS.stored(thinkific_id__in=[row["thinkific_id"] for row in rows])
    _link_ours([row for row in rows if row["thinkific_id"] not in stored])
    stored = GROUPS.stored(thinkific_id__in=[row["thinkific_id"] for row in rows])
    changes = compare(GROUPS, [(row, stored.get(row["thinkific_id"])) for row in rows], applied)
    write(changes, applied, source=source)
    return applied


def _link_ours(rows: list[Values]) -> None:
    """Give groups made here their Thinkific id, by name: first those with an equal name, then those whose
    name differs by case only, as Thinkific ignores case too."""
    ours = dict(ThinkificGroup.objects.filter(thinkific_id__isnull=True).values_list("name", "pk"))
    if not rows or not ours:
        return
    left = {row["thinkific_id"]: str(row["name"]) for row in rows}
    for alike in (str, fold):
        known = {alike(name): name for name in ours}
        for number, told in list(left.items()):
            if (name := known.pop(alike(told), None)) is not None:
                mine = ThinkificGroup.objects.filter(pk=ours.pop(name), thinkific_id__isnull=True)
                mine.update(thinkific_id=number)
                del left[number]


def apply_members(
    group: ThinkificGroup, users: Iterable[int], *, now: datetime
) -> tuple[list[int], list[int]]:
    """Record that these users (primary keys) are in the group. Returns the primary keys of the memberships
    that existed, and of the new ones."""
    wanted = set(users)
    known = {
        user: (pk, state, removed)
        for pk, user, state, removed in GroupMembership.objects.filter(
            group=group, user__in=wanted
        ).values_list("pk", "user", "push_state", "removed_at")
    }
    new = sorted(wanted - set(known))
    made = bulk.insert(
        GroupMembership,
        ["group_id", "user_id", "source", "first_seen_at"],
        [(group.pk, user, GroupMembership.Source.THINKIFIC, now) for user in new],
    )
    back = {pk for pk, _, removed in known.values() if removed is not None}
    ours, given_up = _removed_here(back, now)
    GroupMembership.objects.filter(pk__in=given_up).update(removed_at=None)
    GroupMembership.objects.filter(pk__in=back - ours - given_up).update(removed_at=None, first_seen_at=now)
    return [pk for pk, _, _ in known.values()], made


def _removed_here(back: set[int], now: datetime) -> tuple[set[int], set[int]]:
    """Sorts memberships (primary keys) that are removed here although Thinkific lists them.

    Returns two sets. The first: our removal is not sent yet, or was sent just now, so the list may be from
    before. The second: somebody discarded our removal, so the user was in Thinkific's group all the time.
    They do not count as joining again, so they do not join the group's teams again.
    """
    entries = OutboxEntry.objects.filter(entity="groupmembership", object_id__in=back).order_by("id")
    rows = entries.values_list("object_id", "status", "finished_at") if back else []
    last = {pk: (status, finished) for pk, status, finished in rows}
    done, discarded = OutboxEntry.Status.DONE, OutboxEntry.Status.DISCARDED
    ours = {
        pk
        for pk, (status, finished) in last.items()
        if status in OutboxEntry.UNSENT or (status == done and not is_older(finished, now, than=JUST_SENT))
    }
    return ours, {pk for pk, (status, _) in last.items() if status == discarded}


def remove_members(group: ThinkificGroup, gone: Iterable[int], *, now: datetime) -> int:
    """Record that these memberships (primary keys) are no longer in Thinkific. Teams do not change."""
    rows = GroupMembership.objects.filter(pk__in=list(gone), group=group, removed_at__isnull=True)
    return rows.exclude(push_state=GroupMembership.PushState.PENDING).update(removed_at=now)


def pulling_targets(group: ThinkificGroup) -> list[TeamTarget]:
    """Returns the teams that the group's members join: those of its assignments that pull, without archived
    teams."""
    student = Role.objects.get(code="student").pk
    rows = GroupAssignment.objects.filter(group=group, direction__in=PULLING, team__archived_at__isnull=True)
    return [TeamTarget(a.team_id, a.role_id or student, again=False) for a in rows]


def leave_teams(group: ThinkificGroup, users: Iterable[int]) -> int:
    """Remove users (primary keys) who left a group from the teams that it pulls into. Only students leave,
    and not those who are in another group that pulls into the team. Returns how many memberships ended."""
    left = 0
    for target in pulling_targets(group):
        others = GroupAssignment.objects.filter(team=target.team_id, direction__in=PULLING).exclude(
            group=group
        )
        kept = GroupMembership.objects.filter(group__in=others.values("group"), removed_at__isnull=True)
        rows = Membership.objects.filter(team=target.team_id, user__in=list(users), role__code="student")
        leaving = list(rows.exclude(user__in=kept.values("user")).exclude(user=F("team__owner")))
        webhooks.emit("membership.deleted", leaving)
        for membership in leaving:
            membership.delete()  # one by one, so that each gets a history row
            left += 1
    return left


def note_assignments_synced(group: ThinkificGroup, *, now: datetime) -> None:
    """Record that all members of the group were read: its assignments that pull are synced."""
    ThinkificGroup.objects.filter(pk=group.pk).update(last_synced_at=now)
    rows = GroupAssignment.objects.filter(group=group, direction__in=PULLING)
    rows.filter(Q(last_synced_at__lt=now) | Q(last_synced_at__isnull=True)).update(last_synced_at=now)
    _clear_errors(group, rows)


def note_not_read(groups: QuerySet[ThinkificGroup], words: str) -> None:
    """Record why the members of these groups could not be read, on the assignments that pull."""
    rows = GroupAssignment.objects.filter(group__in=groups.order_by(), direction__in=PULLING)
    rows.update(last_error=f"Members could not be read from Thinkific. {words}")


def note_pushed(group: ThinkificGroup, *, now: datetime) -> None:
    """Record that a change of this group was sent to Thinkific: its assignments that push are synced."""
    rows = GroupAssignment.objects.filter(group=group, direction__in=PUSHING)
    rows.update(last_synced_at=now)
    _clear_errors(group, rows)


def note_not_sent(membership: int, words: str) -> None:
    """Record why a membership (primary key) could not be sent, on the assignments that push. Only for teams
    of this user: the words name the user, whom others do not see."""
    row = GroupMembership.objects.select_related("user").filter(pk=membership).first()
    if row is not None:
        rows = GroupAssignment.objects.filter(group=row.group_id, direction__in=PUSHING)
        rows = rows.filter(team__in=Membership.objects.filter(user=row.user_id).values("team"))
        rows.update(last_error=f"{NOT_SENT}{row.user}. {words}")


def _clear_errors(group: ThinkificGroup, rows: QuerySet[GroupAssignment]) -> None:
    """Drop the errors that a sync has settled. That of a change which Thinkific refused stays while one of
    the group's changes is refused."""
    failed = GroupMembership.objects.filter(group=group, push_state=GroupMembership.PushState.FAILED)
    (rows.exclude(last_error__startswith=NOT_SENT) if failed.exists() else rows).update(last_error="")
