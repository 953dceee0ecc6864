"""Personal teams: a team that stands for its owner together with the people they manage. One for each owner.

It is stored twice: on the team, and as the owner's `primary_team`, which the REST vocabulary means.
"""

from django.db import transaction
from django.db.models import Q, QuerySet

from core.errors import Refusal
from core.models import Team, User
from core.services.history import signed


class SecondPersonalTeam(Refusal):
    pass


def personal_of(user: User) -> QuerySet[Team]:
    """Returns the personal teams of which the user is the owner. Older data can have several."""
    return user.owned_teams.filter(Q(is_personal=True) | Q(pk=user.primary_team_id)).order_by("pk")


def is_personal(team: Team) -> bool:
    return team.is_personal or team.owner.primary_team_id == team.pk


@transaction.atomic
def change(team: Team, personal: bool, *, by: User | None = None) -> Team:
    """Make a team the personal team of its owner, or an ordinary one. Only differences are written. Raises
    SecondPersonalTeam when the owner has another."""
    team = Team.objects.select_for_update(of=("self",)).get(pk=team.pk)
    _write(team, personal, by)
    return team


def stop(team: Team, *, by: User | None) -> None:
    """Make a team, which the caller has locked, an ordinary one: its owner changes."""
    _write(team, False, by)


def _write(team: Team, personal: bool, by: User | None) -> None:
    # Locked, so that two teams of one owner do not become personal at the same time.
    owner = User.objects.select_for_update(of=("self",)).get(pk=team.owner_id)
    if personal and (other := personal_of(owner).exclude(pk=team.pk).first()):
        raise SecondPersonalTeam(
            f"{other} is the personal team of {owner} already, and everybody has at most one. Switch it off "
            "there first."
        )
    reason = "personal team" if personal else "no longer a personal team"
    if team.is_personal != personal:
        team.is_personal = personal
        signed(team, by=by, reason=reason).save(update_fields=["is_personal"])
    if personal != (owner.primary_team_id == team.pk):
        owner.primary_team = team if personal else None
        signed(owner, by=by, reason=reason).save(update_fields=["primary_team", "updated_at"])
    team.owner = owner
