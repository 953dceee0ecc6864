"""The personal team behind a user of the published API: "a user with their students"."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet

from core.models import Membership, Team, User
from core.services.teams import personal, teams
from core.services.teams.teams import TEAM_NAME_LENGTH


@transaction.atomic(savepoint=False)
def of(user: User, *, by: User | None) -> Team:
    """Returns the user's personal team; makes it when a call needs it first, named after the user. An
    archived one is restored. Two calls at the same time make one."""
    team = personal.personal_of(user).first()
    if team is not None and team.archived_at is None and _is_both(team, user):
        return team  # without a lock: calls for one user need not wait for each other
    user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    team = personal.personal_of(user).first()
    if team is None:
        team = teams.create(name=str(user)[:TEAM_NAME_LENGTH], owner=user, numbered=True, by=by)
    if team.archived_at is not None:
        team = teams.restore(team, numbered=True, by=by)
    if not _is_both(team, user):
        team = personal.change(team, True, by=by)
    return team


def _is_both(team: Team, user: User) -> bool:
    """Whether the team is personal by both places where that is stored."""
    return team.is_personal and user.primary_team_id == team.pk


def of_each(users: Collection[User], *, viewer: User) -> dict[int, Team]:
    """Returns the personal teams of these users that the viewer sees, by user (primary key), each with its
    number of `students`. One query."""
    rows = Team.objects.visible_to(viewer).filter(owner__in=[user.pk for user in users])
    rows = rows.filter(Q(is_personal=True) | Q(owner__primary_team=F("pk")))
    counted = rows.annotate(students=Count("memberships", filter=Q(memberships__role__code="student")))
    found: dict[int, Team] = {}
    for team in counted.order_by("pk"):
        found.setdefault(team.owner_id, team)
    return found


def students_of(user: User) -> QuerySet[User]:
    """Returns the students of the user's personal team; nobody while there is none."""
    team = known(user)
    rows = Membership.objects.filter(team=team, role__code="student")
    return User.objects.filter(pk__in=rows.values("user")) if team else User.objects.none()


def known(user: User) -> Team | None:
    """Returns the user's personal team; None while no call has needed one."""
    return personal.personal_of(user).first()
