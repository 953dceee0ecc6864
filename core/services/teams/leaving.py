"""Leaving a team: one member or many, and what becomes of the access that the team's seats gave."""

from collections.abc import Collection, Iterable
from enum import Enum
from typing import NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from core.errors import Refusal, names
from core.models import (
    Enrollment,
    GroupAssignment,
    Membership,
    Role,
    SeatAssignment,
    SiteSettings,
    Team,
    User,
)
from core.services import groups, memberships, webhooks
from core.services.directions import PUSHING, sending_groups
from core.services.enrollments import enrollments
from core.services.history import record_many
from core.wording import listed

REASON = "left the team"


class Alone(Enum):
    """What becomes of people who are in no other team."""

    MUST_MOVE = "they join the default team; without one nobody leaves"
    MAY_MOVE = "they join the default team, also a full one; without one they are listed as unassigned"
    STAYS_OUT = "they are in no team: for people who hold a right here in another way"


class Left(NamedTuple):
    people: int
    moved: int  # of these, people who joined the default team, as they were in no other
    ended: int  # enrollments that ended


def given_by(team: Team, users: Iterable[User]) -> QuerySet[Enrollment]:
    """Returns the running enrollments of these members that a seat of the team gave. Without those that
    another team of the member has the same seat for: the member stays there."""
    given = SeatAssignment.objects.filter(team=team, seat=OuterRef("last_seat"))
    others = Membership.objects.filter(user=OuterRef("user")).exclude(team=team)
    elsewhere = others.filter(team__seat_assignments__seat=OuterRef("last_seat"))
    rows = Enrollment.objects.filter(user__in=list(users)).giving_access()
    return rows.filter(Exists(given), ~Exists(elsewhere))


def without_another_team(team: Team, users: Iterable[User]) -> list[User]:
    """Returns those of these members who are in no other team."""
    users = list(users)
    others = Membership.objects.filter(user__in=users).exclude(team=team)
    elsewhere = set(others.order_by().values_list("user", flat=True))
    return [user for user in users if user.pk not in elsewhere]


def why_they_stay(teams: Collection[Team], users: Iterable[User], by: User | None) -> str:
    """Returns why these members cannot leave all of these teams; empty when they can. Who is in no other team
    needs the default team, with room."""
    users = list(users)
    others = Membership.objects.filter(user__in=users).exclude(team__in=teams)
    elsewhere = set(others.order_by().values_list("user", flat=True))
    alone = [user for user in users if user.pk not in elsewhere]
    default = SiteSettings.load().default_team
    if not alone:
        return ""
    if default is None or default in teams:
        first, *further = [str(team) for team in teams]
        only = f"{listed([first, *further])} are the only teams" if further else f"{first} is the only team"
        return (
            f"{only} of {names(alone)}. Add them to another team first, or {memberships.choose_default(by)}."
        )
    try:
        memberships.check_takes(default, Role.objects.get(code="student"), how_many=len(alone))
    except Refusal as refusal:
        return str(refusal)
    return ""


@transaction.atomic
def remove_members(
    *,
    team: Team,
    users: Iterable[User],
    end_access: bool = False,
    leave_groups: bool = True,
    reason: str = REASON,
    by: User | None = None,
    when_alone: Alone = Alone.MUST_MOVE,
) -> Left:
    """Remove users from a team, all or none; users who are not in it are left out. `when_alone` says what
    becomes of those who are in no other team.

    Enrollments stay; with `end_access` those end that the team's seats gave (`given_by`). If the settings
    allow automatic removals and `leave_groups`, users also leave the team's groups that push, except groups
    that another team of theirs pushes to. Raises Refusal when the owner is among them, or somebody would be
    in no team and there is no default team.
    """
    team = Team.objects.select_for_update(of=("self",)).get(pk=team.pk)
    rows = Membership.objects.filter(team=team, user__in=[user.pk for user in users])
    people = [row.user for row in rows.select_for_update(of=("self",)).select_related("user").order_by("pk")]
    if not people:
        return Left(0, 0, 0)
    if owner := next((user for user in people if user.pk == team.owner_id), None):
        raise Refusal(f"{owner} owns {team} and cannot leave it. Make somebody else the owner first.")
    alone = [] if when_alone is Alone.STAYS_OUT else without_another_team(team, people)
    moved = _move_to_default(alone, team, by, when_alone)
    ended = enrollments.expire(given_by(team, people), by=by) if end_access else 0
    record_many(rows, "-", by=by, reason=reason)
    webhooks.emit("membership.deleted", rows.order_by("pk"))
    rows._raw_delete(rows.db)  # their history is written already, in one statement
    if leave_groups:
        _leave_groups(team, people, by)
    return Left(len(people), moved, ended)


def _move_to_default(people: list[User], team: Team, by: User | None, when_alone: Alone) -> int:
    """Returns how many moved."""
    if not people:
        return 0
    default, beyond_limit = SiteSettings.load().default_team, when_alone is Alone.MAY_MOVE
    if beyond_limit and (default is None or default.pk == team.pk):
        return 0
    if not beyond_limit and (why := why_they_stay([team], people, by)):
        raise Refusal(why)
    assert default is not None
    student = Role.objects.get(code="student")
    if by is not None:
        memberships.add_members(team=default, users=people, role=student, by=by, beyond_limit=beyond_limit)
    else:
        for user in people:
            memberships.add_member(team=default, user=user, role=student, beyond_limit=beyond_limit)
    return len(people)


def _leave_groups(team: Team, people: list[User], by: User | None) -> None:
    """Take people who left the team out of its groups that push, if the settings allow automatic removals.
    A user stays in groups that another team of theirs pushes to."""
    sending = set(sending_groups(team.pk))
    if not sending or not SiteSettings.load().mirror_group_removals:
        return
    others = Membership.objects.filter(user__in=people).values_list("user", "team")
    teams: dict[int, set[int]] = {}
    for user, other in others:
        teams.setdefault(user, set()).add(other)
    pushed = GroupAssignment.objects.filter(group__in=sending, direction__in=PUSHING)
    pairs = list(pushed.values_list("team", "group"))
    for person in people:
        held = {group for other, group in pairs if other in teams.get(person.pk, ())}
        groups.remove_from_groups(sending - held, person, by=by, reason=f"left {team}")
