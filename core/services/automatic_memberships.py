"""Users who join a team because of a sync: users without a team, and members of Thinkific's groups.

As when a person adds somebody by hand, they are put into the team's groups that push.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Max, QuerySet

from core.models import (
    GroupAssignment,
    GroupMembership,
    Membership,
    Role,
    SiteSettings,
    Team,
    ThinkificGroup,
    User,
)
from core.permissions import scope
from core.services import groups, webhooks
from core.services.directions import PULLING, sending_groups
from core.services.mirror.groups import TeamTarget
from core.services.mirror.source import Source
from core.services.storage import bulk


def without_a_team() -> QuerySet[User]:
    """Users with a Thinkific account who are in no team and should be in one."""
    return User.objects.unassigned().filter(thinkific_id__isnull=False)


def in_groups(chosen: Iterable[ThinkificGroup], team: Team) -> tuple[int, int]:
    """Returns how many people are in these groups, and how many of them in the team already."""
    rows = GroupMembership.objects.filter(group__in=chosen, removed_at__isnull=True)
    people = User.objects.filter(pk__in=rows.values("user"))
    return people.count(), people.filter(memberships__team=team).count()


def join(users: Iterable[int], team: Team, *, source: Source, now: datetime, by: User | None = None) -> int:
    """Make users (primary keys) students of the team, on request of `by`. Returns how many joined."""
    target = TeamTarget(team.pk, Role.objects.get(code="student").pk)
    return join_teams(users, [target], source=source, now=now, by=by)


def join_default_team(thinkific_ids: Collection[int], *, source: Source, now: datetime) -> int:
    """Add users without a team to the default team, if one is set. Returns how many joined."""
    team = SiteSettings.load().default_team if thinkific_ids else None
    if team is None:
        return 0
    people = without_a_team().filter(bulk.among("thinkific_id", thinkific_ids))
    return join(list(people.values_list("pk", flat=True)), team, source=source, now=now)


def join_teams(
    users: Iterable[int],
    targets: Iterable[TeamTarget],
    *,
    source: Source,
    now: datetime,
    by: User | None = None,
) -> int:
    """Make users (primary keys) members of teams, on request of `by`. Members keep their role. New members
    are put into the team's groups that push. Returns how many joined.
    """
    people = sorted(set(users))
    targets = list(targets)
    roles = Role.objects.filter(pk__in={target.role_id for target in targets})
    starts = {role.pk: scope.starting_overrides(role) for role in roles.exclude(code="student")}
    joined = 0
    for target in targets:
        there = set(
            Membership.objects.filter(team=target.team_id, user__in=people).values_list("user", flat=True)
        )
        new = [user for user in people if user not in there]
        if not target.again:
            new = _without_removed(target.team_id, new)
        made = bulk.insert(
            Membership,
            ["team_id", "user_id", "role_id", "joined_at", "overrides"],
            [(target.team_id, user, target.role_id, now, starts.get(target.role_id)) for user in new],
        )
        if new:
            rows = list(Membership.objects.filter(bulk.among("pk", made)))
            Membership.history.bulk_history_create(rows, default_change_reason=source.reason)
            if not source.first_load:
                webhooks.emit("membership.created", rows)
            sent_to = sending_groups(target.team_id)
            if sent_to:
                groups.add_to_groups(
                    sent_to,
                    User.objects.filter(pk__in=new),
                    by=by,
                    reason=f"joined the team, {source.reason}",
                )
        joined += len(new)
    return joined


def _without_removed(team_id: int, users: list[int]) -> list[int]:
    """Returns the users without those who were removed from the team after they joined its groups and after
    the groups were assigned. Thinkific's group still has them, but a pull must not undo the removal."""
    removals = Membership.history.filter(team_id=team_id, user_id__in=users, history_type="-")
    removed = dict(removals.order_by().values_list("user_id").annotate(Max("history_date")))
    if not removed:
        return users
    assigned = GroupAssignment.objects.filter(team=team_id, direction__in=PULLING)
    came = dict(
        GroupMembership.objects.filter(user__in=removed, group__in=assigned.values("group"))
        .order_by()
        .values_list("user_id")
        .annotate(Max("first_seen_at"))
    )
    changed = assigned.aggregate(at=Max("changed_at"))["at"]
    return [
        user
        for user in users
        if user not in removed or removed[user] < max(at for at in (changed, came.get(user)) if at)
    ]
