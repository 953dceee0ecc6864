"""One call for a sale: the buyer, their team, places in it, and the buyer's own enrollments."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from django.db import transaction

from core.errors import NotAllowed, Refusal
from core.models import Enrollment, Job, Membership, Product, Role, Seat, Team, User
from core.permissions import scope
from core.services import memberships
from core.services.api import access, jobs, users
from core.services.api.users import Changes
from core.services.enrollments import seat_access
from core.services.seats.changes import TooManyPlaces
from core.services.teams import teams
from core.services.teams.teams import TEAM_NAME_LENGTH

Strategy = Literal["auto", "first", "create", "specific"]


class NoSuchTeam(Refusal):
    field = "team.id"


class OwnsNoTeam(Refusal):
    field = "team.strategy"


@dataclass(frozen=True)
class TeamChoice:
    """Which team gets the places. A taken name of a new one gets a number: nobody is there to choose another.

    auto: the first team that the buyer owns, or a new one; first: the first one that they own; create: a new
    one; specific: the team with this key, which the buyer joins with this role if they are not in it.
    """

    strategy: Strategy = "auto"
    key: int | None = None
    name: str = ""
    role: Literal["student", "manager"] = "student"


@dataclass(frozen=True)
class Places:
    product: Product
    add_seats: int
    enrollment_days: int | None = None  # None: the seat keeps its rule


@dataclass(frozen=True)
class Provisioned:
    user: User
    made: bool
    team: Team
    seats: Sequence[Seat]
    enrollments: Sequence[Enrollment]
    job: Job


@transaction.atomic
def provision(
    *, buyer: Changes, choice: TeamChoice, places: Collection[Places], products: Collection[Product], by: User
) -> Provisioned:
    """Make or update the buyer, choose the team, add the places, and enroll the buyer through the team's
    seats. All or nothing: raises Refusal, also where a seat has no place for the buyer, and then writes
    nothing."""
    user, made = users.upsert(buyer, by=by)
    team = _team(user, choice, by, made)
    seats = [_added(team, one, number, by) for number, one in enumerate(places)]
    enrollments: list[Enrollment] = []
    if products:
        enrollments = seat_access.enroll(student=user, products=products, by=by, team=team)
    job = jobs.start(Job.Kind.PROVISION, user=by, objects=[user, *enrollments])
    return Provisioned(user, made, team, seats, enrollments, job)


def _added(team: Team, one: Places, number: int, by: User) -> Seat:
    try:
        return access.add_to_team(
            team,
            one.product,
            active=True,
            add_seats=one.add_seats,
            enrollment_days=one.enrollment_days,
            by=by,
        )
    except TooManyPlaces as refusal:
        refusal.field = f"seats.{number}.add_seats"
        raise


def _team(user: User, choice: TeamChoice, by: User, made: bool) -> Team:
    owned = list(user.owned_teams.visible_to(by).current().order_by("pk")[:1])
    if choice.strategy == "specific":
        return _joined(user, choice, by)
    if choice.strategy == "first" and not owned:
        raise OwnsNoTeam(f"{user} owns no team. Use the strategy auto or create.")
    if owned and (choice.strategy != "create" or made):
        # A new user has just got a team: it takes the name that was sent instead of that of the user.
        if not (made and choice.name):
            return owned[0]
        return teams.update(owned[0], name=choice.name, numbered=True, by=by)
    if not scope.holds(by, "teams.create"):
        raise NotAllowed(f"{by} may not make teams.")
    return teams.create(name=choice.name or str(user)[:TEAM_NAME_LENGTH], owner=user, numbered=True, by=by)


def _joined(user: User, choice: TeamChoice, by: User) -> Team:
    team = Team.objects.visible_to(by).current().filter(pk=choice.key or 0).first()
    if team is None:
        raise NoSuchTeam(f"There is no such team, or {by} may not see it.")
    if not Membership.objects.filter(team=team, user=user).exists():
        if not scope.holds_in(by, "teams.assign", team):
            raise NotAllowed(f"{by} may not add people to {team}.")
        role = Role.objects.get(code=choice.role)
        if not scope.roles_to_give(by, team).filter(pk=role.pk).exists():
            raise NotAllowed(f"{by} may not give the role {role} in {team}.")
        memberships.add_member(team=team, user=user, role=role, by=by)
    return team
