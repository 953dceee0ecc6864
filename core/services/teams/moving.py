"""Moving members to another team: they join it and leave theirs, in one transaction, and nothing else about
them changes. Enrollments and groups in Thinkific stay."""

from collections.abc import Collection
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F, QuerySet

from core.errors import Refusal, names
from core.models import Enrollment, Membership, Role, SeatAssignment, Team, User
from core.permissions import scope
from core.permissions.backend import archived_teams, codes_by_team
from core.services import memberships, people
from core.services.seats import counting
from core.services.teams import leaving
from core.wording import one_or_many

CODE = "teams.assign"  # needed in both teams


class Effects(NamedTuple):
    """What a move changes beside the memberships. Nothing of it is an enrollment that changes."""

    there: int  # people who are in the new team already, and keep their role there
    takes: int  # places of the new team's seats
    unseen: int  # enrollments that the old team no longer sees
    homes: int  # people whose home team is the old one
    homes_move: bool


def teams_to_move_to(by: User, source: Team | None = None) -> bool:
    """Whether the viewer could move members of the team anywhere. None: of any team. Takes no query beyond
    what is cached of the viewer."""
    if by.sees_everything:
        return CODE in scope.codes_everywhere(by)
    mine = {team for team, codes in codes_by_team(by).items() if CODE in codes} - archived_teams(by)
    return bool(mine - {source.pk}) if source else len(mine) > 1


@transaction.atomic
def move_members(
    *, source: Team, target: Team, users: Collection[User], role: Role | None = None, by: User
) -> None:
    """Move users from a team to another, all or none. They get `role` there; None: the role that they have.
    Who is in the new team already keeps the role there. Overrides begin as for any new member.

    The home team moves along only if `by` could change it anyway (*Home Team*): it is a right over the
    account, which the new team's managers must not get otherwise. Raises Refusal.
    """
    teams = Team.objects.select_for_update(of=("self",)).filter(pk__in=[source.pk, target.pk])
    locked = {team.pk: team for team in teams.order_by("pk")}
    source, target = locked[source.pk], locked[target.pk]
    rows = check(source=source, target=target, users=users, role=role, by=by)
    for given, joining in _by_role(rows, target, role).items():
        memberships.add_members(
            team=target, users=joining, role=given, by=by, reason=f"moved here from {source}"
        )
    moved = [row.user for row in rows]
    if _moves_homes(by):
        for user in moved:
            if user.home_team_id == source.pk:
                people.change_home_team(user, team=target, by=by)
    leaving.remove_members(team=source, users=moved, by=by, reason=f"moved to {target}", leave_groups=False)


def check(
    *, source: Team, target: Team, users: Collection[User], role: Role | None, by: User
) -> list[Membership]:
    """Returns the memberships that would be moved. Raises Refusal when one cannot be, or `by` may not."""
    if source.pk == target.pk:
        raise Refusal(f"{names(users)} {_are(users)} in {source} already. Choose another team.")
    found = Membership.objects.filter(team=source, user__in=users).select_related("user", "role")
    rows = list(found.order_by("pk"))
    if gone := {user.pk: user for user in users}.keys() - {row.user_id for row in rows}:
        left = [user for user in users if user.pk in gone]
        raise Refusal(f"{names(left)} {_are(left)} not in {source} any more. Nobody was moved.")
    if not (scope.holds_in(by, CODE, source) and scope.holds_in(by, CODE, target)):
        raise Refusal(f"You cannot move people from {source} to {target}. Ask an administrator.")
    if any(row.user_id == source.owner_id for row in rows):
        raise Refusal(f"{source.owner} owns {source} and stays. Make somebody else the owner first.")
    within = set(
        scope.memberships_where(by, CODE).filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True)
    )
    if above := [row.user for row in rows if row.pk not in within]:
        raise Refusal(f"You cannot move {names(above)}: their role has more rights than yours.")
    for given, joining in _by_role(rows, target, role).items():
        memberships.check_takes(target, given, how_many=len(joining))
        if not scope.roles_to_give(by, target).filter(pk=given.pk).exists():
            raise Refusal(f"You cannot give the role {given} in {target}. Choose another role.")
    return rows


def obstacle(**move: Any) -> Refusal | None:
    """Returns the refusal that `move_members` would raise now; None when it would move them."""
    try:
        check(**move)
    except Refusal as refusal:
        return refusal
    return None


def effects(*, source: Team, target: Team, users: Collection[User], by: User) -> Effects:
    keys = [user.pk for user in users]
    there = Membership.objects.filter(team=target, user__in=keys).count()
    products = SeatAssignment.objects.filter(team=source).values("product")
    return Effects(
        there=there,
        takes=len(counting.places_by_joining(target, keys)),
        unseen=Enrollment.objects.filter(user__in=keys, product__in=products).count(),
        homes=sum(user.home_team_id == source.pk for user in users),
        homes_move=_moves_homes(by),
    )


def movable(rows: QuerySet[Membership]) -> QuerySet[Membership]:
    """Returns those of these memberships that are not an owner's."""
    return rows.exclude(team__owner=F("user"))


def _moves_homes(by: User) -> bool:
    return "users.edit" in scope.codes_everywhere(by)


def _by_role(rows: list[Membership], target: Team, role: Role | None) -> dict[Role, list[User]]:
    """Returns who joins the new team, by the role that they get there."""
    there = set(
        Membership.objects.filter(team=target, user__in=[row.user_id for row in rows]).values_list(
            "user", flat=True
        )
    )
    found: dict[Role, list[User]] = {}
    for row in rows:
        if row.user_id not in there:
            found.setdefault(role or row.role, []).append(row.user)
    return found


def _are(users: Collection[User]) -> str:
    return one_or_many(len(users), "is", "are")
