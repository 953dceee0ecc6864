"""Who arrives from Thinkific without a team, and which team they join."""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import QuerySet

from core.models import Role, SiteSettings, Team, User
from core.services import bulk
from core.services.mirror.groups import TeamTarget, join_teams


def without_a_team() -> QuerySet[User]:
    """People of Thinkific who are in no team. Staff needs none."""
    people = User.objects.unassigned().filter(thinkific_id__isnull=False, removed_at__isnull=True)
    return people.filter(is_staff=False, is_superuser=False)


def join(users: Iterable[int], team: Team, *, source: str, now: datetime) -> int:
    """Make people (primary keys) students of the team. Answers how many joined."""
    target = TeamTarget(team.pk, Role.objects.get(code="student").pk)
    return join_teams(users, [target], source=source, now=now)


def join_default_team(thinkific_ids: Collection[int], *, source: str, now: datetime) -> int:
    """Of these people those without a team join the one that the settings name, if they name one."""
    team = SiteSettings.load().default_team if thinkific_ids else None
    if team is None:
        return 0
    people = without_a_team().filter(bulk.among("thinkific_id", thinkific_ids))
    return join(list(people.values_list("pk", flat=True)), team, source=source, now=now)
